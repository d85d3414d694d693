// Memory for outputs and scratch: not cleared, and large blocks are used again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace physlite {

/// A block of memory. Its content is undefined; a large one that is destroyed is kept for the next that fits, because
/// the system clears each page of fresh memory when it is first touched, which costs as much as decoding into it.
class Block {
public:
    Block() = default;
    /// Throws std::bad_alloc.
    explicit Block(std::size_t bytes);
    ~Block();
    Block(Block&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}
    Block& operator=(Block&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }

    std::uint8_t* get() const noexcept { return data_; }
    std::size_t size() const noexcept { return bytes_; }

    /// Gives back what is more than `bytes`, where the system can do that without a copy.
    void shrink(std::size_t bytes) noexcept;

private:
    std::uint8_t* data_ = nullptr;
    std::size_t bytes_ = 0;
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
