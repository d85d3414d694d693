// Two passes over the entries of a decompressed basket while it is in the cache. The first ("measure") walks them with
// a Cursor, rejects what does not fit, and counts what will come out. The second ("write") goes over the same bytes and
// checks nothing.

#include "entries.hpp"

#include <bit>
#include <cstring>
#include <string>
#include <type_traits>

#include "cursor.hpp"

namespace physlite {
namespace {

constexpr std::uint32_t byte_count_mask = 0x40000000;
constexpr std::uint16_t memberwise_mask = 0x4000;
constexpr std::size_t vector_header = 6;  // byte count and version, before a vector's own count

[[noreturn]] void corrupt_entry(std::size_t entry, const std::string& what) {
    throw CorruptData("entry " + std::to_string(entry) + " of the basket: " + what);
}

/// Calls a function with the size of items; the usual ones as constants, by which a compiler divides quickly.
template <class F>
auto with_size(std::size_t size, F function) {
    switch (size) {
        case 1: return function(std::integral_constant<std::size_t, 1>{});
        case 2: return function(std::integral_constant<std::size_t, 2>{});
        case 4: return function(std::integral_constant<std::size_t, 4>{});
        case 8: return function(std::integral_constant<std::size_t, 8>{});
        default: return function(size);
    }
}

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

/// Counts what `n` of a node add to each output when all of it has a fixed size.
void count_exact(const Node& node, std::size_t n, Counts& counts) {
    switch (node.op) {
        case Op::fixed: count_exact(node.children[0], n * node.number, counts); break;
        case Op::record:
            for (const Node& child : node.children) count_exact(child, n, counts);
            break;
        default: counts[node.slot] += static_cast<std::int64_t>(n);
    }
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

template <class T>
inline void copy_block_swapped(std::uint8_t* to, const std::uint8_t* from, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) {
        T value = load_be<T>(from + i * sizeof(T));
        std::memcpy(to + i * sizeof(T), &value, sizeof(T));
    }
}

/// Copies numbers into native order, 16 bytes at a time; the last block overlaps the one before it, which is cheaper
/// than going number by number through what is left of a short list.
template <class T>
inline void copy_swapped(std::uint8_t* to, const std::uint8_t* from, std::size_t n) {
    constexpr std::size_t block = 16 / sizeof(T);
    if (n < block) return copy_block_swapped<T>(to, from, n);
    for (std::size_t i = 0; i + block <= n; i += block)
        copy_block_swapped<T>(to + i * sizeof(T), from + i * sizeof(T), block);
    copy_block_swapped<T>(to + (n - block) * sizeof(T), from + (n - block) * sizeof(T), block);
}

/// How far `copy_ahead` may read and write behind what it copies.
constexpr std::size_t ahead = 32;

/// Copies numbers as copy_swapped does, `ahead` bytes at a time, one time at least: for short lists of various lengths
/// it guesses wrong less often how many times it is.
template <class T>
inline void copy_ahead(std::uint8_t* to, const std::uint8_t* from, std::size_t n) {
    constexpr std::size_t block = ahead / sizeof(T);
    std::size_t i = 0;
    do copy_block_swapped<T>(to + i * sizeof(T), from + i * sizeof(T), block);
    while ((i += block) < n);
}

/// The place where a writer puts the numbers of lists, one list after the other; the next one overwrites what was
/// written too far.
template <class T>
class Lists {
public:
    Lists(const Node& item, const Writer& w)
        : to_(w.out[item.slot] + static_cast<std::size_t>(w.at[item.slot]) * sizeof(T)),
          end_(w.out[item.slot] + static_cast<std::size_t>(w.end[item.slot]) * sizeof(T)),
          from_end_(w.readable) {}

