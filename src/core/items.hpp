// The items of lists, copied into native order: numbers, and the pairs of numbers that ElementLinks are.
#pragma once

#include <cstdint>
#include <cstring>

#include "cursor.hpp"
#include "entries.hpp"
#include "program.hpp"

namespace physlite {

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

/// Where a writer puts numbers, those of one list after those of the other; the next ones overwrite what was written
/// too far.
template <class T>
class PlainItems {
public:
    static constexpr std::size_t stride = sizeof(T);

    PlainItems(const Node& item, const Writer& w)
        : slot_(item.slot),
          to_(w.out[slot_] + static_cast<std::size_t>(w.at[slot_]) * sizeof(T)),
          end_(w.out[slot_] + static_cast<std::size_t>(w.end[slot_]) * sizeof(T)),
          from_end_(w.readable) {}

    void take(const std::uint8_t* from, std::size_t n) {
        std::size_t bytes = n * sizeof(T);
        if (bytes + ahead <= static_cast<std::size_t>(end_ - to_) &&
            bytes + ahead <= static_cast<std::size_t>(from_end_ - from)) {
            copy_ahead<T>(to_, from, n);
        } else {
            copy_swapped<T>(to_, from, n);
        }
        to_ += bytes;
    }

    /// Tells the writer how many were taken.
    void commit(Writer& w, std::int64_t taken) const { w.at[slot_] += taken; }

private:
    std::size_t slot_;
    std::uint8_t* to_;
    const std::uint8_t* end_;
    const std::uint8_t* from_end_;
};

/// The same for records of two 4-byte members behind `skip` bytes of object headers, of which `stride` is the whole:
/// most of the bytes of link columns.
template <std::size_t skip_, std::size_t stride_>
class PairItems {
public:
    static constexpr std::size_t stride = stride_;

    PairItems(const Node& record, const Writer& w)
        : slots_{record.children[0].slot, record.children[1].slot},
          first_(w.out[slots_[0]] + 4 * static_cast<std::size_t>(w.at[slots_[0]])),
          second_(w.out[slots_[1]] + 4 * static_cast<std::size_t>(w.at[slots_[1]])) {}

    void take(const std::uint8_t* from, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i, from += stride, first_ += 4, second_ += 4) {
            auto both = load_be<std::uint64_t>(from + skip_);
            auto first = static_cast<std::uint32_t>(both >> 32);
            auto second = static_cast<std::uint32_t>(both);
            std::memcpy(first_, &first, 4);
            std::memcpy(second_, &second, 4);
        }
    }

    void commit(Writer& w, std::int64_t taken) const {
        for (std::size_t slot : slots_) w.at[slot] += taken;
    }

private:
    std::size_t slots_[2];
    std::uint8_t* first_;
    std::uint8_t* second_;
};

/// Calls `use` with what takes such items; whether they are of that kind.
template <class Use>
bool with_items(const Node& item, const Writer& w, Use use) {
    if (item.op == Op::primitive && item.value != Value::boolean && item.value != Value::f4_as_f8) {
        switch (item.width) {
            case 1: use(PlainItems<std::uint8_t>(item, w)); return true;
            case 2: use(PlainItems<std::uint16_t>(item, w)); return true;
            case 4: use(PlainItems<std::uint32_t>(item, w)); return true;
            default: use(PlainItems<std::uint64_t>(item, w)); return true;
        }
    }
    constexpr std::size_t link_header = 20;  // of an ElementLink and its base, byte counts and versions
    if (item.words && item.children.size() == 2 && item.number == link_header) {
        use(PairItems<link_header, link_header + 8>(item, w));
        return true;
    }
    return false;
}

}  // namespace physlite
