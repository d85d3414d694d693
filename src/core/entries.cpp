// Two passes over the entries of a decompressed basket while it is in the cache. The first ("measure") walks them with
// a Cursor, rejects what does not fit, and counts what will come out. The second ("write") goes over the same bytes and
// checks nothing. Of most entries, those of lists.hpp, the first pass needs to know little, and the second one checks.

#include "entries.hpp"

#include <bit>
#include <cstring>
#include <string>

#include "cursor.hpp"
#include "items.hpp"
#include "lists.hpp"

namespace physlite {
namespace {

constexpr std::uint16_t memberwise_mask = 0x4000;

// ---------------------------------------------------------------------------------------------------------- measure

void measure(const Node& node, Cursor& cursor, std::size_t n, Counts& counts);

std::size_t read_count(const Node& item, Cursor& cursor) {
    std::uint64_t n = cursor.u32();
    if (n * item.least > cursor.remaining())  // 32 bits times 31: no overflow
        throw CorruptData("a list of " + std::to_string(n) + " items in " + std::to_string(cursor.remaining()) +
                          " bytes");
    return n;
}

/// Passes over `n` lists of items of a fixed size; returns the number of items. Most of the lists in a file are short,
/// so that this loop is most of the measuring.
std::size_t skip_lists(std::size_t item_bytes, Cursor& cursor, std::size_t n) {
    Bytes rest = cursor.rest();
    std::size_t at = 0;
    std::size_t items = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if (rest.size() - at < 4) throw CorruptData("a list that begins behind the end of its entry");
        std::uint64_t m = load_be<std::uint32_t>(rest.data() + at);
        at += 4;
        if (m * item_bytes > rest.size() - at)  // 32 bits times 31: no overflow, and no division
            throw CorruptData("a list of " + std::to_string(m) + " items in " + std::to_string(rest.size() - at) +
                              " bytes");
        at += m * item_bytes;
        items += m;
    }
    cursor.skip(at);
    return items;
}

void measure_exact(const Node& node, Cursor& cursor, std::size_t n, Counts& counts) {
    if (n > cursor.remaining() / node.least)
        throw CorruptData(std::to_string(n) + " items of " + std::to_string(node.least) + " bytes in " +
                          std::to_string(cursor.remaining()) + " bytes");
    cursor.skip(n * node.least);
    count_exact(node, n, counts);
}

/// The header of a streamed collection of objects, and how many there are.
struct CollectionHeader {
    bool memberwise;
    std::size_t bytes;  ///< of the header, the number included
    std::uint32_t n;
};

CollectionHeader read_collection_header(Cursor& cursor) {
    std::size_t start = cursor.position();
    cursor.skip(4);  // byte count, compared with the entry's size by the caller
    bool memberwise = cursor.u16() & memberwise_mask;
    // The version of the objects' class; a class without one writes its checksum as well.
    if (memberwise && cursor.u16() == 0) cursor.skip(4);
    std::uint32_t n = cursor.u32();
    return {memberwise, cursor.position() - start, n};
}

void measure_objects(const Node& node, Cursor& cursor, Counts& counts) {
    const Node& record = node.children[0];
    CollectionHeader header = read_collection_header(cursor);
    std::size_t least = header.memberwise ? record.least - record.number : record.least;
    if (header.n > cursor.remaining() / least)
        throw CorruptData("a list of " + std::to_string(header.n) + " objects in " +
                          std::to_string(cursor.remaining()) + " bytes");
    if (header.memberwise) {
        for (const Node& member : record.children) measure(member, cursor, header.n, counts);
    } else {
        measure(record, cursor, header.n, counts);
    }
    counts[node.slot] += 1;
    counts[node.items] += header.n;
}

/// Whether something with this header and content begins with a byte count.
bool has_byte_count(std::size_t header, const Node& node) {
    return header >= 4 || node.op == Op::objects || node.op == Op::size;
}

/// The bytes at the cursor that a byte count covers, itself included.
Bytes take_counted(Cursor& cursor) {
    std::size_t start = cursor.position();
    std::uint32_t count = cursor.u32();
    if (!(count & byte_count_mask)) throw CorruptData("an object without a byte count");
    cursor.seek(start);
    return cursor.take(4 + std::size_t{count & ~byte_count_mask});
}

/// The bytes of a member, header included; of one without a byte count, up to the end of the object.
Bytes find_member(const Node& node, Cursor& cursor) {
    for (std::int64_t skip : node.skips) {
        if (skip == counted_object) {
            take_counted(cursor);
        } else {
            cursor.skip(static_cast<std::size_t>(skip));
        }
    }
    if (has_byte_count(node.number, node.children[0])) return take_counted(cursor);
    return cursor.take(cursor.remaining());
}

void measure(const Node& node, Cursor& cursor, std::size_t n, Counts& counts) {
    if (node.exact) return measure_exact(node, cursor, n, counts);
    switch (node.op) {
        case Op::list: {
            const Node& item = node.children[0];
            std::size_t items = 0;
            if (item.exact) {
                items = skip_lists(item.least, cursor, n);
                count_exact(item, items, counts);
            } else {
                for (std::size_t i = 0; i < n; ++i) {
                    std::size_t m = read_count(item, cursor);
                    items += m;
                    measure(item, cursor, m, counts);
                }
            }
            counts[node.slot] += static_cast<std::int64_t>(n);
            counts[node.items] += static_cast<std::int64_t>(items);
            break;
        }
        case Op::to_end: {
            const Node& item = node.children[0];
            std::size_t items = 0;
            if (item.exact) {
                items = cursor.remaining() / item.least;
                measure_exact(item, cursor, items, counts);
            } else {
                for (; cursor.remaining() > 0; ++items) measure(item, cursor, 1, counts);
            }
            counts[node.slot] += static_cast<std::int64_t>(n);
            counts[node.items] += static_cast<std::int64_t>(items);
            break;
        }
        case Op::string: {
            bool empty = node.alone && cursor.remaining() == 0;
            for (std::size_t i = 0; i < n && !empty; ++i)
                counts[node.slot + 1] += static_cast<std::int64_t>(cursor.string().size());
            counts[node.slot] += static_cast<std::int64_t>(n);
            break;
        }
        case Op::objects: measure_objects(node, cursor, counts); break;
        case Op::member: {
            Bytes bytes = find_member(node, cursor);
            Cursor inner(bytes, node.number);
            measure(node.children[0], inner, 1, counts);
            if (has_byte_count(node.number, node.children[0]) && inner.remaining() != 0)
                throw CorruptData("a member with " + std::to_string(inner.remaining()) +
                                  " bytes more than its content needs");
            cursor.skip(cursor.remaining());
            break;
        }
        case Op::size:
            read_collection_header(cursor);
            cursor.skip(cursor.remaining());
            counts[node.slot] += 1;
            break;
        case Op::fixed: measure(node.children[0], cursor, n * node.number, counts); break;
        case Op::record:
            for (std::size_t i = 0; i < n; ++i) {
                cursor.skip(node.number);
                for (const Node& child : node.children) measure(child, cursor, 1, counts);
            }
            break;
        default: throw CorruptData("a column program that cannot be");
    }
}

// ------------------------------------------------------------------------------------------------------------ write

void copy_values(Value value, std::uint8_t* to, const std::uint8_t* from, std::size_t n) {
    switch (value) {
        case Value::boolean:
            for (std::size_t i = 0; i < n; ++i) to[i] = from[i] != 0;
            break;
        case Value::i1:
        case Value::u1: std::memcpy(to, from, n); break;
        case Value::i2:
        case Value::u2: copy_swapped<std::uint16_t>(to, from, n); break;
        case Value::i4:
        case Value::u4:
        case Value::f4: copy_swapped<std::uint32_t>(to, from, n); break;
        case Value::f4_as_f8:
            for (std::size_t i = 0; i < n; ++i) {
                double wide = std::bit_cast<float>(load_be<std::uint32_t>(from + 4 * i));
                std::memcpy(to + 8 * i, &wide, 8);
            }
            break;
        default: copy_swapped<std::uint64_t>(to, from, n);
    }
}

void put_real(const Node& node, std::uint8_t* to, std::size_t i, double value) {
    if (node.value == Value::f8) {
        std::memcpy(to + 8 * i, &value, 8);
    } else {
        auto narrow = static_cast<float>(value);
        std::memcpy(to + 4 * i, &narrow, 4);
    }
}

/// TBufferFile::ReadWithFactor: low + integer / factor, where factor = 2^bits / (high - low).
void copy_scaled(const Node& node, std::uint8_t* to, const std::uint8_t* from, std::size_t n) {
    double steps = node.number < 32 ? static_cast<double>((std::uint64_t{1} << node.number)) : 4294967295.0;
    double factor = steps / (node.high - node.low);
    for (std::size_t i = 0; i < n; ++i) put_real(node, to, i, node.low + load_be<std::uint32_t>(from + 4 * i) / factor);
}

/// TBufferFile::ReadWithNbits: the exponent of a float, then the upper bits of its mantissa and the sign.
void copy_truncated(const Node& node, std::uint8_t* to, const std::uint8_t* from, std::size_t n) {
    std::size_t bits = node.number;
    for (std::size_t i = 0; i < n; ++i) {
        std::uint32_t exponent = from[3 * i];
        std::uint32_t mantissa = load_be<std::uint16_t>(from + 3 * i + 1);
        std::uint32_t word = exponent << 23 | (mantissa & ((1u << (bits + 1)) - 1)) << (23 - bits);
        float value = std::bit_cast<float>(word & 0x7FFFFFFF);
        if (mantissa & (1u << (bits + 1))) value = -value;
        put_real(node, to, i, value);
    }
}

const std::uint8_t* write_values(const Node& node, const std::uint8_t* p, std::size_t n, Writer& w) {
    std::uint8_t* to = w.out[node.slot] + static_cast<std::size_t>(w.at[node.slot]) * node.width;
    switch (node.op) {
        case Op::scaled: copy_scaled(node, to, p, n); break;
        case Op::truncated: copy_truncated(node, to, p, n); break;
        default: copy_values(node.value, to, p, n);
    }
    w.at[node.slot] += static_cast<std::int64_t>(n);
    return p + n * node.least;
}

const std::uint8_t* write(const Node& node, const std::uint8_t* p, const std::uint8_t* end, std::size_t n, Writer& w);

/// Records of 4-byte members, member by member.
const std::uint8_t* write_records_of_words(const Node& node, const std::uint8_t* p, std::size_t n, Writer& w) {
    const std::uint8_t* from = p + node.number;
    for (const Node& field : node.children) {
        std::uint8_t* to = w.out[field.slot] + 4 * static_cast<std::size_t>(w.at[field.slot]);
        for (std::size_t i = 0; i < n; ++i) copy_block_swapped<std::uint32_t>(to + 4 * i, from + i * node.least, 1);
        w.at[field.slot] += static_cast<std::int64_t>(n);
        from += 4;
    }
    return p + n * node.least;
}

void close_list(const Node& node, std::size_t items, Writer& w) {
    w.at[node.items] += static_cast<std::int64_t>(items);
    w.put_offset(node.slot, w.at[node.items]);
}

/// Lists of items of the usual kinds, the innermost level of nested vectors.
template <class Items>
const std::uint8_t* write_lists_of(Items items, const Node& list, const std::uint8_t* p, std::size_t n, Writer& w) {
    auto* offsets = reinterpret_cast<std::int64_t*>(w.out[list.slot]) + w.at[list.slot] + 1;
    std::int64_t total = w.at[list.items];
    for (std::size_t i = 0; i < n; ++i) {
        std::size_t m = load_be<std::uint32_t>(p);
        items.take(p + 4, m);
        p += 4 + m * items.stride;
        total += static_cast<std::int64_t>(m);
        offsets[i] = total;
    }
    w.at[list.slot] += static_cast<std::int64_t>(n);
    items.commit(w, total - w.at[list.items]);
    w.at[list.items] = total;
    return p;
}

const std::uint8_t* write_objects(const Node& node, const std::uint8_t* p, const std::uint8_t* end, Writer& w) {
    const Node& record = node.children[0];
    Cursor cursor({p, end});
    CollectionHeader header = read_collection_header(cursor);
    p += header.bytes;
    if (header.memberwise) {
        for (const Node& member : record.children) p = write(member, p, end, header.n, w);
    } else {
        p = write(record, p, end, header.n, w);
    }
    close_list(node, header.n, w);
    return p;
}

const std::uint8_t* write_size(const Node& node, const std::uint8_t* p, const std::uint8_t* end, Writer& w) {
    Cursor cursor({p, end});
    std::uint32_t n = read_collection_header(cursor).n;
    std::memcpy(w.out[node.slot] + 4 * static_cast<std::size_t>(w.at[node.slot]), &n, 4);
    w.at[node.slot] += 1;
    return end;
}

const std::uint8_t* write(const Node& node, const std::uint8_t* p, const std::uint8_t* end, std::size_t n, Writer& w) {
    switch (node.op) {
        case Op::fixed: return write(node.children[0], p, end, n * node.number, w);
        case Op::list: {
            const Node& item = node.children[0];
            const std::uint8_t* after = nullptr;
            if (with_items(item, w, [&](auto items) { after = write_lists_of(items, node, p, n, w); })) return after;
            for (std::size_t i = 0; i < n; ++i) {
                std::size_t m = load_be<std::uint32_t>(p);
                p = write(item, p + 4, end, m, w);
                close_list(node, m, w);
            }
            return p;
        }
        case Op::to_end: {
            const Node& item = node.children[0];
            std::size_t m = 0;
            if (item.exact) {
                m = static_cast<std::size_t>(end - p) / item.least;
                p = write(item, p, end, m, w);
            } else {
                for (; p < end; ++m) p = write(item, p, end, 1, w);
            }
            close_list(node, m, w);
            return p;
        }
        case Op::record:
            if (node.words) return write_records_of_words(node, p, n, w);
            for (std::size_t i = 0; i < n; ++i) {
                p += node.number;
                for (const Node& child : node.children) p = write(child, p, end, 1, w);
            }
            return p;
        case Op::string:
            if (node.alone && p == end) {
                w.put_offset(node.slot, w.at[node.slot + 1]);
                return p;
            }
            for (std::size_t i = 0; i < n; ++i) {
                std::size_t length = *p++;
                if (length == 255) {
                    length = load_be<std::uint32_t>(p);
                    p += 4;
                }
                std::memcpy(w.out[node.slot + 1] + w.at[node.slot + 1], p, length);
                w.at[node.slot + 1] += static_cast<std::int64_t>(length);
                w.put_offset(node.slot, w.at[node.slot + 1]);
                p += length;
            }
            return p;
        case Op::objects: return write_objects(node, p, end, w);
        case Op::member: {
            Cursor cursor({p, end});
            Bytes bytes = find_member(node, cursor);
            write(node.children[0], bytes.data() + node.number, bytes.data() + bytes.size(), 1, w);
            return end;
        }
        case Op::size: return write_size(node, p, end, w);
        default: return write_values(node, p, n, w);
    }
}

void check_byte_count(std::size_t i, Bytes entry) {
    if (entry.size() < 4) corrupt_entry(i, "it is shorter than its byte count");
    std::uint32_t count = load_be<std::uint32_t>(entry.data());
    if (!(count & byte_count_mask) || (count & ~byte_count_mask) + 4 != entry.size())
        corrupt_entry(i, "its byte count does not match its " + std::to_string(entry.size()) + " bytes");
}

void measure_entry(const Program& program, std::size_t i, Bytes entry, Counts& counts) {
    if (has_byte_count(program.header, program.root)) check_byte_count(i, entry);
    Cursor cursor(entry);
    try {
        cursor.skip(program.header);
        measure(program.root, cursor, 1, counts);
    } catch (const CorruptData& error) {
        corrupt_entry(i, error.what());
    }
    if (cursor.remaining() != 0)
        corrupt_entry(i, std::to_string(cursor.remaining()) + " bytes more than its content needs");
}

}  // namespace

