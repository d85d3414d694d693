// The Python face of the core: buffers in, NumPy arrays out, nothing else.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <limits>
#include <memory>
#include <optional>

#include "decompresspages.hpp"
#include "links.hpp"
#include "python.hpp"
#include "rootfile.hpp"
#include "ttree.hpp"

using namespace nanobind::literals;

namespace physlite {
namespace {

PyObject* corrupt_type = nullptr;
PyObject* unsupported_type = nullptr;

nb::dict file_header(nb::handle data) {
    FileHeader header = read_file_header(HeldBytes(data).bytes());
    nb::dict out;
    out["version"] = header.version;
    out["begin"] = header.begin;
    out["end"] = header.end;
    out["name_bytes"] = header.name_bytes;
    out["compression"] = header.compression;
    out["streamers_offset"] = header.streamers_offset;
    out["streamers_bytes"] = header.streamers_bytes;
    out["uuid"] = to_bytes(header.uuid);
    return out;
}

nb::tuple directory(nb::handle data) {
    Directory d = read_directory(HeldBytes(data).bytes());
    return nb::make_tuple(d.keys_offset, d.keys_bytes);
}

nb::list keys(nb::handle data) {
    nb::list out;
    for (const Key& key : read_keys(HeldBytes(data).bytes()))
        out.append(nb::make_tuple(text(key.name), key.cycle, text(key.class_name), text(key.title), key.offset,
                                  key.total_bytes, key.key_bytes));
    return out;
}

nb::bytes object(nb::handle data) {
    HeldBytes held(data);
    std::vector<std::uint8_t> out;
    {
        nb::gil_scoped_release release;
        out = read_object(held.bytes());
    }
    return to_bytes(out);
}

nb::list streamers(nb::handle data, std::size_t key_bytes) {
    nb::list out;
    for (const StreamerInfo& info : read_streamers(HeldBytes(data).bytes(), key_bytes)) {
        nb::list elements;
        for (const StreamerElement& e : info.elements)
            elements.append(nb::make_tuple(text(e.class_name), text(e.name), text(e.title), e.type, e.array_length,
                                           text(e.type_name), e.base_version));
        out.append(nb::make_tuple(text(info.name), info.version, info.checksum, elements));
    }
    return out;
}

nb::dict scan(nb::handle data, std::size_t key_bytes) {
    HeldBytes held(data);
    Tree tree;
    {
        nb::gil_scoped_release release;
        tree = scan_tree(held.bytes(), key_bytes);
    }
    nb::list branches;
    for (const Branch& b : tree.branches) {
        nb::list leaves;
        for (const Leaf& leaf : b.leaves)
            leaves.append(nb::make_tuple(text(leaf.class_name), text(leaf.name), text(leaf.title), leaf.length,
                                         leaf.is_unsigned, text(leaf.count_leaf)));
        branches.append(nb::make_tuple(text(b.path), text(b.title), text(b.branch_class), text(b.class_name),
                                       text(b.problem), b.parent, b.type, b.streamer_type, b.element, b.compression,
                                       b.has_offsets, b.entries, b.uncompressed_bytes, b.compressed_bytes,
                                       b.first_basket, b.baskets, leaves));
    }
    nb::dict out;
    out["name"] = text(tree.name);
    out["title"] = text(tree.title);
    out["entries"] = tree.entries;
    out["auto_flush"] = tree.auto_flush;
    out["cluster_range_end"] = to_array(std::move(tree.cluster_range_end));
    out["cluster_size"] = to_array(std::move(tree.cluster_size));
    out["branches"] = branches;
    out["basket_first_entry"] = to_array(std::move(tree.basket_first_entry));
    out["basket_offset"] = to_array(std::move(tree.basket_offset));
    out["basket_bytes"] = to_array(std::move(tree.basket_bytes));
    out["embedded"] = to_bytes(tree.embedded);
    return out;
}

/// Of each page the compressed blocks, and how many bytes they become.
void decompress(nb::list stored, const std::vector<std::size_t>& sizes, std::size_t threads) {
    if (stored.size() != sizes.size()) throw nb::value_error("as many sizes as pages are needed");
    std::vector<CompressedPage> pages;
    std::vector<std::unique_ptr<HeldBytes>> held;
    for (std::size_t size : sizes) {
        held.push_back(std::make_unique<HeldBytes>(stored[held.size()]));
        pages.push_back({held.back()->bytes(), size});
    }
    nb::gil_scoped_release release;
    decompress_pages(pages, threads);
}

/// Memory for place_links: fresh memory would take longer than placing.
nb::object empty_places(std::size_t number) {
    if (number > std::numeric_limits<std::size_t>::max() / sizeof(std::int64_t)) throw std::bad_alloc();
    Buffer buffer{Block(number * sizeof(std::int64_t)), number, {true, Value::i8}};
    return to_array(std::move(buffer));
}

nb::object distinct(Numbers<std::uint32_t> keys) {
    std::vector<std::uint32_t> out;
    {
        nb::gil_scoped_release release;
        out = distinct_keys(span_of(keys));
    }
    return nb::cast(out);
}

std::size_t place(std::optional<Numbers<std::int64_t>> events, std::int64_t first,
                  std::optional<Numbers<std::int64_t>> offsets, std::optional<Numbers<std::int64_t>> groups,
                  Numbers<std::uint32_t> keys, Numbers<std::uint32_t> indices, std::uint32_t wanted,
                  Numbers<std::int64_t> targets, std::int64_t begin, bool clear,
                  nb::ndarray<std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu> out, std::size_t threads) {
    LinkRuns runs;
    if (events) runs.events = span_of(*events);
    if (offsets) runs.offsets = span_of(*offsets);
    if (groups) runs.groups = span_of(*groups);
    runs.first = first;
    nb::gil_scoped_release release;
    return place_links(runs, span_of(keys), span_of(indices), wanted, span_of(targets), begin, clear,
                       {out.data(), out.size()}, threads);
}

/// Messages can quote names from a damaged file, which need not be UTF-8.
nb::object message(const std::exception& error) {
    std::string_view what = error.what();
    return nb::steal(PyUnicode_DecodeUTF8(what.data(), static_cast<Py_ssize_t>(what.size()), "backslashreplace"));
}

void translate(const std::exception_ptr& pointer, void*) {
    try {
        std::rethrow_exception(pointer);
    } catch (const DecodeError& error) {
        nb::tuple args = nb::make_tuple(message(error), error.column, error.page);
        PyErr_SetObject(error.unsupported ? unsupported_type : corrupt_type, args.ptr());
    } catch (const CorruptData& error) {
        PyErr_SetObject(corrupt_type, message(error).ptr());
    } catch (const Unsupported& error) {
        PyErr_SetObject(unsupported_type, message(error).ptr());
    }
}

PyObject* new_exception(nb::module_& module, const char* name, PyObject* base, const char* doc) {
    std::string qualified = std::string("physlite._core.") + name;
    PyObject* type = PyErr_NewExceptionWithDoc(qualified.c_str(), doc, base, nullptr);
    if (type == nullptr) nb::raise_python_error();
    module.attr(name) = nb::borrow(type);
    return type;
}

}  // namespace
}  // namespace physlite

