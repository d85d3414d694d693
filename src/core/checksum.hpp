// XXH3, as RNTuples have it behind their pages and envelopes.
#pragma once

#include <cstdint>

#include "cursor.hpp"

namespace physlite {

constexpr std::size_t checksum_bytes = 8;

std::uint64_t checksum(Bytes data);

}  // namespace physlite
