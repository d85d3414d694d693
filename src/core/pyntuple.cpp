// The Python face of what describes an ntuple.

#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <bit>
#include <map>
#include <tuple>
#include <utility>

#include "ntuple.hpp"
#include "ntuplecolumns.hpp"
#include "python.hpp"

using namespace nanobind::literals;

namespace physlite {
namespace {

nb::tuple link(const EnvelopeLink& l) { return nb::make_tuple(l.offset, l.bytes, l.uncompressed); }

nb::tuple ntuple_anchor(nb::handle data) {
    Anchor anchor = read_anchor(HeldBytes(data).bytes());
    return nb::make_tuple(link(anchor.header), link(anchor.footer), anchor.max_key_bytes);
}

nb::bytes envelope(nb::handle stored, std::uint64_t uncompressed) {
    HeldBytes held(stored);
    std::vector<std::uint8_t> out;
    {
        nb::gil_scoped_release release;
        out = open_envelope(held.bytes(), uncompressed);
    }
    return to_bytes(out);
}

/// How the elements of each column are stored: the kinds, and which of them each is of.
std::pair<nb::list, std::vector<std::int32_t>> kinds_of(const std::vector<NtupleColumn>& columns) {
    std::map<std::tuple<std::uint16_t, std::uint16_t, std::uint64_t, std::uint64_t>, std::int32_t> known;
    nb::list kinds;
    std::vector<std::int32_t> kind;
    for (const NtupleColumn& c : columns) {
        auto [found, is_new] = known.try_emplace(
            {c.type, c.bits, std::bit_cast<std::uint64_t>(c.low), std::bit_cast<std::uint64_t>(c.high)},
            static_cast<std::int32_t>(known.size()));
        if (is_new) kinds.append(nb::make_tuple(c.type, c.bits, c.low, c.high));
        kind.push_back(found->second);
    }
    return {kinds, std::move(kind)};
}

nb::dict ntuple_schema(nb::handle header, nb::handle extension) {
    HeldBytes its(header), later(extension);
    NtupleSchema schema;
    NtupleDrafts drafts;
    {
        nb::gil_scoped_release release;
        schema = read_schema(its.bytes(), later.bytes());
        drafts = draft_columns(schema);
    }
    nb::list columns, codes;
    for (const NtupleDraft& c : drafts.columns)
        columns.append(nb::make_tuple(text(c.name), text(c.type_name), text(c.encoding), text(c.problem), c.streams));
    std::vector<std::int64_t> column, parent, factor, child, child_factor;
    nb::dict representations;
    std::map<std::string_view, nb::object> known;
    for (const NtupleStream& s : drafts.streams) {
        if (!s.representations.empty())
            representations[nb::int_(column.size())] = nb::tuple(nb::cast(s.representations));
        auto [code, is_new] = known.try_emplace(s.code);
        if (is_new) code->second = text(s.code);
        codes.append(code->second);
        column.push_back(s.column);
        parent.push_back(s.parent);
        factor.push_back(s.factor);
        child.push_back(s.child);
        child_factor.push_back(s.child_factor);
    }
    auto [kinds, kind] = kinds_of(schema.columns);
    nb::dict out;
    out["checksum"] = schema.checksum;
    out["kinds"] = kinds;
    out["kind"] = to_array(std::move(kind));
    out["columns"] = columns;
    out["codes"] = codes;
    out["column"] = to_array(std::move(column));
    out["representations"] = representations;
    out["parent"] = to_array(std::move(parent));
    out["factor"] = to_array(std::move(factor));
    out["child"] = to_array(std::move(child));
    out["child_factor"] = to_array(std::move(child_factor));
    return out;
}

nb::tuple ntuple_footer(nb::handle data) {
    HeldBytes held(data);
    Footer footer = read_footer(held.bytes());
    nb::list groups;
    for (const ClusterGroup& g : footer.groups) groups.append(nb::make_tuple(g.clusters, link(g.pages)));
    return nb::make_tuple(footer.header_checksum, to_bytes(footer.extension), groups);
}

nb::dict ntuple_pages(nb::handle data, std::size_t clusters, std::size_t columns, std::uint64_t checksum) {
    HeldBytes held(data);
    PageList pages;
    {
        nb::gil_scoped_release release;
        pages = read_page_list(held.bytes(), clusters, columns, checksum);
    }
    nb::list found;
    for (const NtupleCluster& c : pages.clusters) found.append(nb::make_tuple(c.first_entry, c.entries));
    nb::dict out;
    out["clusters"] = found;
    out["first_page"] = to_array(std::move(pages.first_page));
    out["first_element"] = to_array(std::move(pages.first_element));
    out["compression"] = to_array(std::move(pages.compression));
    out["elements"] = to_array(std::move(pages.elements));
    out["offset"] = to_array(std::move(pages.offset));
    out["bytes"] = to_array(std::move(pages.bytes));
    out["has_checksum"] = to_array(std::move(pages.has_checksum));
    return out;
}

}  // namespace

void bind_ntuples(nb::module_& m) {
    m.attr("NOT_YET") = PageList::not_yet;
    m.attr("HOLDS_NOTHING") = text(holds_nothing);
    m.attr("IN_ITS_MEMBERS") = text(in_its_members);
    m.attr("ALTERNATIVES") = text(code_alternatives);
    m.attr("PLACES") = text(code_places);
    m.def("ntuple_anchor", &ntuple_anchor, "data"_a);
    m.def("envelope", &envelope, "stored"_a, "uncompressed"_a);
    m.def("ntuple_schema", &ntuple_schema, "header"_a, "extension"_a);
    m.def("ntuple_footer", &ntuple_footer, "data"_a);
    m.def("ntuple_pages", &ntuple_pages, "data"_a, "clusters"_a, "columns"_a, "checksum"_a);
}

}  // namespace physlite