void corrupt_entry(std::size_t entry, const std::string& what) {
    throw CorruptData("entry " + std::to_string(entry) + " of the basket: " + what);
}

void count_exact(const Node& node, std::size_t n, Counts& counts) {
    switch (node.op) {
        case Op::fixed: count_exact(node.children[0], n * node.number, counts); break;
        case Op::record:
            for (const Node& child : node.children) count_exact(child, n, counts);
            break;
        default: counts[node.slot] += static_cast<std::int64_t>(n);
    }
}

void write_exact(const Node& node, const std::uint8_t* p, std::size_t n, Writer& w) { write(node, p, nullptr, n, w); }

void check_entry(const Program& program, std::size_t i, Bytes entry) {
    Counts counts(program.counters, 0);
    measure_entry(program, i, entry, counts);
}

// ------------------------------------------------------------------------------------------------- entries of a page

PageEntries::PageEntries(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end)
    : program_(&program), basket_(basket), begin_(begin), end_(end) {
    if (basket.has_offsets()) return;
    if (!program.root.exact) throw CorruptData("a basket without the table of its entries' offsets");
    stride_ = program.header + program.root.least;
    if (basket.data().size() != stride_ * basket.entries())
        throw CorruptData(std::to_string(basket.data().size()) + " bytes for " + std::to_string(basket.entries()) +
                          " entries of " + std::to_string(stride_) + " bytes");
}

