// Pages of an RNTuple to contiguous arrays: all pages of all requested columns in one call, on several threads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "decoding.hpp"
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

/// Decodes the streams, each to a result of one buffer. The bytes of the pages have to outlive it. Throws DecodeError
/// for a page that cannot be what it says.
std::unique_ptr<Decoding> decode_streams(std::vector<StreamRequest> requests, std::size_t threads);

}  // namespace physlite