    void copy(const std::uint8_t* from, std::size_t n) {
        std::size_t bytes = n * sizeof(T);
        if (bytes + ahead <= static_cast<std::size_t>(end_ - to_) &&
            bytes + ahead <= static_cast<std::size_t>(from_end_ - from)) {
            copy_ahead<T>(to_, from, n);
        } else {
            copy_swapped<T>(to_, from, n);
        }
        to_ += bytes;
    }

private:
    std::uint8_t* to_;
    const std::uint8_t* end_;
    const std::uint8_t* from_end_;
};

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

/// Lists of numbers, the innermost level of nested vectors.
template <class T>
const std::uint8_t* write_lists_of(const Node& list, const std::uint8_t* p, std::size_t n, Writer& w) {
    std::int64_t items = w.at[list.items];
    Lists<T> lists(list.children[0], w);
    auto* offsets = reinterpret_cast<std::int64_t*>(w.out[list.slot]) + w.at[list.slot] + 1;
    for (std::size_t i = 0; i < n; ++i) {
        std::size_t m = load_be<std::uint32_t>(p);
        lists.copy(p + 4, m);
        p += 4 + m * sizeof(T);
        items += static_cast<std::int64_t>(m);
        offsets[i] = items;
    }
    w.at[list.slot] += static_cast<std::int64_t>(n);
    w.at[list.children[0].slot] += items - w.at[list.items];
    w.at[list.items] = items;
    return p;
}

/// Lists of ElementLinks (two 4-byte members behind object headers): most of the bytes of link columns.
const std::uint8_t* write_lists_of_pairs(const Node& list, const std::uint8_t* p, std::size_t n, Writer& w) {
    const Node& record = list.children[0];
    std::size_t slots[2] = {record.children[0].slot, record.children[1].slot};
    std::int64_t items = w.at[list.items];
    std::uint8_t* first = w.out[slots[0]] + 4 * static_cast<std::size_t>(items);
    std::uint8_t* second = w.out[slots[1]] + 4 * static_cast<std::size_t>(items);
    auto* offsets = reinterpret_cast<std::int64_t*>(w.out[list.slot]) + w.at[list.slot] + 1;
    std::size_t skip = record.number;
    std::size_t stride = record.least;
    for (std::size_t i = 0; i < n; ++i) {
        std::size_t m = load_be<std::uint32_t>(p);
        p += 4;
        for (std::size_t j = 0; j < m; ++j, p += stride, first += 4, second += 4) {
            auto both = load_be<std::uint64_t>(p + skip);
            auto key = static_cast<std::uint32_t>(both >> 32);
            auto index = static_cast<std::uint32_t>(both);
            std::memcpy(first, &key, 4);
            std::memcpy(second, &index, 4);
        }
        items += static_cast<std::int64_t>(m);
        offsets[i] = items;
    }
    w.at[list.slot] += static_cast<std::int64_t>(n);
    w.at[slots[0]] += items - w.at[list.items];
    w.at[slots[1]] += items - w.at[list.items];
    w.at[list.items] = items;
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
            if (item.op == Op::primitive && item.value != Value::boolean && item.value != Value::f4_as_f8) {
                switch (item.width) {
                    case 1: return write_lists_of<std::uint8_t>(node, p, n, w);
                    case 2: return write_lists_of<std::uint16_t>(node, p, n, w);
                    case 4: return write_lists_of<std::uint32_t>(node, p, n, w);
                    default: return write_lists_of<std::uint64_t>(node, p, n, w);
                }
            }
            if (item.words && item.children.size() == 2) return write_lists_of_pairs(node, p, n, w);
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

}  // namespace

// ------------------------------------------------------------------------------------------------- entries of a page

PageEntries::PageEntries(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end)
    : program_(program), basket_(basket), begin_(begin), end_(end) {
    if (basket.has_offsets()) return;
    if (!program.root.exact) throw CorruptData("a basket without the table of its entries' offsets");
    stride_ = program.header + program.root.least;
    if (basket.data().size() != stride_ * basket.entries())
        throw CorruptData(std::to_string(basket.data().size()) + " bytes for " + std::to_string(basket.entries()) +
                          " entries of " + std::to_string(stride_) + " bytes");
}

void PageEntries::measure_all(Counts& counts) const {
    if (stride_ != 0 && program_.header == 0) {
        count_exact(program_.root, end_ - begin_, counts);
        return;
    }
    if (is_flat_list()) return measure_flat_list(counts);
    if (is_packed_list()) return measure_packed_list(counts);
    for (std::size_t i = begin_; i < end_; ++i) {
        Bytes entry = bytes(i);
        Cursor cursor(entry);
        cursor.skip(program_.header);
        if (has_byte_count(program_.header, program_.root)) check_byte_count(i, entry);
        measure(program_.root, cursor, 1, counts);
        if (cursor.remaining() != 0)
            corrupt_entry(i, std::to_string(cursor.remaining()) + " bytes more than its content needs");
    }
}

void PageEntries::write_all(Writer& w) const {
    w.readable = basket_.data().data() + basket_.data().size();
    if (stride_ != 0 && program_.header == 0) {
        const std::uint8_t* from = basket_.data().data() + begin_ * stride_;
        write(program_.root, from, nullptr, end_ - begin_, w);
        return;
    }
    if (is_flat_list()) return write_flat_list(w);
    if (is_packed_list()) return write_packed_list(w);
    for (std::size_t i = begin_; i < end_; ++i) {
        Bytes entry = bytes(i);
        write(program_.root, entry.data() + program_.header, entry.data() + entry.size(), 1, w);
    }
}

bool PageEntries::is_flat_list() const {
    return program_.root.op == Op::list && program_.root.children[0].op == Op::primitive &&
           program_.header == vector_header && begin_ < end_;
}

bool PageEntries::is_packed_list() const {
    return program_.root.op == Op::to_end && program_.root.children[0].exact && program_.header == 0 && begin_ < end_;
}

Bytes PageEntries::bytes(std::size_t i) const {
    std::size_t from = stride_ != 0 ? i * stride_ : basket_.start(i);
    std::size_t to = stride_ != 0 ? from + stride_ : basket_.start(i + 1);
    if (to < from) corrupt_entry(i, "it ends before it starts");
    return basket_.data().subspan(from, to - from);
}

void PageEntries::measure_flat_list(Counts& counts) const {
    constexpr std::size_t header = vector_header + 4;
    const Node& list = program_.root;
    std::size_t items = with_size(list.children[0].least, [this](auto size) {
        std::size_t total = 0;
        for (std::size_t i = begin_; i < end_; ++i) {
            Bytes entry = bytes(i);
            if (entry.size() < header) corrupt_entry(i, "it is shorter than the header of a vector");
            check_byte_count(i, entry);
            std::size_t n = load_be<std::uint32_t>(entry.data() + vector_header);
            if (n != (entry.size() - header) / size || (entry.size() - header) % size != 0)
                corrupt_entry(i, "a vector of " + std::to_string(n) + " items of " + std::to_string(size) +
                                     " bytes in " + std::to_string(entry.size()) + " bytes");
            total += n;
        }
        return total;
    });
    counts[list.slot] += static_cast<std::int64_t>(end_ - begin_);
    counts[list.items] += static_cast<std::int64_t>(items);
    counts[list.children[0].slot] += static_cast<std::int64_t>(items);
}

void PageEntries::write_flat_list(Writer& w) const {
    const Node& list = program_.root;
    const Node& item = list.children[0];
    switch (item.value) {
        case Value::i4:
        case Value::u4:
        case Value::f4: return write_flat<std::uint32_t>(list, item, w);
        case Value::i1:
        case Value::u1: return write_flat<std::uint8_t>(list, item, w);
        default: break;
    }
    for (std::size_t i = begin_; i < end_; ++i) {
        Bytes entry = bytes(i);
        std::size_t n = (entry.size() - vector_header - 4) / item.least;
        write_values(item, entry.data() + vector_header + 4, n, w);
        close_list(list, n, w);
    }
}

template <class T>
void PageEntries::write_flat(const Node& list, const Node& item, Writer& w) const {
    Lists<T> lists(item, w);
    auto* offsets = reinterpret_cast<std::int64_t*>(w.out[list.slot]) + w.at[list.slot] + 1;
    std::int64_t total = w.at[list.items];
    const std::uint8_t* data = basket_.data().data();
    std::size_t from = basket_.start(begin_);
    for (std::size_t i = begin_; i < end_; ++i) {
        std::size_t next = basket_.start(i + 1);
        std::size_t n = (next - from - vector_header - 4) / sizeof(T);
        lists.copy(data + from + vector_header + 4, n);
        total += static_cast<std::int64_t>(n);
        *offsets++ = total;
        from = next;
    }
}

void PageEntries::measure_packed_list(Counts& counts) const {
    const Node& list = program_.root;
    const Node& item = list.children[0];
    std::size_t items = with_size(item.least, [this](auto size) {
        std::size_t total = 0;
        for (std::size_t i = begin_; i < end_; ++i) {
            Bytes entry = bytes(i);
            if (std::size_t more = entry.size() % size; more != 0)
                corrupt_entry(i, std::to_string(more) + " bytes more than its content needs");
            total += entry.size() / size;
        }
        return total;
    });
    counts[list.slot] += static_cast<std::int64_t>(end_ - begin_);
    counts[list.items] += static_cast<std::int64_t>(items);
    count_exact(item, items, counts);
}

/// All items at once: nothing stands between those of an entry and those of the next.
void PageEntries::write_packed_list(Writer& w) const {
    const Node& list = program_.root;
    const Node& item = list.children[0];
    auto* offsets = reinterpret_cast<std::int64_t*>(w.out[list.slot]) + w.at[list.slot] + 1;
    std::int64_t before = w.at[list.items];
    std::size_t first = basket_.start(begin_);
    std::size_t items = with_size(item.least, [&](auto size) {
        std::size_t total = 0;
        for (std::size_t i = begin_; i < end_; ++i) {
            total = (basket_.start(i + 1) - first) / size;
            *offsets++ = before + static_cast<std::int64_t>(total);
        }
        return total;
    });
    write(item, basket_.data().data() + first, nullptr, items, w);
}

}  // namespace physlite
