// Errors of the core. The bindings turn them into Python exceptions of the same names.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace physlite {

/// The bytes contradict the format: truncated, flipped, or not what they claim to be.
struct CorruptData : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The bytes are well formed, but in a version or variant this reader does not know.
struct Unsupported : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Either of them, and where in a request something was wrong.
struct DecodeError : std::runtime_error {
    DecodeError(const std::string& what, bool unsupported_, std::size_t column_, std::size_t page_)
        : std::runtime_error(what), unsupported(unsupported_), column(column_), page(page_) {}
    bool unsupported;
    std::size_t column;
    std::size_t page;
};

}  // namespace physlite
