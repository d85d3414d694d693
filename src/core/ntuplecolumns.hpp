// The columns that the fields of an RNTuple are read as, and the arrays that these are put together from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ntuple.hpp"

namespace physlite {

/// One array of a column.
struct NtupleStream {
    std::uint32_t column = 0;                    ///< of the ntuple: the one that has it, or the first of several
    std::vector<std::uint32_t> representations;  ///< all of these, where there are several
    std::string_view code;                       ///< of its elements: as of values in encodings, or one of those below
    std::int64_t parent = -1;                    ///< the stream of the lists or alternatives that its elements are in
    std::int64_t factor = 1;  ///< how many elements it has for each item of its parent, or each entry
    std::int64_t child = -1;  ///< of lists: the stream that their items begin with
    std::int64_t child_factor = 1;
};

// Codes of streams whose elements are no values of the column: where lists end, how many objects there are, which
// alternative there is and where its item lies.
inline constexpr std::string_view code_offsets = "i8", code_sizes = "n", code_alternatives = "alternatives",
                                  code_places = "places";

/// A column that is read: a field of the top level, or a member of a static store of xAOD.
struct NtupleDraft {
    std::string name;
    std::string_view type_name;  ///< in the header's bytes, or the extension's
    std::string encoding;        ///< as the manifest has it; empty where there is a problem
    std::string problem;         ///< why it cannot be read
    std::size_t streams = 0;
};

struct NtupleDrafts {
    std::vector<NtupleDraft> columns;
    std::vector<NtupleStream> streams;  ///< of the first column, then of the second, …, each depth first
};

/// How the problems of columns begin that have no values of their own, so that nothing is lost with them.
inline constexpr std::string_view holds_nothing = "it holds no data";
inline constexpr std::string_view in_its_members = "it is an object whose members are columns of their own";

/// What the fields of the schema are read as. What is wrong with a field is a problem of its
/// column; throws CorruptData where names are repeated so often that they are most of what there is.
NtupleDrafts draft_columns(const NtupleSchema& schema);

}  // namespace physlite
