// A TBasket: the key with its own members, then (compressed) the entries' bytes and, for entries of varying size,
// the table of their offsets.
#pragma once

#include <span>
#include <vector>

#include "cursor.hpp"
#include "decompress.hpp"
#include "memory.hpp"

namespace physlite {

struct BasketHeader {
    std::size_t total_bytes;   ///< on file, key included
    std::size_t object_bytes;  ///< uncompressed, without the key
    std::size_t key_bytes;
    std::size_t entries;
    std::size_t data_bytes;  ///< the entries' bytes, without the table of offsets

    bool compressed() const noexcept { return total_bytes - key_bytes != object_bytes; }
};

/// Parses and checks the header a basket on file begins with, and that its compressed blocks add up.
BasketHeader read_basket_header(Bytes page);

/// The entries of a decompressed basket.
class BasketView {
public:
    BasketView(const BasketHeader& header, Bytes object);

    bool has_offsets() const noexcept { return offsets_ != nullptr; }
    std::size_t entries() const noexcept { return entries_; }
    Bytes data() const noexcept { return data_; }

    /// First byte of entry `i` ≤ entries(), for baskets with offsets; at most data().size().
    std::size_t start(std::size_t i) const {
        if (i >= entries_) return data_.size();
        std::size_t at = load_be<std::uint32_t>(offsets_ + 4 * i) - key_bytes_;
        if (at > data_.size()) throw CorruptData("entry " + std::to_string(i) + " of the basket starts outside of it");
        return at;
    }

private:
    Bytes data_;
    const std::uint8_t* offsets_ = nullptr;
    std::size_t entries_;
    std::size_t key_bytes_;
};

/// Decompresses or copies a basket into `scratch`.
BasketView open_basket(Bytes page, const BasketHeader& header, Decompressor& decompressor, Scratch& scratch);

/// Reads a basket that stands inside the tree object and returns it in the form of an uncompressed one on file.
std::vector<std::uint8_t> detach_embedded_basket(Cursor& cursor, std::int64_t& entries);

}  // namespace physlite
