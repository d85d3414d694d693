// The elements of an RNTuple's pages: how each type of column stores them.
#pragma once

#include <cstdint>

#include "cursor.hpp"
#include "program.hpp"

namespace physlite {

/// One page of a column.
struct NtuplePage {
    Bytes stored;         ///< with its checksum, when it has one
    bool absent = false;  ///< not stored: its elements are zeros
    std::int64_t elements = 0;
    bool has_checksum = false;
    std::uint16_t type = 0;  ///< of the column that it is of, as the specification numbers them
    std::uint16_t bits = 0;
    double low = 0, high = 0;  ///< of quantized numbers
    std::int64_t base = 0;     ///< of indices: added, since they count from the beginning of the cluster
};

/// Whether the type is known, has elements of so many bits, and they can become such values.
bool gives(const NtuplePage& page, Value value);

/// Whether its elements are indices stored as differences, of which each is at least as large as the one before.
bool never_goes_down(const NtuplePage& page);

/// Bytes of a page when it is decompressed.
std::size_t page_bytes(const NtuplePage& page);

/// Writes elements `begin` ≤ i < `end` of a page whose decompressed bytes are `data`, as values that it gives, to
/// `out`.
///
/// Of switches (which alternative of a variant, and which of its items) the values are either, by their type: the
/// number of the alternative, -1 for none (i1), or that of the item in its cluster (i8).
void decode_elements(const NtuplePage& page, Bytes data, std::size_t begin, std::size_t end, Value value,
                     std::uint8_t* out);

}  // namespace physlite
