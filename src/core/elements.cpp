#include "elements.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <limits>

#include "unsplit.hpp"

namespace physlite {
namespace {

/// Column types, by the numbers of the specification.
enum class Type : std::uint16_t {
    bit,
    byte,
    character,
    i1,
    u1,
    i2,
    u2,
    i4,
    u4,
    i8,
    u8,
    f2,
    f4,
    f8,
    index4,
    index8,
    switched,
    split_i2,
    split_u2,
    split_i4,
    split_u4,
    split_i8,
    split_u8,
    split_f2,
    split_f4,
    split_f8,
    split_index4,
    split_index8,
    truncated,
    quantized,
    count_
};

constexpr std::size_t switch_bytes = 12;

/// Far more than any file has; sums of such numbers and what they count from stay in range.
constexpr std::uint64_t most_items = std::uint64_t{1} << 60;

/// As many elements at a time stay in the processor's cache.
constexpr std::size_t block = 512;

template <std::unsigned_integral U>
constexpr U unzigzag(U value) {
    return static_cast<U>(static_cast<U>(value >> 1) ^ static_cast<U>(-static_cast<U>(value & 1)));
}

/// A half-precision float, exactly.
float from_half(std::uint16_t half) {
    std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
    std::uint32_t exponent = half >> 10 & 0x1f;
    std::uint32_t mantissa = half & 0x3ff;
    if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000 | mantissa << 13);
    if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | mantissa << 13);
    float subnormal = std::ldexp(static_cast<float>(mantissa), -24);
    return sign ? -subnormal : subnormal;
}

/// The integer in `bits` ≤ 32 bits at a bit's position, the least significant first; `data` has `size` bytes.
std::uint32_t packed(const std::uint8_t* data, std::size_t size, std::size_t bit, std::size_t bits) {
    std::uint64_t window = 0;
    std::size_t byte = bit / 8;
    std::size_t there = std::min<std::size_t>(5, size - byte);
    for (std::size_t b = 0; b < there; ++b) window |= static_cast<std::uint64_t>(data[byte + b]) << (8 * b);
    return static_cast<std::uint32_t>(window >> bit % 8 & ((std::uint64_t{1} << bits) - 1));
}

constexpr bool is_integer(Value value) { return value >= Value::i1 && value <= Value::u8; }

class Decoder {
public:
    Decoder(const NtuplePage& page, Bytes data, std::size_t begin, std::size_t end, Value value, std::uint8_t* out)
        : page_(page), data_(data), begin_(begin), end_(end), value_(value), out_(out) {}

    void run() const {
        switch (static_cast<Type>(page_.type)) {
            case Type::bit: return bits();
            case Type::byte:
            case Type::character:
            case Type::i1:
            case Type::u1: return integers<std::uint8_t, false>();
            case Type::i2:
            case Type::u2: return integers<std::uint16_t, false>();
            case Type::i4:
            case Type::u4: return integers<std::uint32_t, false>();
            case Type::i8:
            case Type::u8: return integers<std::uint64_t, false>();
            case Type::split_u2: return integers<std::uint16_t, true>();
            case Type::split_u4: return integers<std::uint32_t, true>();
            case Type::split_u8: return integers<std::uint64_t, true>();
            case Type::split_i2: return zigzag<std::uint16_t>();
            case Type::split_i4: return zigzag<std::uint32_t>();
            case Type::split_i8: return zigzag<std::uint64_t>();
            case Type::f2: return halves<false>();
            case Type::split_f2: return halves<true>();
            case Type::f4: return reals<false>();
            case Type::split_f4: return reals<true>();
            case Type::f8: return doubles<false>();
            case Type::split_f8: return doubles<true>();
            case Type::index4: return indices<std::uint32_t>();
            case Type::index8: return indices<std::uint64_t>();
            case Type::split_index4: return deltas<std::uint32_t>();
            case Type::split_index8: return deltas<std::uint64_t>();
            case Type::switched: return switches();
            case Type::truncated: return truncated();
            case Type::quantized: return quantized();
            default: return;
        }
    }

private:
    std::size_t count() const { return end_ - begin_; }

    template <class T>
    T* out() const {
        return reinterpret_cast<T*>(out_);
    }

