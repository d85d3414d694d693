// A bounds-checked, big-endian cursor over bytes that nobody vouches for.
//
// Every read of file content goes through it; the only exceptions are the inner loops of entries.cpp, items.hpp,
// lists.cpp, elements.cpp and unsplit.hpp, which run over ranges whose sizes are known.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

#include "error.hpp"

namespace physlite {

using Bytes = std::span<const std::uint8_t>;

// Sums and products of the 32-bit sizes in files must not overflow.
static_assert(sizeof(std::size_t) == 8, "physlite needs a 64-bit system");

/// Reverses the byte order of an integer of 1, 2, 4 or 8 bytes.
template <class T>
constexpr T byteswap(T value) noexcept {
    if constexpr (sizeof(T) == 1) return value;
    if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(static_cast<std::uint16_t>(value)));
    if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(static_cast<std::uint32_t>(value)));
    if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(static_cast<std::uint64_t>(value)));
}

/// Loads an integer of a byte order from unaligned memory; the caller has checked the bounds.
template <std::endian order, class T>
inline T load(const std::uint8_t* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof(T));
    if constexpr (std::endian::native != order) value = byteswap(value);
    return value;
}

template <class T>
inline T load_be(const std::uint8_t* from) noexcept {
    return load<std::endian::big, T>(from);
}

template <class T>
inline T load_le(const std::uint8_t* from) noexcept {
    return load<std::endian::little, T>(from);
}

class Cursor {
public:
    explicit Cursor(Bytes data, std::size_t position = 0) : data_(data), position_(0) { seek(position); }

    std::size_t position() const noexcept { return position_; }
    std::size_t size() const noexcept { return data_.size(); }
    std::size_t remaining() const noexcept { return data_.size() - position_; }

    void seek(std::size_t position) {
        if (position > data_.size()) fail("a position", position);
        position_ = position;
    }

    /// What is left, without moving.
    Bytes rest() const noexcept { return data_.subspan(position_); }

    void skip(std::size_t count) { take(count); }

    /// The next `count` bytes, without copying them.
    Bytes take(std::size_t count) {
        if (count > remaining()) fail("a length", count);
        Bytes out = data_.subspan(position_, count);
        position_ += count;
        return out;
    }

    std::uint8_t u8() { return take(1)[0]; }
    std::uint16_t u16() { return load_be<std::uint16_t>(take(2).data()); }
    std::uint32_t u32() { return load_be<std::uint32_t>(take(4).data()); }
    std::uint64_t u64() { return load_be<std::uint64_t>(take(8).data()); }
    std::int16_t i16() { return static_cast<std::int16_t>(u16()); }
    std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
    std::int64_t i64() { return static_cast<std::int64_t>(u64()); }

    /// ROOT's TString: one length byte, or 255 and a 4-byte length, then the characters.
    std::string_view string() {
        std::size_t length = u8();
        if (length == 255) length = u32();
        Bytes chars = take(length);
        return {reinterpret_cast<const char*>(chars.data()), chars.size()};
    }

    /// A zero-terminated name, as class names are stored.
    std::string_view c_string() {
        const auto* begin = data_.data() + position_;
        const void* end = remaining() ? std::memchr(begin, 0, remaining()) : nullptr;
        if (end == nullptr) throw CorruptData("a class name without an end at byte " + std::to_string(position_));
        std::size_t length = static_cast<std::size_t>(static_cast<const std::uint8_t*>(end) - begin);
        position_ += length + 1;
        return {reinterpret_cast<const char*>(begin), length};
    }

private:
    [[noreturn]] void fail(const char* what, std::size_t value) const {
        throw CorruptData(std::string(what) + " of " + std::to_string(value) + " at byte " + std::to_string(position_) +
                          " runs past the end (" + std::to_string(data_.size()) + " bytes)");
    }

    Bytes data_;
    std::size_t position_;
};

}  // namespace physlite
