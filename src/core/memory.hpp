// Memory for outputs and scratch: not cleared, and large blocks are used again.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <utility>

namespace physlite {

/// A block of memory. Its content is undefined; a large one that is destroyed is kept for the next that fits, because
/// the system clears each page of fresh memory when it is first touched, which costs as much as decoding into it.
class Block {
public:
    Block() = default;
    /// Throws std::bad_alloc.
    explicit Block(std::size_t bytes) : Block(bytes, 2 * bytes) {}
    /// One that has no more than `most`.
    Block(std::size_t bytes, std::size_t most);
    ~Block();
    /// A part of another one, which stays for as long as any of its parts.
    Block(std::shared_ptr<Block> whole, std::size_t offset, std::size_t bytes)
        : data_(whole->data_ + offset), bytes_(bytes), whole_(std::move(whole)) {}
    Block(Block&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          bytes_(std::exchange(other.bytes_, 0)),
          whole_(std::move(other.whole_)) {}
    Block& operator=(Block&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        std::swap(whole_, other.whole_);
        return *this;
    }

    std::uint8_t* get() const noexcept { return data_; }
    std::size_t size() const noexcept { return bytes_; }

    /// Gives back what is more than `bytes`; a part of another block becomes one of its own.
    void shrink(std::size_t bytes) noexcept;

private:
    std::uint8_t* data_ = nullptr;
    std::size_t bytes_ = 0;
    std::shared_ptr<Block> whole_;
};

/// Blocks of which the small ones are parts of larger ones: the system hands out memory in fewer pages then, and in
/// huge ones. A part keeps no more than 16 times its size from being given back.
class Blocks {
public:
    /// `total`: bytes of all that will be asked for.
    explicit Blocks(std::size_t total) : left_(total) {}

    /// Throws std::bad_alloc.
    Block get(std::size_t bytes);

private:
    /// A block of which parts are given out.
    struct Whole {
        std::shared_ptr<Block> block;
        std::size_t used = 0;
    };

    std::size_t left_;
    std::array<Whole, 4> wholes_;  ///< for the largest parts, a quarter of those, …
};

/// Grows on demand and never shrinks: scratch memory of a thread.
class Scratch {
public:
    std::span<std::uint8_t> get(std::size_t bytes) {
        if (bytes > block_.size()) block_ = Block(bytes);
        return {block_.get(), bytes};
    }

private:
    Block block_;
};

}  // namespace physlite
