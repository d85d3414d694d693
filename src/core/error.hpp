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

}  // namespace physlite