void PageEntries::measure_all(Counts& counts) const {
    if (stride_ != 0 && program_->header == 0) {
        count_exact(program_->root, end_ - begin_, counts);
    } else if (basket_.has_offsets() && are_sized_lists(*program_)) {
        measure_sized_lists(*program_, basket_, begin_, end_, counts);
    } else if (program_->root.op == Op::size) {
        counts[program_->root.slot] += static_cast<std::int64_t>(end_ - begin_);
    } else {
        for (std::size_t i = begin_; i < end_; ++i) measure_entry(*program_, i, bytes(i), counts);
    }
}

void PageEntries::write_all(Writer& w) const {
    w.readable = basket_.data().data() + basket_.data().size();
    if (stride_ != 0 && program_->header == 0) {
        write_exact(program_->root, basket_.data().data() + begin_ * stride_, end_ - begin_, w);
    } else if (basket_.has_offsets() && are_sized_lists(*program_)) {
        write_sized_lists(*program_, basket_, begin_, end_, w);
    } else if (program_->root.op == Op::size) {
        write_sizes(w);
    } else {
        for (std::size_t i = begin_; i < end_; ++i) {
            Bytes entry = bytes(i);
            write(program_->root, entry.data() + program_->header, entry.data() + entry.size(), 1, w);
        }
    }
}

Bytes PageEntries::bytes(std::size_t i) const {
    std::size_t from = stride_ != 0 ? i * stride_ : basket_.start(i);
    std::size_t to = stride_ != 0 ? from + stride_ : basket_.start(i + 1);
    if (to < from) corrupt_entry(i, "it ends before it starts");
    return basket_.data().subspan(from, to - from);
}

/// Whatever follows the header of a collection is passed over, so that this is checked and written at once.
void PageEntries::write_sizes(Writer& w) const {
    const Node& size = program_->root;
    std::uint8_t* to = w.out[size.slot] + 4 * static_cast<std::size_t>(w.at[size.slot]);
    for (std::size_t i = begin_; i < end_; ++i, to += 4) {
        Bytes entry = bytes(i);
        check_byte_count(i, entry);
        Cursor cursor(entry);
        cursor.skip(program_->header);
        std::uint32_t n = read_collection_header(cursor).n;
        std::memcpy(to, &n, 4);
    }
    w.at[size.slot] += static_cast<std::int64_t>(end_ - begin_);
}

}  // namespace physlite
