// Baskets to contiguous arrays: all baskets of all requested columns in one call, on several threads.
#pragma once

#include <stdexcept>
#include <string>
#include <vector>

#include "cursor.hpp"
#include "memory.hpp"
#include "program.hpp"
#include "spent.hpp"

namespace physlite {

struct ColumnRequest {
    Program program;
    std::vector<Bytes> pages;               ///< whole baskets as they stand on file
    std::vector<std::int64_t> first_entry;  ///< of each page, and the end of the last: pages + 1 numbers
    std::int64_t start = 0;                 ///< entries wanted: start ≤ i < stop, all within the pages
    std::int64_t stop = 0;
};

struct Buffer {
    Block data;
    std::size_t length = 0;  ///< in elements
    Slot slot;
};

using ColumnResult = std::vector<Buffer>;

/// Decodes the columns. Takes no locks of Python's; throws DecodeError for the first damaged page. `spent`: where to
/// note how long it takes, or nullptr.
std::vector<ColumnResult> decode(std::vector<ColumnRequest> requests, std::size_t threads, Spent* spent = nullptr);

}  // namespace physlite
