#include "hostile.hpp"

#include <xxhash.h>

#include <cstdint>
#include <limits>
#include <unordered_map>

#include "decode.hpp"
#include "mutations.hpp"
#include "ntuple.hpp"
#include "ntuplepages.hpp"
#include "rootfile.hpp"
#include "ttree.hpp"

namespace {

using physlite::Bytes;

/// Writes objects as ROOT streams them; positions count as under a key of no bytes.
class Stream {
public:
    template <class T>
    Stream& put(T value) {
        for (std::size_t shift = 8 * sizeof(T); shift > 0; shift -= 8)
            bytes_.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(value) >> (shift - 8)));
        return *this;
    }
    Stream& u8(std::uint8_t value) { return put(value); }
    Stream& u16(std::uint16_t value) { return put(value); }
    Stream& u32(std::uint32_t value) { return put(value); }
    Stream& u64(std::uint64_t value) { return put(value); }
    Stream& zeros(std::size_t count) {
        bytes_.resize(bytes_.size() + count);
        return *this;
    }
    Stream& string(const std::string& s) {
        if (s.size() < 255) {
            u8(static_cast<std::uint8_t>(s.size()));
        } else {
            u8(255).u32(static_cast<std::uint32_t>(s.size()));
        }
        bytes_.insert(bytes_.end(), s.begin(), s.end());
        return *this;
    }
    /// An object with its byte count.
    template <class Body>
    Stream& object(std::uint16_t version, Body body) {
        std::size_t start = bytes_.size();
        u32(0).u16(version);
        body();
        auto count = static_cast<std::uint32_t>(bytes_.size() - start - 4) | 0x40000000u;
        for (std::size_t i = 0; i < 4; ++i) bytes_[start + i] = static_cast<std::uint8_t>(count >> (24 - 8 * i));
        return *this;
    }
    Stream& named(const std::string& name, const std::string& title = "") {
        return object(1, [&] { u16(1).zeros(8).string(name).string(title); });
    }
    /// The tag of a pointer to a new object, without a byte count; returns what refers to the object.
    std::uint32_t new_object(const std::string& class_name) {
        auto at = static_cast<std::uint32_t>(bytes_.size()) + 2;
        if (auto found = classes_.find(class_name); found != classes_.end()) {
            u32(found->second | 0x80000000u);
        } else {
            u32(0xFFFFFFFFu);
            for (char c : class_name) u8(static_cast<std::uint8_t>(c));
            u8(0);
            classes_[class_name] = at;
        }
        return at;
    }
    template <class Body>
    Stream& array(std::size_t count, Body body) {
        return object(3, [&] {
            u16(1).zeros(8).string("").u32(static_cast<std::uint32_t>(count)).u32(0);
            body();
        });
    }
    std::vector<std::uint8_t> take() { return std::move(bytes_); }

private:
    std::vector<std::uint8_t> bytes_;
    std::unordered_map<std::string, std::uint32_t> classes_;
};

void nothing() {}

/// A TBranch of no entries. `children` and `leaves` write their arrays' pointers.
template <class Children, class Leaves>
void put_branch(Stream& s, const std::string& name, std::size_t children, Children put_children, std::size_t leaves,
                Leaves put_leaves) {
    s.object(12, [&] {
        s.named(name).object(1, nothing).zeros(4 + 4 + 4 + 4 + 8 + 4 + 4 + 4 + 8 + 8 + 8 + 8);
        s.array(children, put_children).array(leaves, put_leaves).array(0, nothing);
        s.zeros(3).string("");
    });
}

template <class Leaf, class Counter>
std::uint32_t put_leaf(Stream& s, const Leaf& name, Counter counter) {
    std::uint32_t reference = s.new_object("TLeafI");
    s.object(1, [&] {
        s.object(2, [&] {
            s.named(name).zeros(4 + 4 + 4 + 1 + 1);
            counter();
        });
    });
    return reference;
}

template <class Branches>
std::vector<std::uint8_t> tree(std::size_t count, Stream& s, Branches branches) {
    s.object(19, [&] {
        s.named("t").object(1, nothing).object(1, nothing).object(1, nothing);
        s.zeros(8 + 4 * 8 + 8 + 4 * 4 + 4 + 4 * 8 + 8 + 8 + 2).array(count, branches);
    });
    return s.take();
}

/// Each branch is the child of the next by a reference, though none is nested in the file.
void chain_of_references() {
    constexpr std::size_t length = 100'000;
    Stream s;
    std::uint32_t previous = 0;
    auto data = tree(length + 1, s, [&] {
        for (std::size_t i = 0; i < length; ++i) {
            // Read as the counter of a TBranchElement, it is known but no child of the tree's.
            s.new_object("TBranchElement");
            s.object(9, [&] {
                put_branch(s, "", 0, nothing, 0, nothing);
                s.string("").string("").string("").zeros(4 + 4 + 4 + 4 + 4 + 4);
                std::uint32_t child = previous;
                previous = s.new_object("TBranch");
                put_branch(s, "", 1, [&] { s.u32(child); }, 0, nothing);
                s.u32(0);
            });
        }
        s.new_object("TBranch");
        put_branch(s, "", 1, [&] { s.u32(previous); }, 0, nothing);
    });
    physlite::scan_tree(data, 0);
}

