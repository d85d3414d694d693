// What describes an RNTuple, and its pages: they are given to the core, and damaged so that checksums still fit.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "mutations.hpp"

/// The core has returned something that contradicts itself.
struct Inconsistent : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void run_schema(const Data& header, const Data& footer);

/// The header's checksum is the one that the page list names, mostly; `seed` says.
void run_page_list(const Data& envelope, std::size_t clusters, std::size_t columns, std::uint64_t seed);

/// `page`: type, bits, value, elements, whether a checksum follows, whether offsets are wanted, and the bits of a
/// range.
void run_ntuple_page(const Data& stored, const Data& other, const std::vector<std::int64_t>& page, std::uint64_t seed,
                     std::size_t threads);

/// Damage within an envelope, decompressed, whose length and checksum are mended mostly.
void mutate_envelope(Random& random, Data& envelope, const Data& other);

/// The same for a page as it is stored, and for what is said of it.
void mutate_page(Random& random, Data& stored, const Data& other, std::vector<std::int64_t>& page);