    /// Elements `begin` ≤ i < `end` as they are in memory.
    template <std::unsigned_integral U, bool is_split>
    void load(std::size_t begin, std::size_t end, U* to) const {
        if constexpr (is_split) {
            unsplit(data_.data(), static_cast<std::size_t>(page_.elements), begin, end, to);
        } else {
            std::memcpy(to, data_.data() + begin * sizeof(U), (end - begin) * sizeof(U));
            if constexpr (std::endian::native == std::endian::big)
                for (std::size_t i = 0; i < end - begin; ++i) to[i] = byteswap(to[i]);
        }
    }

    /// Calls `use` with some elements at a time, and how many there are.
    template <std::unsigned_integral U, bool is_split, class Use>
    void in_blocks(std::size_t begin, std::size_t end, Use use) const {
        std::array<U, block> elements;
        for (std::size_t i = begin; i < end; i += block) {
            std::size_t number = std::min(block, end - i);
            load<U, is_split>(i, i + number, elements.data());
            use(elements.data(), number);
        }
    }

    /// Writes what `convert` makes of each element, a T.
    template <class T, std::unsigned_integral U, bool is_split, class Convert>
    void converted(Convert convert) const {
        T* to = out<T>();
        in_blocks<U, is_split>(begin_, end_, [&](const U* from, std::size_t number) {
            for (std::size_t i = 0; i < number; ++i) to[i] = convert(from[i]);
            to += number;
        });
    }

    template <std::unsigned_integral U, bool is_split>
    void integers() const {
        load<U, is_split>(begin_, end_, out<U>());
    }

    template <std::unsigned_integral U>
    void zigzag() const {
        integers<U, true>();
        U* to = out<U>();
        for (std::size_t i = 0; i < count(); ++i) to[i] = unzigzag(to[i]);
    }

    template <bool is_split>
    void reals() const {
        if (value_ == Value::f4) return load<std::uint32_t, is_split>(begin_, end_, out<std::uint32_t>());
        converted<double, std::uint32_t, is_split>(
            [](std::uint32_t bits) { return static_cast<double>(std::bit_cast<float>(bits)); });
    }

    template <bool is_split>
    void doubles() const {
        load<std::uint64_t, is_split>(begin_, end_, out<std::uint64_t>());
    }

    template <bool is_split>
    void halves() const {
        if (value_ == Value::f4) return converted<float, std::uint16_t, is_split>(from_half);
        converted<double, std::uint16_t, is_split>(
            [](std::uint16_t bits) { return static_cast<double>(from_half(bits)); });
    }

    /// Writes what `get` gives for each element's number.
    template <class T, class Get>
    void write(Get get) const {
        for (std::size_t i = begin_; i < end_; ++i) out<T>()[i - begin_] = static_cast<T>(get(i));
    }

    std::uint32_t element(std::size_t i) const {
        return packed(data_.data(), data_.size(), i * page_.bits, page_.bits);
    }

    /// Writes what `get` gives for each element's number, a double or a float.
    template <class Get>
    void floats(Get get) const {
        if (value_ == Value::f4) return write<float>(get);
        write<double>(get);
    }

    void truncated() const {
        floats([this](std::size_t i) { return std::bit_cast<float>(element(i) << (32 - page_.bits)); });
    }

    void quantized() const {
        double steps = static_cast<double>((std::uint64_t{1} << page_.bits) - 1);
        double width = page_.high - page_.low;
        floats([=, this](std::size_t i) { return page_.low + static_cast<double>(element(i)) * (width / steps); });
    }

    void bits() const {
        write<std::uint8_t>([this](std::size_t i) { return data_[i / 8] >> i % 8 & 1; });
    }

    std::int64_t index(std::uint64_t relative) const {
        if (relative > most_items) throw CorruptData("an index of " + std::to_string(relative));
        return page_.base + static_cast<std::int64_t>(relative);
    }

    template <std::unsigned_integral U>
    void indices() const {
        converted<std::int64_t, U, false>([this](U relative) { return index(relative); });
    }