void long_name_of_a_counter() {
    constexpr std::size_t leaves = 20'000;
    Stream s;
    auto data = tree(1, s, [&] {
        s.new_object("TBranch");
        put_branch(s, "b", 0, nothing, leaves, [&] {
            std::uint32_t counter = put_leaf(s, std::string(1'000'000, 'n'), [&] { s.u32(0); });
            for (std::size_t i = 1; i < leaves; ++i) put_leaf(s, std::string("x"), [&] { s.u32(counter); });
        });
    });
    physlite::scan_tree(data, 0);
}

void leaf_that_repeats() {
    constexpr std::size_t leaves = 200'000;
    Stream s;
    auto data = tree(1, s, [&] {
        s.new_object("TBranch");
        put_branch(s, "b", 0, nothing, leaves, [&] {
            std::uint32_t leaf = put_leaf(s, std::string(1'000'000, 'n'), [&] { s.u32(0); });
            for (std::size_t i = 1; i < leaves; ++i) s.u32(leaf);
        });
    });
    physlite::scan_tree(data, 0);
}

void long_name_of_a_parent() {
    constexpr std::size_t children = 20'000;
    Stream s;
    auto data = tree(1, s, [&] {
        s.new_object("TBranch");
        put_branch(
            s, std::string(1'000'000, 'n'), children,
            [&] {
                for (std::size_t i = 0; i < children; ++i) {
                    s.new_object("TBranch");
                    put_branch(s, "c", 0, nothing, 0, nothing);
                }
            },
            0, nothing);
    });
    physlite::scan_tree(data, 0);
}

void long_name_of_a_class() {
    constexpr std::size_t elements = 20'000;
    Stream s;
    s.object(5, [&] {
        s.u16(1).zeros(8).string("").u32(1);
        s.new_object("TStreamerInfo");
        s.object(9, [&] {
            s.named("C").u32(0).u32(1).new_object("TObjArray");
            s.array(elements, [&] {
                std::uint32_t first = s.new_object(std::string(1'000'000, 'c'));
                for (std::size_t i = 0; i < elements; ++i) {
                    if (i > 0) s.u32(first | 0x80000000u);
                    s.object(4, [&] { s.object(4, [&] { s.named("e").zeros(4 + 4 + 4 + 4 + 5 * 4).string("int"); }); });
                }
            });
        });
        s.string("");
    });
    physlite::read_streamers(s.take(), 0);
}

/// A pointer whose object ends before it begins would be read again and again.
void pointer_that_goes_back() {
    Stream s;
    s.object(5, [&] {
        s.u16(1).zeros(8).string("").u32(2);
        s.u32(0x40000004).new_object("TStreamerInfo");
        s.object(9, [&] {
            s.named("C").u32(0).u32(1).new_object("TObjArray");
            s.array(0, nothing);
        });
        s.string("").u32(0).string("");
    });
    physlite::read_streamers(s.take(), 0);
}

void put_key(Stream& s, std::size_t total, std::size_t object, std::size_t key_bytes, const std::string& class_name) {
    s.u32(static_cast<std::uint32_t>(total)).u16(4).u32(static_cast<std::uint32_t>(object)).u32(0);
    s.u16(static_cast<std::uint16_t>(key_bytes)).u16(1).u32(0).u32(0).string(class_name).string("").string("");
}

/// 2 GB announced by blocks with nothing in them.
void object_of_empty_blocks(const std::string& algorithm, std::size_t bytes_a_block) {
    constexpr std::size_t blocks = 127;
    constexpr std::size_t key_bytes = 29;
    Stream s;
    put_key(s, key_bytes + blocks * (9 + bytes_a_block), blocks * 0xFFFFFF, key_bytes, "");
    for (std::size_t i = 0; i < blocks; ++i) {
        for (char c : algorithm) s.u8(static_cast<std::uint8_t>(c));
        s.u8(1).u8(static_cast<std::uint8_t>(bytes_a_block)).u16(0).u8(0xFF).u16(0xFFFF).zeros(bytes_a_block);
    }
    physlite::read_object(s.take());
}

std::vector<std::uint8_t> basket(std::uint32_t entries, std::size_t data_bytes, std::size_t table_bytes) {
    constexpr std::size_t key_bytes = 48;
    Stream s;
    put_key(s, key_bytes + data_bytes + table_bytes, data_bytes + table_bytes, key_bytes, "");
    s.u16(3).u32(0).u32(0).u32(entries).u32(static_cast<std::uint32_t>(key_bytes + data_bytes)).u8(0);
    s.zeros(data_bytes + table_bytes);
    return s.take();
}

void decode(const std::vector<std::uint8_t>& page, std::vector<std::int64_t> code,
            std::vector<std::int64_t> first_entry, std::int64_t start, std::int64_t stop) {
    std::vector<physlite::ColumnRequest> requests(1);
    requests[0].program = std::make_shared<const physlite::Program>(physlite::compile(code));
    requests[0].pages.assign(first_entry.size() - 1, Bytes(page));
    requests[0].first_entry = std::move(first_entry);
    requests[0].start = start;
    requests[0].stop = stop;
    physlite::decode(std::move(requests), 2)->rest();
}

