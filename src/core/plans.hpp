// Which pages of a file hold what is wanted: what is to be fetched before it can be decoded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "decode.hpp"
#include "ntuplepages.hpp"

namespace physlite {

/// Where pages lie; of those that are not stored, nowhere.
struct PageRanges {
    std::vector<std::int64_t> offset;
    std::vector<std::int64_t> size;
};

/// Some pages of all.
struct PageSpan {
    std::size_t low = 0;
    std::size_t high = 0;
};

// ---------------------------------------------------------------------------------------------------------- baskets

/// What is known of all baskets of a tree: see Manifest in formats/manifest.py.
struct BasketTables {
    std::span<const std::int64_t> first_entry;
    std::span<const std::int64_t> offset;
    std::span<const std::int64_t> size;
    std::int64_t entries = 0;
};

/// A column, the first of its baskets, and how many there are.
struct BasketColumn {
    std::shared_ptr<const Program> program;
    std::size_t first_page = 0;
    std::size_t pages = 0;
};

struct BasketPlan {
    std::vector<ColumnRequest> requests;  ///< without the bytes of their pages
    std::vector<PageSpan> spans;          ///< which those are, one for each request
    PageRanges ranges;                    ///< of all of them
};

/// What entries `start` ≤ i < `stop` of columns take. Throws std::out_of_range for baskets that the tables do not have.
BasketPlan plan_baskets(const BasketTables& tables, std::span<const BasketColumn> columns, std::int64_t start,
                        std::int64_t stop);

// ---------------------------------------------------------------------------------------------------------- streams

/// How the pages of a column of an ntuple are stored.
struct PageKind {
    std::uint16_t type = 0;
    std::uint16_t bits = 0;
    double low = 0, high = 0;
};

/// What is known of all pages of an ntuple's streams: see StreamPages in formats/manifest.py.
struct StreamTables {
    std::vector<PageKind> kinds;
    std::span<const std::int32_t> kind;  ///< below zero: not stored
    std::span<const std::int64_t> elements;
    std::span<const bool> checksum;
    std::span<const std::int64_t> base;
    std::span<const std::int64_t> first;
    std::span<const std::int64_t> offset;
    std::span<const std::int64_t> size;
    std::span<const std::int64_t> starts;      ///< for each stream: with what it begins in each cluster, and ends
    std::span<const std::int64_t> first_page;  ///< of each stream
    std::span<const std::int64_t> pages;       ///< of each stream

    std::size_t streams() const { return first_page.size(); }
    NtuplePage page(std::size_t i) const;
};

/// Elements `start` ≤ i < `stop` of a stream.
struct StreamElements {
    std::size_t stream = 0;
    std::int64_t start = 0;
    std::int64_t stop = 0;
    Value value{};         ///< what they become
    bool is_list = false;  ///< they are where lists end: wanted are the offsets of these lists, one more
    bool counts = false;   ///< they are where something ends, as are those of lists: wanted is where it begins, too
};

struct StreamPlan {
    std::vector<StreamRequest> requests;  ///< without the bytes of their pages
    std::vector<PageSpan> spans;          ///< which those are, one for each request
    std::vector<std::size_t> which;       ///< for all that is wanted the request that gives it: some have one in common
    PageRanges ranges;                    ///< of all pages that are stored
};

/// What elements of streams take. What several of them have in common, as the offsets of a collection's columns, is
/// requested once. Throws std::out_of_range for streams and pages that the tables do not have.
StreamPlan plan_streams(const StreamTables& tables, std::span<const StreamElements> wanted);

}  // namespace physlite