    /// The sum so far and some differences; checked for all at once: no sum of as many small ones is too large.
    template <std::unsigned_integral U>
    static std::uint64_t checked_sum(std::uint64_t sum, const U* from, std::size_t number) {
        std::uint64_t largest = 0;
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < number; ++i) {
            largest |= from[i];
            total += from[i];
        }
        if (largest > most_items / block || sum > most_items) throw CorruptData("an index of more than 2^51 items");
        return sum + total;
    }

    /// Each index is stored as the difference to the one before.
    template <std::unsigned_integral U>
    void deltas() const {
        std::uint64_t before = 0;
        in_blocks<U, true>(0, begin_,
                           [&](const U* from, std::size_t number) { before = checked_sum(before, from, number); });
        std::int64_t* to = out<std::int64_t>();
        in_blocks<U, true>(begin_, end_, [&](const U* from, std::size_t number) {
            std::uint64_t after = checked_sum(before, from, number);
            // In a register: written by reference it would cost five times as much.
            std::int64_t index = page_.base + static_cast<std::int64_t>(before);
            for (std::size_t i = 0; i < number; ++i) to[i] = index += static_cast<std::int64_t>(from[i]);
            before = after;
            to += number;
        });
    }

    /// The number of an item, then that of the alternative, from 1 on.
    void switches() const {
        const std::uint8_t* first = data_.data();
        if (value_ == Value::i8)
            return write<std::int64_t>(
                [&](std::size_t i) { return index(load_le<std::uint64_t>(first + i * switch_bytes)); });
        write<std::int8_t>([&](std::size_t i) {
            auto alternative = load_le<std::uint32_t>(first + i * switch_bytes + sizeof(std::uint64_t));
            if (alternative > std::numeric_limits<std::int8_t>::max())
                throw CorruptData("an alternative of number " + std::to_string(alternative));
            return static_cast<int>(alternative) - 1;
        });
    }

    const NtuplePage& page_;
    Bytes data_;
    std::size_t begin_, end_;
    Value value_;
    std::uint8_t* out_;
};

/// Whether the type is known, and has elements of so many bits.
bool is_known(const NtuplePage& page) {
    switch (static_cast<Type>(page.type)) {
        case Type::bit: return page.bits == 1;
        case Type::byte:
        case Type::character:
        case Type::i1:
        case Type::u1: return page.bits == 8;
        case Type::i2:
        case Type::u2:
        case Type::f2:
        case Type::split_i2:
        case Type::split_u2:
        case Type::split_f2: return page.bits == 16;
        case Type::i4:
        case Type::u4:
        case Type::f4:
        case Type::index4:
        case Type::split_i4:
        case Type::split_u4:
        case Type::split_f4:
        case Type::split_index4: return page.bits == 32;
        case Type::switched: return page.bits == 8 * switch_bytes;
        case Type::truncated: return page.bits >= 10 && page.bits <= 31;
        case Type::quantized: return page.bits >= 1 && page.bits <= 32;
        default: return page.type < static_cast<std::uint16_t>(Type::count_) && page.bits == 64;
    }
}

}  // namespace

bool gives(const NtuplePage& page, Value value) {
    if (!is_known(page)) return false;
    switch (static_cast<Type>(page.type)) {
        case Type::bit: return value == Value::boolean;
        case Type::byte:
        case Type::character:
        case Type::i1:
        case Type::u1: return is_integer(value) && memory_bytes(value) == 1;
        case Type::i2:
        case Type::u2:
        case Type::split_i2:
        case Type::split_u2: return is_integer(value) && memory_bytes(value) == 2;
        case Type::i4:
        case Type::u4:
        case Type::split_i4:
        case Type::split_u4: return is_integer(value) && memory_bytes(value) == 4;
        case Type::i8:
        case Type::u8:
        case Type::split_i8:
        case Type::split_u8: return is_integer(value) && memory_bytes(value) == 8;
        case Type::f8:
        case Type::split_f8: return value == Value::f8;
        case Type::f2:
        case Type::f4:
        case Type::split_f2:
        case Type::split_f4:
        case Type::truncated:
        case Type::quantized: return value == Value::f4 || value == Value::f8;
        case Type::index4:
        case Type::index8:
        case Type::split_index4:
        case Type::split_index8: return value == Value::i8;
        case Type::switched: return value == Value::i1 || value == Value::i8;
        default: return false;
    }
}

bool never_goes_down(const NtuplePage& page) {
    auto type = static_cast<Type>(page.type);
    return type == Type::split_index4 || type == Type::split_index8;
}

std::size_t page_bytes(const NtuplePage& page) { return (static_cast<std::size_t>(page.elements) * page.bits + 7) / 8; }

void decode_elements(const NtuplePage& page, Bytes data, std::size_t begin, std::size_t end, Value value,
                     std::uint8_t* out) {
    Decoder(page, data, begin, end, value, out).run();
}

}  // namespace physlite
