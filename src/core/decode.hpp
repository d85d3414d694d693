// Baskets to contiguous arrays: all baskets of all requested columns in one call, on several threads.
#pragma once

#include <memory>
#include <vector>

#include "cursor.hpp"
#include "decoding.hpp"
#include "program.hpp"

namespace physlite {

struct ColumnRequest {
    std::shared_ptr<const Program> program;
    std::vector<Bytes> pages;               ///< whole baskets as they stand on file
    std::vector<std::int64_t> first_entry;  ///< of each page, and the end of the last: pages + 1 numbers
    std::int64_t start = 0;                 ///< entries wanted: start ≤ i < stop, all within the pages
    std::int64_t stop = 0;
};

/// Decodes the columns, one result each. The bytes of the pages have to outlive it. Throws DecodeError for a page that
/// cannot be what it says.
std::unique_ptr<Decoding> decode(std::vector<ColumnRequest> requests, std::size_t threads);

}  // namespace physlite
