// Damage of bytes, whatever they mean.
#pragma once

#include <cstdint>
#include <cstring>
#include <vector>

using Data = std::vector<std::uint8_t>;

class Random {
public:
    explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 0x1234567) {
        if (state_ == 0) state_ = 1;
        for (int i = 0; i < 4; ++i) next();
    }
    std::uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545F4914F6CDD1Du;
    }
    /// Below `n`, or 0 when that is 0.
    std::size_t below(std::size_t n) { return n == 0 ? 0 : static_cast<std::size_t>((next() >> 11) % n); }
    bool one_in(std::size_t n) { return below(n) == 0; }

private:
    std::uint64_t state_;
};

void put_be(Data& data, std::size_t at, std::uint64_t value, std::size_t width);
std::uint64_t get_be(const Data& data, std::size_t at, std::size_t width);
void put_le(Data& data, std::size_t at, std::uint64_t value, std::size_t width);
std::uint64_t get_le(const Data& data, std::size_t at, std::size_t width);

/// An iterator into constant or changeable data.
template <class D>
auto position(D& data, std::size_t at) {
    return data.begin() + static_cast<std::ptrdiff_t>(at);
}

/// A number near an old one, near the size of the data, or at the limit of some type.
std::uint64_t interesting(Random& random, std::size_t size, std::uint64_t old);

/// Damage that leaves the length as it is, to numbers of big-endian data, or of little-endian.
void mutate_in_place(Random& random, Data& data, bool is_little = false);

void mutate_length(Random& random, Data& data, const Data& other);

/// One or several of both.
void mutate(Random& random, Data& data, const Data& other, bool is_little = false);
