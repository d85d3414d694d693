// The entries of one basket: what their bytes mean, from the basket to the output arrays.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "basket.hpp"
#include "program.hpp"

namespace physlite {

/// Numbers of elements, by counter of the program.
using Counts = std::vector<std::int64_t>;

/// Where the next element of each output goes, and where those of this basket end. Offsets arrays begin with a 0 that
/// is not counted.
struct Writer {
    std::vector<std::uint8_t*> out;
    Counts at;
    Counts end;
    const std::uint8_t* readable = nullptr;  ///< the end of what may be read

    void put_offset(std::size_t slot, std::int64_t offset) {
        reinterpret_cast<std::int64_t*>(out[slot])[++at[slot]] = offset;
    }
};

constexpr std::uint32_t byte_count_mask = 0x40000000;

[[noreturn]] void corrupt_entry(std::size_t entry, const std::string& what);

/// Throws CorruptData when the bytes of entry `i` of a basket do not fit the program.
void check_entry(const Program& program, std::size_t i, Bytes entry);

/// Counts what `n` of a node add to each output when all of it has a fixed size.
void count_exact(const Node& node, std::size_t n, Counts& counts);

/// Writes `n` of a node that has a fixed size, whose bytes are there.
void write_exact(const Node& node, const std::uint8_t* p, std::size_t n, Writer& w);

/// The entries of one basket that a request wants. First measure, then write; either throws CorruptData for what does
/// not fit the program.
class PageEntries {
public:
    PageEntries(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end);

    /// Adds how many elements each output gets.
    void measure_all(Counts& counts) const;

    void write_all(Writer& w) const;

private:
    Bytes bytes(std::size_t i) const;
    void write_sizes(Writer& w) const;

    const Program* program_;  ///< so that this can be assigned
    BasketView basket_;
    std::size_t begin_, end_;
    std::size_t stride_ = 0;  ///< bytes an entry, in baskets without offsets
};

}  // namespace physlite
