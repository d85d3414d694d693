// ROOT's compressed blocks: a 9-byte header (algorithm, method, compressed and uncompressed size) before each.
#pragma once

#include <memory>

#include "cursor.hpp"
#include "spent.hpp"

struct libdeflate_decompressor;
struct ZSTD_DCtx_s;

namespace physlite {

/// Decompresses the blocks of one object; keeps the state of the libraries for reuse. One a thread.
class Decompressor {
public:
    /// `spent`: where to note how long it takes, or nullptr.
    explicit Decompressor(Spent* spent = nullptr);
    ~Decompressor();
    Decompressor(const Decompressor&) = delete;
    Decompressor& operator=(const Decompressor&) = delete;

    /// Fills `output` exactly from the blocks in `input`, or throws CorruptData or Unsupported.
    void run(Bytes input, std::span<std::uint8_t> output);

private:
    void block(std::string_view algorithm, Bytes input, std::span<std::uint8_t> output);

    struct FreeDeflate {
        void operator()(libdeflate_decompressor* d) const noexcept;
    };
    struct FreeZstd {
        void operator()(ZSTD_DCtx_s* d) const noexcept;
    };
    Spent* spent_;
    std::unique_ptr<libdeflate_decompressor, FreeDeflate> deflate_;
    std::unique_ptr<ZSTD_DCtx_s, FreeZstd> zstd_;
};

/// Walks the block headers only: throws unless they add up to `uncompressed` bytes, and each block is large enough for
/// what it announces. Call it before allocating.
void check_blocks(Bytes input, std::size_t uncompressed);

}  // namespace physlite
