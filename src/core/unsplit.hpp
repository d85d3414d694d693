// Integers that are stored with all their first bytes first, then all second ones, and so on.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <utility>

namespace physlite {

#if defined(__GNUC__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define PHYSLITE_UNSPLIT_VECTORS
#endif
#endif

#ifdef PHYSLITE_UNSPLIT_VECTORS
namespace unsplit_detail {

using Vector = std::uint8_t __attribute__((vector_size(16)));

/// The first (or, with `from` 8, the second) halves of two vectors, their bytes in turn.
template <int from, int... i>
Vector zip(Vector a, Vector b, std::integer_sequence<int, i...>) {
    return __builtin_shufflevector(a, b, (from + i / 2 + i % 2 * 16)...);
}

}  // namespace unsplit_detail
#endif

/// Elements `begin` ≤ i < `end` of `count`, to `out`; `data` has `count` times as many bytes as an element has.
///
/// Compilers turn a loop over single bytes into five to eight times slower code.
template <std::unsigned_integral U>
void unsplit(const std::uint8_t* data, std::size_t count, std::size_t begin, std::size_t end, U* out) {
    constexpr std::size_t width = sizeof(U);
    std::size_t i = begin;
#ifdef PHYSLITE_UNSPLIT_VECTORS
    if constexpr (std::endian::native == std::endian::little) {
        using namespace unsplit_detail;
        constexpr auto order = std::make_integer_sequence<int, 16>();
        for (; i + 16 <= end; i += 16) {
            std::array<Vector, width> bytes, zipped;
            for (std::size_t b = 0; b < width; ++b) std::memcpy(&bytes[b], data + b * count + i, 16);
            for (std::size_t level = 1; level < width; level *= 2) {
                for (std::size_t b = 0; b < width / 2; ++b) {
                    zipped[2 * b] = zip<0>(bytes[b], bytes[b + width / 2], order);
                    zipped[2 * b + 1] = zip<8>(bytes[b], bytes[b + width / 2], order);
                }
                bytes = zipped;
            }
            auto* to = reinterpret_cast<std::uint8_t*>(out + (i - begin));
            for (std::size_t b = 0; b < width; ++b) std::memcpy(to + 16 * b, &bytes[b], 16);
        }
    }
#endif
    for (; i < end; ++i) {
        U value = 0;
        for (std::size_t b = 0; b < width; ++b)
            value = static_cast<U>(value | static_cast<U>(static_cast<U>(data[b * count + i]) << (8 * b)));
        out[i - begin] = value;
    }
}

}  // namespace physlite
