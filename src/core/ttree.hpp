// One pass over a TTree object: what each branch is and where its baskets lie. Nothing is read from the baskets.
#pragma once

#include <string>
#include <vector>

#include "cursor.hpp"

namespace physlite {

struct Leaf {
    std::string class_name;  ///< TLeafF, TLeafElement, …
    std::string name;
    std::string title;  ///< carries the dimensions: "x[3]", "x[n]"
    std::int32_t length = 1;
    bool is_unsigned = false;
    std::string count_leaf;  ///< name of the leaf that gives the length, or empty
};

struct Branch {
    std::string path;  ///< names of its ancestors and its own, joined with '/'
    std::string title;
    std::string branch_class;  ///< TBranch, TBranchElement, …
    std::string class_name;    ///< C++ class of the data, for TBranchElement
    std::string problem;       ///< why it cannot be read, or empty
    std::int32_t parent = -1;  ///< index of the branch it was split from
    std::int32_t type = 0;     ///< TBranchElement::fType
    std::int32_t streamer_type = -1;
    std::int32_t element = -1;  ///< TBranchElement::fID
    std::int32_t compression = 0;
    bool has_offsets = false;  ///< entries of varying size
    std::int64_t entries = 0;
    std::int64_t uncompressed_bytes = 0;
    std::int64_t compressed_bytes = 0;
    std::vector<Leaf> leaves;
    std::size_t first_basket = 0;  ///< into Tree::basket_*
    std::size_t baskets = 0;
};

struct Tree {
    std::string name;
    std::string title;
    std::int64_t entries = 0;
    std::int64_t auto_flush = 0;
    std::vector<std::int64_t> cluster_range_end;
    std::vector<std::int64_t> cluster_size;
    std::vector<Branch> branches;

    // Per basket: first entry, offset in the file, bytes there. A basket that was written into the tree object itself
    // has offset -1 - p, p its position in `embedded`, where it stands in the form of an uncompressed basket on file.
    std::vector<std::int64_t> basket_first_entry;
    std::vector<std::int64_t> basket_offset;
    std::vector<std::int64_t> basket_bytes;
    std::vector<std::uint8_t> embedded;
};

/// Scans a decompressed TTree object. `key_bytes`: length of the key it was stored under.
Tree scan_tree(Bytes data, std::size_t key_bytes);

}  // namespace physlite