/// An envelope of a type around some 8-byte numbers, with the size and checksum that it should have.
Data envelope(std::uint64_t type, const std::vector<std::uint64_t>& payload) {
    Data out(8 * (payload.size() + 2));
    put_le(out, 0, type | std::uint64_t{out.size()} << 16, 8);
    for (std::size_t i = 0; i < payload.size(); ++i) put_le(out, 8 * (i + 1), payload[i], 8);
    put_le(out, out.size() - 8, XXH3_64bits(out.data(), out.size() - 8), 8);
    return out;
}

/// A header whose list of fields claims to be as long; behind feature flags and three empty strings.
void header_of_fields(std::uint32_t number) {
    std::uint64_t frame = 0 - std::uint64_t{12};  // a list of no bytes
    std::vector<std::uint64_t> payload{0, 0, std::uint64_t{static_cast<std::uint32_t>(frame)} << 32,
                                       frame >> 32 | std::uint64_t{number} << 32};
    payload.resize(64);
    physlite::read_schema(envelope(1, payload), {});
}

void page_list_of_clusters(std::size_t clusters, std::size_t columns) {
    physlite::read_page_list(envelope(3, std::vector<std::uint64_t>(64)), clusters, columns, 0);
}

/// A page of so many elements in a few bytes, or in none.
void decode_page(std::int64_t elements, std::uint16_t type, std::uint16_t bits, bool absent) {
    Data stored(100);
    physlite::NtuplePage page;
    page.stored = stored;
    page.absent = absent;
    page.elements = elements;
    page.type = type;
    page.bits = bits;
    physlite::StreamRequest request;
    request.pages.assign(3, page);
    request.value = physlite::Value::i8;
    request.stop = elements;
    physlite::decode_streams({request}, 2)->rest();
}

constexpr std::uint32_t most = 0xFFFFFFFF;
constexpr std::int64_t far = std::numeric_limits<std::int64_t>::max();

}  // namespace

std::vector<Hostile> hostile_inputs() {
    return {
        {"branches in a chain of references", chain_of_references},
        {"a counter with a long name", long_name_of_a_counter},
        {"a leaf that repeats", leaf_that_repeats},
        {"a parent with a long name", long_name_of_a_parent},
        {"a class with a long name", long_name_of_a_class},
        {"a pointer that goes back", pointer_that_goes_back},
        {"empty zlib blocks", [] { object_of_empty_blocks("ZL", 0); }},
        {"short zstd blocks", [] { object_of_empty_blocks("ZS", 8); }},
        {"short lzma blocks", [] { object_of_empty_blocks("XZ", 200); }},
        {"short lz4 blocks", [] { object_of_empty_blocks("L4", 200); }},
        {"blocks of no known algorithm", [] { object_of_empty_blocks("??", 200); }},
        {"2^32 entries without a table", [] { decode(basket(most, 100, 0), {0, 1, 9}, {0, most}, 0, most); }},
        {"2^32 entries with a table", [] { decode(basket(most, 100, 8), {0, 6}, {0, most}, 0, most); }},
        {"2^32 entries of arrays", [] { decode(basket(3, 0, 16), {0, 2, 1 << 24, 6}, {0, 3}, 0, 3); }},
        {"a program of 2^72 bytes",
         [] { physlite::compile(std::vector<std::int64_t>{0, 2, 1 << 24, 2, 1 << 24, 2, 1 << 24, 1, 1}); }},
        {"entries before the first", [] { decode(basket(3, 12, 0), {0, 1, 9}, {-far - 1, far}, -far - 1, 0); }},
        {"an ntuple of 10^9 fields", [] { header_of_fields(1'000'000'000); }},
        {"an ntuple of 2^32 fields", [] { header_of_fields(most); }},
        {"2^32 clusters", [] { page_list_of_clusters(most, 1000); }},
        {"2^60 columns", [] { page_list_of_clusters(1, std::size_t{1} << 60); }},
        {"an envelope of 2^60 bytes", [] { physlite::open_envelope(Data(100), std::uint64_t{1} << 60); }},
        {"a page of 2^32 numbers", [] { decode_page(most, 0x0A, 64, false); }},
        {"a page of 2^62 numbers", [] { decode_page(std::int64_t{1} << 62, 0x0A, 64, false); }},
        {"a page of 2^62 bits", [] { decode_page(std::int64_t{1} << 62, 0, 1, false); }},
        {"2^40 numbers that are not stored", [] { decode_page(std::int64_t{1} << 40, 0x0A, 64, true); }},
        {"2^62 numbers that are not stored", [] { decode_page(std::int64_t{1} << 62, 0x0A, 64, true); }},
        {"entries in no order", [] { decode(basket(3, 12, 0), {0, 1, 9}, {0, far, -far - 1, far}, 0, 3); }},
    };
}
