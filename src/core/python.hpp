// What the parts of the Python face have in common.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "cursor.hpp"
#include "decoding.hpp"

namespace physlite {

namespace nb = nanobind;

/// A Python object's bytes, held for as long as this lives.
class HeldBytes {
public:
    explicit HeldBytes(nb::handle object) {
        if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) nb::raise_python_error();
    }
    ~HeldBytes() { PyBuffer_Release(&view_); }
    HeldBytes(const HeldBytes&) = delete;
    HeldBytes& operator=(const HeldBytes&) = delete;
    Bytes bytes() const { return {static_cast<const std::uint8_t*>(view_.buf), static_cast<std::size_t>(view_.len)}; }

private:
    Py_buffer view_{};
};

/// Names come from the file: bytes that are not UTF-8 must not make them unreadable.
inline nb::object text(std::string_view s) {
    return nb::steal(PyUnicode_DecodeUTF8(s.data(), static_cast<Py_ssize_t>(s.size()), "surrogateescape"));
}

inline nb::bytes to_bytes(Bytes data) { return nb::bytes(reinterpret_cast<const char*>(data.data()), data.size()); }

template <class T>
using Numbers = nb::ndarray<const T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

template <class T>
std::span<const T> span_of(const Numbers<T>& numbers) {
    return {numbers.data(), numbers.size()};
}

template <class T>
nb::object to_array(std::vector<T>&& values) {
    auto* held = new std::vector<T>(std::move(values));
    nb::capsule owner(held, [](void* p) noexcept { delete static_cast<std::vector<T>*>(p); });
    return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(held->data(), {held->size()}, owner));
}

nb::object to_array(Buffer&& buffer);

/// What describes an ntuple.
void bind_ntuples(nb::module_& m);

/// Plans and decoding.
void bind_decoding(nb::module_& m);

}  // namespace physlite
