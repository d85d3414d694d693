// What describes an RNTuple: its anchor and its envelopes (header, footer, page lists), as ROOT's "RNTuple Binary
// Format Specification" 1.0 has them. What a later version adds at the end of a frame is passed over, as it asks.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "cursor.hpp"

namespace physlite {

/// Where an envelope lies, and its size there and decompressed.
struct EnvelopeLink {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint64_t uncompressed = 0;
};

struct Anchor {
    EnvelopeLink header;
    EnvelopeLink footer;
    std::uint64_t max_key_bytes = 0;  ///< larger payloads are cut into several records
};

/// Parses the object behind the key of an ntuple.
Anchor read_anchor(Bytes object);

enum class Role : std::uint16_t { plain, collection, record, variant, streamed };

struct NtupleField {
    static constexpr std::uint16_t repeated = 1, projected = 2;

    std::uint32_t parent = 0;  ///< itself for fields of the top level
    Role role{};
    std::uint16_t flags = 0;
    std::string_view name;  ///< in the header's bytes, or the extension's
    std::string_view type_name;
    std::uint64_t repetitions = 0;
    std::uint32_t source = 0;  ///< of projected fields
};

struct NtupleColumn {
    static constexpr std::uint16_t deferred = 1, has_range = 2;

    std::uint16_t type = 0;
    std::uint16_t bits = 0;
    std::uint32_t field = 0;
    std::uint16_t representation = 0;
    double low = 0, high = 0;  ///< of columns with a range
};

struct AliasColumn {
    std::uint32_t column = 0;
    std::uint32_t field = 0;
};

struct ClusterGroup {
    std::uint32_t clusters = 0;
    EnvelopeLink pages;
};

struct NtupleSchema {
    std::vector<NtupleField> fields;
    std::vector<NtupleColumn> columns;
    std::vector<AliasColumn> aliases;
    std::uint64_t checksum = 0;  ///< of the header; footer and page lists repeat it
    std::size_t bytes = 0;       ///< of all that it was read from
};

/// Parses a header, decompressed, and what was added to it later. Every number that names a field or a column is in
/// range afterwards, and parents come before their children.
NtupleSchema read_schema(Bytes header, Bytes extension);

struct Footer {
    std::uint64_t header_checksum = 0;
    Bytes extension;  ///< of the header, in the footer's bytes
    std::vector<ClusterGroup> groups;
};

/// Parses a footer, decompressed.
Footer read_footer(Bytes footer);

struct NtupleCluster {
    std::uint64_t first_entry = 0;
    std::uint64_t entries = 0;
};

/// The pages of some clusters. Pages stand cluster by cluster, column by column: those of column c in cluster k are
/// `first_page[k * columns + c]` ≤ i < `first_page[k * columns + c + 1]`.
struct PageList {
    static constexpr std::int64_t not_yet = std::numeric_limits<std::int64_t>::max();

    std::vector<NtupleCluster> clusters;
    std::vector<std::int64_t> first_page;
    std::vector<std::int64_t>
        first_element;                       ///< of each column in each cluster; negative: suppressed, or not_yet there
    std::vector<std::uint32_t> compression;  ///< of each column in each cluster: 100 * algorithm + level
    std::vector<std::int64_t> elements;      ///< of each page
    std::vector<std::int64_t> offset;
    std::vector<std::int64_t> bytes;         ///< on file, without the checksum
    std::vector<std::uint8_t> has_checksum;  ///< 8 bytes behind the page
};

/// Parses a page list, decompressed, of a group of so many clusters; `columns`: how many the schema has.
PageList read_page_list(Bytes envelope, std::size_t clusters, std::size_t columns, std::uint64_t header_checksum);

/// Decompresses an envelope and checks that it is whole.
std::vector<std::uint8_t> open_envelope(Bytes stored, std::uint64_t uncompressed);

}  // namespace physlite
