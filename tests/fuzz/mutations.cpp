#include "mutations.hpp"

#include <algorithm>
#include <iterator>

void put_be(Data& data, std::size_t at, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width && at + i < data.size(); ++i)
        data[at + i] = static_cast<std::uint8_t>(value >> (8 * (width - 1 - i)));
}

std::uint64_t get_be(const Data& data, std::size_t at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < width; ++i) value = value << 8 | (at + i < data.size() ? data[at + i] : 0u);
    return value;
}

void put_le(Data& data, std::size_t at, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width && at + i < data.size(); ++i)
        data[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
}

std::uint64_t get_le(const Data& data, std::size_t at, std::size_t width) {
    std::uint64_t value = 0;
    for (std::size_t i = width; i > 0; --i) value = value << 8 | (at + i - 1 < data.size() ? data[at + i - 1] : 0u);
    return value;
}

std::uint64_t interesting(Random& random, std::size_t size, std::uint64_t old) {
    static constexpr std::uint64_t values[] = {0,
                                               1,
                                               2,
                                               3,
                                               4,
                                               8,
                                               16,
                                               0x7F,
                                               0x80,
                                               0xFF,
                                               0x100,
                                               0x3E8,
                                               0x3E9,
                                               0x4000,
                                               0x7FFF,
                                               0x8000,
                                               0xFFFF,
                                               0x10000,
                                               0xFFFFFF,
                                               0x1000000,
                                               0x3FFFFFFF,
                                               0x40000000,
                                               0x7FFFFFFF,
                                               0x80000000,
                                               0xFFFFFFFE,
                                               0xFFFFFFFF,
                                               0x100000000,
                                               0x7FFFFFFFFFFFFFFF,
                                               0x8000000000000000,
                                               0xFFFFFFFFFFFFFFFF};
    switch (random.below(7)) {
        case 0: return old + 1 + random.below(8);
        case 1: return old - 1 - random.below(8);
        case 2: return size - random.below(16);
        case 3: return size / (1 + random.below(16)) + random.below(8);
        case 4: return 0x40000000 | random.below(size + 8);
        case 5: return random.below(size + 8);
        default: return values[random.below(std::size(values))];
    }
}

void mutate_in_place(Random& random, Data& data, bool is_little) {
    if (data.empty()) return;
    // The first bytes say what all others are.
    std::size_t at = random.below(random.one_in(4) ? std::min<std::size_t>(data.size(), 128) : data.size());
    switch (random.below(6)) {
        case 0: data[at] = static_cast<std::uint8_t>(data[at] ^ (1u << random.below(8))); break;
        case 1: data[at] = static_cast<std::uint8_t>(random.next()); break;
        case 2: data[at] = random.one_in(2) ? 0 : 0xFF; break;
        case 3: {
            std::size_t n = 1 + random.below(16);
            for (std::size_t i = at; i < std::min(at + n, data.size()); ++i)
                data[i] = static_cast<std::uint8_t>(random.next());
            break;
        }
        default: {
            std::size_t width = std::size_t{1} << (random.one_in(2) ? 2 : random.below(4));
            std::uint64_t old = is_little ? get_le(data, at, width) : get_be(data, at, width);
            std::uint64_t changed = interesting(random, data.size(), old);
            is_little ? put_le(data, at, changed, width) : put_be(data, at, changed, width);
        }
    }
}

void mutate_length(Random& random, Data& data, const Data& other) {
    std::size_t at = random.below(data.size() + 1);
    std::size_t n = 1 + random.below(random.one_in(4) ? data.size() / 2 + 1 : 40);
    switch (random.below(6)) {
        case 0: data.resize(at); break;
        case 1: data.erase(position(data, at), position(data, std::min(at + n, data.size()))); break;
        case 2: {
            Data piece(n);
            for (std::uint8_t& byte : piece) byte = random.one_in(2) ? 0 : static_cast<std::uint8_t>(random.next());
            data.insert(position(data, at), piece.begin(), piece.end());
            break;
        }
        case 3: {
            std::size_t from = random.below(data.size());
            Data piece(position(data, from), position(data, std::min(from + n, data.size())));
            data.insert(position(data, at), piece.begin(), piece.end());
            break;
        }
        case 4: {
            std::size_t b = random.below(data.size());
            n = std::min({n, data.size() - at, data.size() - b, at > b ? at - b : b - at});
            std::swap_ranges(position(data, at), position(data, at + n), position(data, b));
            break;
        }
        default: {
            data.resize(at);
            std::size_t from = random.one_in(2) ? at : random.below(other.size());
            if (from < other.size()) data.insert(data.end(), position(other, from), other.end());
        }
    }
}

void mutate(Random& random, Data& data, const Data& other, bool is_little) {
    do {
        if (random.one_in(4)) {
            mutate_length(random, data, other);
        } else {
            mutate_in_place(random, data, is_little);
        }
    } while (!random.one_in(3));
}
