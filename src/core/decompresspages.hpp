// Decompression of pages and nothing else: what reading them costs at least.
#pragma once

#include <vector>

#include "cursor.hpp"

namespace physlite {

/// Compressed blocks as they stand on file, and the bytes that they become together.
struct CompressedPage {
    Bytes stored;
    std::size_t bytes;
};

/// Decompresses each page into scratch memory of a thread, as a reader does, and forgets it. Takes no locks of
/// Python's; throws DecodeError for the first damaged page, where it counts as the page of column 0.
void decompress_pages(const std::vector<CompressedPage>& pages, std::size_t threads);

}  // namespace physlite
