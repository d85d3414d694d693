#include "basket.hpp"

#include <algorithm>

#include "rootfile.hpp"

namespace physlite {
namespace {

struct Members {
    std::uint32_t entries;
    std::uint32_t last;
    std::uint8_t flag;
    bool generated_offsets;
};

/// TBasket's members, which stand at the end of its key.
Members read_members(Cursor& cursor) {
    cursor.skip(2 + 4);  // version, fBufferSize
    std::int32_t entry_size = cursor.i32();
    std::uint8_t io_bits = entry_size < 0 ? cursor.u8() : 0;
    Members out{};
    out.entries = cursor.u32();
    out.last = cursor.u32();
    out.flag = cursor.u8();
    out.generated_offsets = (io_bits & 1) != 0;
    return out;
}

/// Writes big-endian numbers one after the other into bytes that are there already.
class BigEndianWriter {
public:
    explicit BigEndianWriter(std::uint8_t* to) : to_(to) {}
    void put(std::size_t value, int bytes) {
        for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) *to_++ = static_cast<std::uint8_t>(value >> shift);
    }
    void skip(std::size_t bytes) { to_ += bytes; }
    void put(Bytes bytes) { to_ = std::copy(bytes.begin(), bytes.end(), to_); }

private:
    std::uint8_t* to_;
};

}  // namespace

BasketHeader read_basket_header(Bytes page) {
    Cursor cursor(page);
    Key key = read_key(cursor);
    if (key.class_name != "TBasket" && !key.class_name.empty())
        throw CorruptData("a " + std::string(key.class_name.substr(0, 40)) + " where a basket should be");
    Members members = read_members(cursor);
    if (members.generated_offsets)
        throw Unsupported("a basket without its table of entry offsets (ROOT's kGenerateOffsetMap)");
    BasketHeader out{};
    out.total_bytes = key.total_bytes;
    out.object_bytes = key.object_bytes;
    out.key_bytes = key.key_bytes;
    out.entries = members.entries;
    if (cursor.position() > out.key_bytes) throw CorruptData("a basket whose key is too short");
    if (out.total_bytes > page.size())
        throw CorruptData("a basket of " + std::to_string(out.total_bytes) + " bytes where the tree has " +
                          std::to_string(page.size()));
    if (members.last < out.key_bytes || members.last - out.key_bytes > out.object_bytes)
        throw CorruptData("a basket of " + std::to_string(out.object_bytes) + " bytes whose data end at byte " +
                          std::to_string(members.last));
    out.data_bytes = members.last - out.key_bytes;
    // An entry takes a number in the table of offsets, or, where there is none, a byte at least.
    std::size_t table_bytes = out.object_bytes - out.data_bytes;
    std::size_t most_entries = table_bytes > 0 ? (std::max<std::size_t>(table_bytes, 4) - 4) / 4 : out.data_bytes;
    if (out.entries > most_entries)
        throw CorruptData("a basket of " + std::to_string(out.entries) + " entries in " +
                          std::to_string(out.object_bytes) + " bytes");
    if (out.compressed()) check_blocks(page.subspan(out.key_bytes, out.total_bytes - out.key_bytes), out.object_bytes);
    return out;
}

BasketView::BasketView(const BasketHeader& header, Bytes object)
    : data_(object.first(header.data_bytes)), entries_(header.entries), key_bytes_(header.key_bytes) {
    Bytes table = object.subspan(header.data_bytes);
    if (table.empty()) return;
    Cursor cursor(table);
    std::uint32_t count = cursor.u32();
    if (count < entries_ || count > cursor.remaining() / 4)
        throw CorruptData("a table of " + std::to_string(count) + " offsets for " + std::to_string(entries_) +
                          " entries in a basket");
    offsets_ = table.data() + 4;
}

BasketView open_basket(Bytes page, const BasketHeader& header, Decompressor& decompressor, Scratch& scratch) {
    Bytes payload = page.subspan(header.key_bytes, header.total_bytes - header.key_bytes);
    auto object = scratch.get(header.object_bytes);
    if (header.compressed()) {
        decompressor.run(payload, object);
    } else {
        // The page can be a mapped file that somebody overwrites: what is measured and then written must not change.
        std::copy(payload.begin(), payload.end(), object.begin());
    }
    return BasketView(header, object);
}

std::vector<std::uint8_t> detach_embedded_basket(Cursor& cursor, std::int64_t& entries) {
    Key key = read_key_members(cursor);
    Members members = read_members(cursor);
    if (members.generated_offsets || members.flag >= 80)
        throw Unsupported("a basket without its table of entry offsets (ROOT's kGenerateOffsetMap)");
    entries = members.entries;
    std::vector<std::uint32_t> offsets;
    // TBasket::Streamer: the flag tells which of offsets, displacements and data follow.
    bool has_offsets = members.flag != 0 && members.flag % 10 != 2;
    if (has_offsets && members.entries > 0) {
        std::uint32_t count = cursor.u32();
        Bytes raw = cursor.take(std::size_t{4} * count);
        constexpr std::uint32_t displacement_mask = 0x00FFFFFF;
        bool masked = members.flag > 20 && members.flag < 40;
        offsets.resize(count);
        for (std::uint32_t i = 0; i < count; ++i) {
            offsets[i] = load_be<std::uint32_t>(raw.data() + 4 * i);
            if (masked) offsets[i] &= displacement_mask;
        }
        if (members.flag > 40) cursor.skip(std::size_t{4} * cursor.u32());  // displacements
    }
    if (members.flag != 1 && members.flag <= 10) {
        entries = 0;  // its data are on file
        return {};
    }
    Bytes buffer = cursor.take(members.last);
    if (members.last < key.key_bytes) throw CorruptData("an embedded basket shorter than its key");
    Bytes data = buffer.subspan(key.key_bytes);

    constexpr std::size_t key_bytes = 48;  // a key with empty names, and TBasket's members
    std::size_t table_bytes = offsets.empty() ? 0 : 4 + 4 * offsets.size();
    std::vector<std::uint8_t> out(key_bytes + data.size() + table_bytes);
    BigEndianWriter w(out.data());
    w.put(out.size(), 4);
    w.put(4, 2);  // version of TKey
    w.put(data.size() + table_bytes, 4);
    w.put(0, 4);  // date
    w.put(key_bytes, 2);
    w.put(0, 2);  // cycle
    w.skip(11);   // fSeekKey, fSeekPdir, three empty names
    w.put(3, 2);  // version of TBasket
    w.skip(8);    // fBufferSize, fNevBufSize
    w.put(members.entries, 4);
    w.put(key_bytes + data.size(), 4);
    w.put(0, 1);  // flag: header only
    w.put(data);
    if (!offsets.empty()) {
        w.put(offsets.size(), 4);
        for (std::uint32_t offset : offsets) w.put(offset - key.key_bytes + key_bytes, 4);
    }
    return out;
}

}  // namespace physlite
