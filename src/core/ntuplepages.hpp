// Pages of an RNTuple to contiguous arrays: all pages of all requested columns in one call, on several threads.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "cursor.hpp"
#include "decode.hpp"

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

/// Elements `start` ≤ i < `stop`, the first page beginning with `first`.
struct StreamRequest {
    std::vector<NtuplePage> pages;
    Value value{};  ///< what comes out
    std::int64_t first = 0;
    std::int64_t start = 0;
    std::int64_t stop = 0;
    bool ordered = false;              ///< offsets, which never go down
    std::optional<std::int64_t> lead;  ///< what comes before them
};

/// Decodes the streams. Takes no locks of Python's; throws DecodeError for the first damaged page.
std::vector<Buffer> decode_streams(const std::vector<StreamRequest>& requests, std::size_t threads);

}  // namespace physlite
