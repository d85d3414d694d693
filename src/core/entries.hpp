// The entries of one basket: what their bytes mean, from the basket to the output arrays.
#pragma once

#include <cstdint>
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

/// The entries of one basket that a request wants. First measure, which throws CorruptData for what does not fit the
/// program; only then write, which checks nothing.
class PageEntries {
public:
    PageEntries(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end);

    /// Adds how many elements each output gets.
    void measure_all(Counts& counts) const;

    void write_all(Writer& w) const;

private:
    bool is_flat_list() const;
    bool is_packed_list() const;
    Bytes bytes(std::size_t i) const;
    void measure_flat_list(Counts& counts) const;
    void measure_packed_list(Counts& counts) const;
    void write_packed_list(Writer& w) const;
    void write_flat_list(Writer& w) const;
    template <class T>
    void write_flat(const Node& list, const Node& item, Writer& w) const;

    const Program& program_;
    BasketView basket_;
    std::size_t begin_, end_;
    std::size_t stride_ = 0;  ///< bytes an entry, in baskets without offsets
};

}  // namespace physlite
