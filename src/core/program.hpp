// How the bytes of one entry are laid out: a tree of nodes, compiled from the integers that Python hands over.
//
// The grammar and its text form are documented in physlite/formats/encoding.py, which writes these integers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace physlite {

enum class Op : std::int64_t {
    primitive = 1,  ///< a value
    fixed = 2,      ///< n times the item
    list = 3,       ///< a 4-byte count, then the items
    to_end = 4,     ///< items up to the end of the entry
    record = 5,     ///< bytes to skip, then each field
    string = 6,     ///< a TString
    objects = 7,    ///< a vector of records with its own header: object by object, or member by member
    scaled = 8,     ///< Double32_t or Float16_t with a range: an unsigned integer of 4 bytes
    truncated = 9,  ///< Double32_t or Float16_t with a number of bits: exponent (1 byte) and mantissa (2 bytes)
    size = 10,      ///< of a container of objects: only how many; the rest of the entry is passed over
    member = 11,    ///< one member of an object streamed whole: what comes before and after it is passed over
};

enum class Value : std::int64_t {
    boolean,
    i1,
    u1,
    i2,
    u2,
    i4,
    u4,
    i8,
    u8,
    f4,
    f8,
    f4_as_f8,  ///< a Double32_t without range: 4 bytes on file, a double in memory
    count_
};

std::size_t stored_bytes(Value value);  ///< on file
std::size_t memory_bytes(Value value);  ///< in the result

struct Node {
    Op op{};
    Value value{};                    ///< of primitive, scaled, truncated: what comes out
    std::size_t number = 0;           ///< fixed: n; record: bytes to skip; scaled, truncated: bits; member: header
    double low = 0, high = 0;         ///< scaled: the range
    std::size_t slot = 0;             ///< its (first) output buffer
    std::size_t items = 0;            ///< lists: index of the counter of their items
    std::size_t least = 0;            ///< bytes that one of it takes at least; 0 only outermost
    std::size_t width = 0;            ///< of a value in memory, in bytes
    bool words = false;               ///< a record of 4-byte members only, as ElementLinks are
    bool alone = false;               ///< a string with an entry to itself: no bytes at all are an empty one (TLeafC)
    bool exact = false;               ///< it always takes `least` bytes
    std::vector<std::int64_t> skips;  ///< member: bytes to pass over, or `counted_object`
    std::vector<Node> children;
};

/// In Node::skips: an object that begins with its byte count.
constexpr std::int64_t counted_object = -1;

/// What an output buffer holds: offsets (int64, with a leading 0) or values.
struct Slot {
    bool offsets = false;
    Value value{};
};

struct Program {
    std::size_t header = 0;  ///< bytes before the data of each entry; a byte count stands in them if there are ≥ 4
    Node root;
    std::vector<Slot> slots;
    std::size_t counters = 0;  ///< one a slot, and one a list
};

/// Throws CorruptData when the integers are not a program.
Program compile(std::span<const std::int64_t> code);

}  // namespace physlite
