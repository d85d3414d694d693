#include "object.hpp"

namespace physlite {
namespace {

constexpr std::uint32_t byte_count_mask = 0x40000000;
constexpr std::uint32_t new_class_tag = 0xFFFFFFFF;
constexpr std::uint32_t class_mask = 0x80000000;
constexpr std::uint32_t map_offset = 2;
constexpr std::uint32_t is_referenced = 1u << 4;
/// Names of streamed classes are those of ROOT's own (TBranchElement, TStreamerBasicType) and end up in every object.
constexpr std::size_t longest_class_name = 255;

void finish_at(Cursor& cursor, const std::optional<std::size_t>& end) {
    if (!end) return;
    if (cursor.position() > *end)
        throw CorruptData("an object is longer than its byte count, at byte " + std::to_string(cursor.position()));
    cursor.seek(*end);
}

}  // namespace

ObjectHeader read_object_header(Cursor& cursor) {
    ObjectHeader header;
    std::size_t start = cursor.position();
    std::uint32_t count = cursor.u32();
    if (count & byte_count_mask) {
        std::size_t end = start + 4 + (count & ~byte_count_mask);
        if (end > cursor.size() || end < start + 6)
            throw CorruptData("an object at byte " + std::to_string(start) + " claims to end at byte " +
                              std::to_string(end) + " of " + std::to_string(cursor.size()));
        header.end = end;
        header.version = cursor.u16();
    } else {
        cursor.seek(start);
        header.version = cursor.u16();
    }
    return header;
}

void finish_object(Cursor& cursor, const ObjectHeader& header) { finish_at(cursor, header.end); }

void finish_object(Cursor& cursor, const ObjectReader::Pointer& pointer) { finish_at(cursor, pointer.end); }

void skip_object(Cursor& cursor) {
    std::size_t start = cursor.position();
    ObjectHeader header = read_object_header(cursor);
    if (!header.end) throw CorruptData("an object without a byte count at byte " + std::to_string(start));
    cursor.seek(*header.end);
}

void skip_tobject(Cursor& cursor) {
    std::uint16_t version = cursor.u16();
    if (version & 0x4000) cursor.skip(4);  // the upper half of a byte count: rare, but ROOT reads it
    cursor.skip(4);                        // fUniqueID
    if (cursor.u32() & is_referenced) cursor.skip(2);
}

Named read_tnamed(Cursor& cursor) {
    ObjectHeader header = read_object_header(cursor);
    skip_tobject(cursor);
    Named out;
    out.name = cursor.string();
    out.title = cursor.string();
    finish_object(cursor, header);
    return out;
}

ObjectReader::Pointer ObjectReader::next(Cursor& cursor) {
    std::size_t start = cursor.position();
    Pointer out;
    std::uint32_t tag = cursor.u32();
    bool counted = (tag & byte_count_mask) != 0 && tag != new_class_tag;
    if (counted) {
        std::size_t end = start + 4 + (tag & ~byte_count_mask);
        if (end > cursor.size() || end < start + 8)
            throw CorruptData("an object at byte " + std::to_string(start) + " claims to end at byte " +
                              std::to_string(end) + " of " + std::to_string(cursor.size()));
        out.end = end;
    }
    std::size_t tag_start = cursor.position();
    if (counted) {
        tag = cursor.u32();
    } else {
        tag_start = start;
    }
    if (!(tag & class_mask)) {
        out.reference = tag;  // 0: null
        if (out.end) cursor.seek(*out.end);
        return out;
    }
    if (tag == new_class_tag) {
        out.class_name = cursor.c_string();
        if (out.class_name.empty() || out.class_name.size() > longest_class_name)
            throw CorruptData("a class name of " + std::to_string(out.class_name.size()) + " bytes at byte " +
                              std::to_string(tag_start));
        classes_[static_cast<std::uint32_t>(tag_start + key_bytes_) + map_offset] = out.class_name;
    } else {
        auto found = classes_.find(tag & ~class_mask);
        if (found == classes_.end())
            throw CorruptData("a reference to an unknown class at byte " + std::to_string(tag_start));
        out.class_name = found->second;
    }
    out.reference = static_cast<std::uint32_t>(start + key_bytes_) + map_offset;
    return out;
}

std::size_t read_tobjarray(Cursor& cursor, ObjectHeader& header) {
    header = read_object_header(cursor);
    skip_tobject(cursor);
    cursor.string();
    std::uint32_t count = cursor.u32();
    cursor.skip(4);  // fLowerBound
    // Each pointer takes at least 4 bytes: more than that is a damaged count.
    if (count > cursor.remaining() / 4)
        throw CorruptData("an array of " + std::to_string(count) + " objects in " + std::to_string(cursor.remaining()) +
                          " bytes");
    return count;
}

}  // namespace physlite
