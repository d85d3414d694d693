#include "decompress.hpp"

#include <libdeflate.h>
#include <lz4.h>
#include <lzma.h>
#include <xxhash.h>
#include <zstd.h>

namespace physlite {
namespace {

constexpr std::size_t header_bytes = 9;
constexpr std::size_t lz4_checksum_bytes = 8;

struct BlockHeader {
    std::string_view algorithm;
    std::size_t compressed;
    std::size_t uncompressed;
};

std::size_t load_le24(const std::uint8_t* p) {
    return static_cast<std::size_t>(p[0]) | static_cast<std::size_t>(p[1]) << 8 | static_cast<std::size_t>(p[2]) << 16;
}

BlockHeader read_header(Cursor& cursor) {
    Bytes raw = cursor.take(header_bytes);
    return {{reinterpret_cast<const char*>(raw.data()), 2}, load_le24(raw.data() + 3), load_le24(raw.data() + 6)};
}

/// How many bytes one compressed byte can become at most: what a block announces is allocated before it is tried.
std::size_t largest_ratio(std::string_view algorithm) {
    if (algorithm == "ZL") return 1032;   // 258 bytes from 2 bits
    if (algorithm == "L4") return 255;    // each byte that extends a match
    if (algorithm == "ZS") return 32768;  // a block of 128 KiB equal bytes takes 4
    if (algorithm == "XZ") return 8192;   // 273 bytes from 14 decisions of at least log2(2048 / 2017) bits: 7090
    if (algorithm == "CS")
        throw Unsupported(
            "the old ROOT compression 'CS' (before ROOT 5, 2004) is not supported: rewrite the file with hadd -f");
    throw CorruptData("unknown compression algorithm");
}

[[noreturn]] void corrupt(std::string_view library) {
    throw CorruptData("a compressed block is damaged (" + std::string(library) + ")");
}

}  // namespace

void Decompressor::FreeDeflate::operator()(libdeflate_decompressor* d) const noexcept {
    libdeflate_free_decompressor(d);
}
void Decompressor::FreeZstd::operator()(ZSTD_DCtx_s* d) const noexcept { ZSTD_freeDCtx(d); }

Decompressor::Decompressor(Spent* spent) : spent_(spent) {}
Decompressor::~Decompressor() = default;

void check_blocks(Bytes input, std::size_t uncompressed) {
    Cursor cursor(input);
    std::size_t total = 0;
    while (cursor.remaining() > 0) {
        BlockHeader header = read_header(cursor);
        if (header.uncompressed == 0) throw CorruptData("an empty compressed block");
        if (header.uncompressed > header.compressed * largest_ratio(header.algorithm))
            throw CorruptData("a compressed block of " + std::to_string(header.compressed) + " bytes announces " +
                              std::to_string(header.uncompressed));
        cursor.skip(header.compressed);
        total += header.uncompressed;
    }
    if (total != uncompressed)
        throw CorruptData("compressed blocks of " + std::to_string(total) + " bytes where " +
                          std::to_string(uncompressed) + " were announced");
}

void Decompressor::run(Bytes input, std::span<std::uint8_t> output) {
    Stopwatch stopwatch(spent_ ? &spent_->decompressing : nullptr);
    Cursor cursor(input);
    std::size_t done = 0;
    while (done < output.size()) {
        BlockHeader header = read_header(cursor);
        if (header.uncompressed > output.size() - done)
            throw CorruptData("a compressed block is larger than the object it belongs to");
        if (header.uncompressed == 0) throw CorruptData("an empty compressed block");
        block(header.algorithm, cursor.take(header.compressed), output.subspan(done, header.uncompressed));
        done += header.uncompressed;
    }
    if (cursor.remaining() > 0) throw CorruptData("bytes after the last compressed block");
}

void Decompressor::block(std::string_view algorithm, Bytes input, std::span<std::uint8_t> output) {
    if (algorithm == "ZL") {
        if (!deflate_) deflate_.reset(libdeflate_alloc_decompressor());
        if (!deflate_) throw std::bad_alloc();
        auto status = libdeflate_zlib_decompress(deflate_.get(), input.data(), input.size(), output.data(),
                                                 output.size(), nullptr);
        if (status != LIBDEFLATE_SUCCESS) corrupt("zlib");
    } else if (algorithm == "ZS") {
        if (!zstd_) zstd_.reset(ZSTD_createDCtx());
        if (!zstd_) throw std::bad_alloc();
        std::size_t got = ZSTD_decompressDCtx(zstd_.get(), output.data(), output.size(), input.data(), input.size());
        if (ZSTD_isError(got) || got != output.size()) corrupt("zstd");
    } else if (algorithm == "L4") {
        if (input.size() < lz4_checksum_bytes) corrupt("lz4: no checksum");
        Bytes payload = input.subspan(lz4_checksum_bytes);
        if (load_be<std::uint64_t>(input.data()) != XXH64(payload.data(), payload.size(), 0))
            corrupt("lz4: wrong checksum");
        // Block sizes have 24 bits, so they fit an int.
        int got =
            LZ4_decompress_safe(reinterpret_cast<const char*>(payload.data()), reinterpret_cast<char*>(output.data()),
                                static_cast<int>(payload.size()), static_cast<int>(output.size()));
        if (got < 0 || static_cast<std::size_t>(got) != output.size()) corrupt("lz4");
    } else if (algorithm == "XZ") {
        std::size_t in = 0;
        std::size_t out = 0;
        // A preset's dictionary can be 64 MiB whatever the block: the decoder allocates what the stream names, so a
        // damaged stream is held to what level 9 needs (65 MiB).
        std::uint64_t memory_limit = std::uint64_t{80} << 20;
        lzma_ret status = lzma_stream_buffer_decode(&memory_limit, 0, nullptr, input.data(), &in, input.size(),
                                                    output.data(), &out, output.size());
        if (status != LZMA_OK || out != output.size()) corrupt("lzma");
    } else {
        largest_ratio(algorithm);  // throws: it knows the same algorithms
    }
}

}  // namespace physlite
