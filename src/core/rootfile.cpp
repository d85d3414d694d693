#include "rootfile.hpp"

#include <algorithm>

#include "decompress.hpp"
#include "object.hpp"

namespace physlite {
namespace {

/// Files beyond 2 GB mark it by a version over a million, and directories and keys by one over a thousand.
constexpr std::uint32_t big_file_version = 1'000'000;
constexpr std::uint16_t big_record_version = 1000;

std::uint64_t seek_value(Cursor& cursor, bool big) { return big ? cursor.u64() : cursor.u32(); }

StreamerElement read_element(Cursor& cursor, std::string_view class_name) {
    StreamerElement out{std::string(class_name), {}, {}, 0, 0, {}, 0};
    ObjectHeader outer = read_object_header(cursor);
    if (class_name == "TStreamerSTLstring") read_object_header(cursor);  // derives from TStreamerSTL
    ObjectHeader header = read_object_header(cursor);
    if (header.version < 2 || header.version > 4)
        throw Unsupported("TStreamerElement version " + std::to_string(header.version));
    Named named = read_tnamed(cursor);
    out.name = named.name;
    out.title = named.title;
    out.type = cursor.i32();
    cursor.skip(4);  // fSize
    out.array_length = cursor.i32();
    cursor.skip(4 + 5 * 4);  // fArrayDim, fMaxIndex
    out.type_name = cursor.string();
    finish_object(cursor, header);
    if (class_name == "TStreamerBase" && outer.version > 2) out.base_version = cursor.i32();
    finish_object(cursor, outer);
    return out;
}

StreamerInfo read_info(Cursor& cursor, ObjectReader& objects) {
    StreamerInfo out{};
    ObjectHeader header = read_object_header(cursor);
    out.name = read_tnamed(cursor).name;
    out.checksum = cursor.u32();
    out.version = static_cast<std::uint16_t>(cursor.u32());
    ObjectReader::Pointer array = objects.next(cursor);
    if (array.class_name != "TObjArray") throw CorruptData("a TStreamerInfo without elements");
    ObjectHeader array_header;
    std::size_t count = read_tobjarray(cursor, array_header);
    for (std::size_t i = 0; i < count; ++i) {
        ObjectReader::Pointer element = objects.next(cursor);
        if (!element.is_new()) continue;
        out.elements.push_back(read_element(cursor, element.class_name));
        finish_object(cursor, element);
    }
    finish_object(cursor, header);
    return out;
}

}  // namespace

FileHeader read_file_header(Bytes data) {
    Cursor cursor(data);
    Bytes magic = cursor.take(4);
    if (!std::equal(magic.begin(), magic.end(), "root")) throw CorruptData("not a ROOT file");
    FileHeader out{};
    out.version = cursor.u32();
    bool big = out.version >= big_file_version;
    out.begin = cursor.u32();
    out.end = seek_value(cursor, big);
    seek_value(cursor, big);  // fSeekFree
    cursor.skip(4 + 4);       // fNbytesFree, nfree
    out.name_bytes = cursor.u32();
    cursor.skip(1);  // fUnits
    out.compression = cursor.u32();
    out.streamers_offset = seek_value(cursor, big);
    out.streamers_bytes = cursor.u32();
    cursor.skip(2);  // version of TUUID
    Bytes uuid = cursor.take(out.uuid.size());
    std::copy(uuid.begin(), uuid.end(), out.uuid.begin());
    if (out.begin < cursor.position() - 18 || out.begin > out.end)
        throw CorruptData("the file header's offsets are inconsistent");
    return out;
}

Directory read_directory(Bytes data) {
    Cursor cursor(data);
    std::uint16_t version = cursor.u16();
    bool big = version > big_record_version;
    cursor.skip(4 + 4);  // dates of creation and modification
    Directory out{};
    out.keys_bytes = cursor.u32();
    cursor.skip(4);           // fNbytesName
    seek_value(cursor, big);  // fSeekDir
    seek_value(cursor, big);  // fSeekParent
    out.keys_offset = seek_value(cursor, big);
    return out;
}

Key read_key(Cursor& cursor) {
    Key out = read_key_members(cursor);
    if (out.key_bytes > out.total_bytes || out.total_bytes > 0x7FFFFFFF || out.object_bytes > 0x7FFFFFFF)
        throw CorruptData("a key with inconsistent sizes (" + std::to_string(out.total_bytes) + " bytes, key " +
                          std::to_string(out.key_bytes) + ", object " + std::to_string(out.object_bytes) + ")");
    return out;
}

Key read_key_members(Cursor& cursor) {
    std::size_t start = cursor.position();
    Key out{};
    out.total_bytes = cursor.u32();
    std::uint16_t version = cursor.u16();
    out.object_bytes = cursor.u32();
    cursor.skip(4);  // date
    out.key_bytes = cursor.u16();
    out.cycle = cursor.u16();
    bool big = version > big_record_version;
    out.offset = seek_value(cursor, big);
    seek_value(cursor, big);  // fSeekPdir
    out.class_name = cursor.string();
    out.name = cursor.string();
    out.title = cursor.string();
    // TBasket's own members still belong to the key's bytes, so only "not longer" can be asked.
    if (cursor.position() - start > out.key_bytes)
        throw CorruptData("a key of " + std::to_string(out.key_bytes) + " bytes that is longer than that");
    return out;
}

std::vector<Key> read_keys(Bytes data) {
    Cursor cursor(data);
    Key own = read_key(cursor);
    cursor.seek(own.key_bytes);
    std::uint32_t count = cursor.u32();
    constexpr std::size_t least_key_bytes = 29;
    if (count > cursor.remaining() / least_key_bytes)
        throw CorruptData("a directory of " + std::to_string(count) + " keys in " + std::to_string(cursor.remaining()) +
                          " bytes");
    std::vector<Key> out;
    out.reserve(count);
    for (std::uint32_t i = 0; i < count; ++i) out.push_back(read_key(cursor));
    return out;
}

std::vector<std::uint8_t> read_object(Bytes data) {
    Cursor cursor(data);
    Key key = read_key(cursor);
    cursor.seek(key.key_bytes);
    Bytes payload = cursor.take(key.total_bytes - key.key_bytes);
    if (!key.compressed()) return {payload.begin(), payload.end()};
    check_blocks(payload, key.object_bytes);
    std::vector<std::uint8_t> out(key.object_bytes);
    Decompressor().run(payload, out);
    return out;
}

std::vector<StreamerInfo> read_streamers(Bytes data, std::size_t key_bytes) {
    Cursor cursor(data);
    ObjectReader objects(key_bytes);
    ObjectHeader header = read_object_header(cursor);
    skip_tobject(cursor);
    cursor.string();
    std::uint32_t count = cursor.u32();
    if (count > cursor.remaining() / 4) throw CorruptData("a list of " + std::to_string(count) + " streamers");
    std::vector<StreamerInfo> out;
    for (std::uint32_t i = 0; i < count; ++i) {
        ObjectReader::Pointer item = objects.next(cursor);
        if (item.class_name == "TStreamerInfo") out.push_back(read_info(cursor, objects));
        finish_object(cursor, item);
        cursor.string();  // the option that TList keeps beside each item
    }
    finish_object(cursor, header);
    return out;
}

}  // namespace physlite
