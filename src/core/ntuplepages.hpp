// Pages of an RNTuple to contiguous arrays: all pages of all requested columns in one call, on several threads.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "decode.hpp"
#include "elements.hpp"

namespace physlite {

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

/// Decodes the streams. Takes no locks of Python's; throws DecodeError for the first damaged page. `spent`: where to
/// note how long it takes, or nullptr.
std::vector<Buffer> decode_streams(const std::vector<StreamRequest>& requests, std::size_t threads,
                                   Spent* spent = nullptr);

}  // namespace physlite