NB_MODULE(_core, m) {
    using namespace physlite;
    nb::set_leak_warnings(false);  // files that are open when the interpreter ends have tables and programs
    m.doc() = "Native parts of physlite: parsing of ROOT files and decoding of their columns.";
    corrupt_type = new_exception(m, "CorruptData", PyExc_ValueError, "Bytes that contradict their format.");
    unsupported_type =
        new_exception(m, "Unsupported", PyExc_NotImplementedError, "A version or variant that is not known here.");
    nb::register_exception_translator(translate, nullptr);

    m.def("file_header", &file_header, "data"_a);
    m.def("directory", &directory, "data"_a);
    m.def("keys", &keys, "data"_a);
    m.def("object", &object, "data"_a);
    m.def("streamers", &streamers, "data"_a, "key_bytes"_a);
    m.def("scan_tree", &scan, "data"_a, "key_bytes"_a);
    bind_ntuples(m);
    bind_decoding(m);
    m.def("decompress", &decompress, "pages"_a, "sizes"_a, "threads"_a);
    m.def("empty_places", &empty_places, "number"_a);
    m.def("distinct_keys", &distinct, "keys"_a);
    m.def("place_links", &place, "events"_a.none(), "first"_a, "offsets"_a.none(), "groups"_a.none(), "keys"_a,
          "indices"_a, "wanted"_a, "targets"_a, "begin"_a, "clear"_a, "out"_a, "threads"_a);
}
