#include "ntuplepages.hpp"

#include <xxhash.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <concepts>
#include <functional>
#include <limits>
#include <mutex>
#include <system_error>
#include <thread>

#include "basket.hpp"
#include "decompress.hpp"

namespace physlite {
namespace {

constexpr std::size_t checksum_bytes = 8;

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

/// Bytes of a page when it is decompressed.
std::size_t page_bytes(const NtuplePage& page) { return (static_cast<std::size_t>(page.elements) * page.bits + 7) / 8; }

template <class T>
T load_le(const std::uint8_t* from) {
    T value;
    std::memcpy(&value, from, sizeof(T));
    if constexpr (std::endian::native == std::endian::big) value = byteswap(value);
    return value;
}

template <std::size_t bytes>
using UnsignedOf = std::conditional_t<
    bytes == 1, std::uint8_t,
    std::conditional_t<bytes == 2, std::uint16_t, std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>>;

/// The bits of element i, stored one element after the other.
template <class U>
struct Plain {
    const std::uint8_t* data;
    U operator()(std::size_t i) const { return load_le<U>(data + i * sizeof(U)); }
};

/// The same where all first bytes come first, then all second ones, and so on.
template <class U>
struct Split {
    const std::uint8_t* data;
    std::size_t count;
    U operator()(std::size_t i) const {
        U value = 0;
        for (std::size_t b = 0; b < sizeof(U); ++b)
            value = static_cast<U>(value | static_cast<U>(static_cast<U>(data[b * count + i]) << (8 * b)));
        return value;
    }
};

template <std::unsigned_integral U>
constexpr std::make_signed_t<U> unzigzag(U value) {
    return static_cast<std::make_signed_t<U>>(static_cast<U>(value >> 1) ^ static_cast<U>(-static_cast<U>(value & 1)));
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

/// Elements `begin` ≤ i < `end` of a decompressed page, to `out`.
class PageDecoder {
public:
    PageDecoder(const NtuplePage& page, Bytes data, std::size_t begin, std::size_t end, Value value, std::uint8_t* out)
        : page_(page), data_(data), begin_(begin), end_(end), value_(value), out_(out) {}

    void run() const {
        switch (static_cast<Type>(page_.type)) {
            case Type::bit: return bits();
            case Type::byte:
            case Type::character:
            case Type::u1: return integers<std::uint8_t>(Plain<std::uint8_t>{data_.data()});
            case Type::i1: return integers<std::int8_t>(Plain<std::uint8_t>{data_.data()});
            case Type::i2: return integers<std::int16_t>(plain<std::uint16_t>());
            case Type::u2: return integers<std::uint16_t>(plain<std::uint16_t>());
            case Type::i4: return integers<std::int32_t>(plain<std::uint32_t>());
            case Type::u4: return integers<std::uint32_t>(plain<std::uint32_t>());
            case Type::i8: return integers<std::int64_t>(plain<std::uint64_t>());
            case Type::u8: return integers<std::uint64_t>(plain<std::uint64_t>());
            case Type::split_i2: return zigzag<std::uint16_t>();
            case Type::split_u2: return integers<std::uint16_t>(split<std::uint16_t>());
            case Type::split_i4: return zigzag<std::uint32_t>();
            case Type::split_u4: return integers<std::uint32_t>(split<std::uint32_t>());
            case Type::split_i8: return zigzag<std::uint64_t>();
            case Type::split_u8: return integers<std::uint64_t>(split<std::uint64_t>());
            case Type::f2: return halves(plain<std::uint16_t>());
            case Type::split_f2: return halves(split<std::uint16_t>());
            case Type::f4: return reals<float>(plain<std::uint32_t>());
            case Type::split_f4: return reals<float>(split<std::uint32_t>());
            case Type::f8: return reals<double>(plain<std::uint64_t>());
            case Type::split_f8: return reals<double>(split<std::uint64_t>());
            case Type::index4: return indices(plain<std::uint32_t>());
            case Type::index8: return indices(plain<std::uint64_t>());
            case Type::split_index4: return deltas(split<std::uint32_t>());
            case Type::split_index8: return deltas(split<std::uint64_t>());
            case Type::truncated: return truncated();
            case Type::quantized: return quantized();
            default: throw Unsupported("columns of type " + std::to_string(page_.type));
        }
    }

private:
    template <class U>
    Plain<U> plain() const {
        return {data_.data()};
    }
    template <class U>
    Split<U> split() const {
        return {data_.data(), static_cast<std::size_t>(page_.elements)};
    }

    /// Writes what `get` gives for each element, as values of type T.
    template <class T, class Get>
    void write(Get get) const {
        auto* out = reinterpret_cast<T*>(out_);
        for (std::size_t i = begin_; i < end_; ++i) out[i - begin_] = get(i);
    }

    /// Integers are stored as what they are in memory, save for the sign of characters.
    template <class T, class Get>
    void integers(Get get) const {
        if (memory_bytes(value_) != sizeof(T) || value_ == Value::f4 || value_ == Value::f8)
            throw Unsupported("integers of " + std::to_string(sizeof(T)) + " bytes as values of another type");
        write<T>([get](std::size_t i) { return static_cast<T>(get(i)); });
    }

    template <class U>
    void zigzag() const {
        auto get = split<U>();
        integers<std::make_signed_t<U>>([get](std::size_t i) { return unzigzag(get(i)); });
    }

    template <class F, class Get>
    void reals(Get get) const {
        auto real = [get](std::size_t i) { return std::bit_cast<F>(get(i)); };
        if (value_ == Value::f4 && sizeof(F) == 4)
            return write<float>([=](std::size_t i) { return static_cast<float>(real(i)); });
        if (value_ == Value::f8) return write<double>([=](std::size_t i) { return static_cast<double>(real(i)); });
        throw Unsupported("real numbers as values of another type");
    }

    template <class Get>
    void halves(Get get) const {
        floats([get](std::size_t i) { return from_half(get(i)); });
    }

    template <class Get>
    void floats(Get get) const {
        if (value_ == Value::f4) return write<float>(get);
        if (value_ == Value::f8) return write<double>([get](std::size_t i) { return static_cast<double>(get(i)); });
        throw Unsupported("real numbers as values of another type");
    }

    void truncated() const {
        floats([this](std::size_t i) { return std::bit_cast<float>(element(i) << (32 - page_.bits)); });
    }

    void quantized() const {
        double steps = static_cast<double>((std::uint64_t{1} << page_.bits) - 1);
        double width = page_.high - page_.low;
        floats([=, this](std::size_t i) {
            return static_cast<float>(page_.low + static_cast<double>(element(i)) * (width / steps));
        });
    }

    std::uint32_t element(std::size_t i) const {
        return packed(data_.data(), data_.size(), i * page_.bits, page_.bits);
    }

    void bits() const {
        if (value_ != Value::boolean) throw Unsupported("bits as values of another type");
        write<std::uint8_t>([this](std::size_t i) { return static_cast<std::uint8_t>(data_[i / 8] >> i % 8 & 1); });
    }

    std::int64_t index(std::uint64_t relative) const {
        // Far more than any file has; sums of such numbers stay in range.
        if (relative > std::uint64_t{1} << 60) throw CorruptData("an index of " + std::to_string(relative));
        return page_.base + static_cast<std::int64_t>(relative);
    }

    template <class Get>
    void indices(Get get) const {
        if (value_ != Value::i8) throw Unsupported("indices as values of another type");
        write<std::int64_t>([=, this](std::size_t i) { return index(get(i)); });
    }

    /// Each index is stored as the difference to the one before.
    template <class Get>
    void deltas(Get get) const {
        if (value_ != Value::i8) throw Unsupported("indices as values of another type");
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < begin_; ++i) sum += get(i);
        write<std::int64_t>([&, this](std::size_t i) { return index(sum += get(i)); });
    }

    const NtuplePage& page_;
    Bytes data_;
    std::size_t begin_, end_;
    Value value_;
    std::uint8_t* out_;
};

bool width_is_known(const NtuplePage& page) {
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
        case Type::switched: return page.bits == 96;
        case Type::truncated: return page.bits >= 10 && page.bits <= 31;
        case Type::quantized: return page.bits >= 1 && page.bits <= 32;
        default: return page.bits == 64;
    }
}

/// The bytes of a page that was checked, decompressed; they stay where they are when they were not compressed.
Bytes open_page(const NtuplePage& page, Decompressor& decompressor, Scratch& scratch) {
    Bytes stored = page.stored;
    if (page.has_checksum) {
        stored = stored.first(stored.size() - checksum_bytes);
        if (XXH3_64bits(stored.data(), stored.size()) != load_le<std::uint64_t>(stored.data() + stored.size()))
            throw CorruptData("a page with a wrong checksum");
    }
    std::size_t bytes = page_bytes(page);
    if (stored.size() == bytes) return stored;
    auto out = scratch.get(bytes);
    decompressor.run(stored, out);
    return out;
}

struct Task {
    std::size_t stream, page;
    std::int64_t first;  ///< element that the page begins with
};

class Run {
public:
    Run(const std::vector<StreamRequest>& requests, std::vector<Buffer>& out, std::vector<Task> tasks)
        : requests_(requests), out_(out), tasks_(std::move(tasks)) {}

    void work() noexcept {
        std::size_t at = 0;
        try {
            Decompressor decompressor;
            Scratch scratch;
            for (std::size_t i; !stop_.load() && (i = next_.fetch_add(1)) < tasks_.size();) {
                at = i;
                decode(tasks_[i], decompressor, scratch);
            }
        } catch (...) {
            stop_.store(true);
            std::lock_guard lock(mutex_);
            if (!error_ || at < error_task_) {
                error_ = std::current_exception();
                error_task_ = at;
            }
        }
    }

    void raise_first_error() const {
        if (!error_) return;
        const Task& task = tasks_[error_task_];
        try {
            std::rethrow_exception(error_);
        } catch (const CorruptData& error) {
            throw DecodeError(error.what(), false, task.stream, task.page);
        } catch (const Unsupported& error) {
            throw DecodeError(error.what(), true, task.stream, task.page);
        }
    }

private:
    void decode(const Task& task, Decompressor& decompressor, Scratch& scratch) {
        const StreamRequest& request = requests_[task.stream];
        const NtuplePage& page = request.pages[task.page];
        std::int64_t begin = std::max(request.start, task.first);
        std::int64_t end = std::min(request.stop, task.first + page.elements);
        if (begin >= end) return;
        Buffer& buffer = out_[task.stream];
        std::size_t width = memory_bytes(buffer.slot.value);
        std::size_t lead = request.lead ? 1 : 0;
        std::uint8_t* out = buffer.data.get() + (static_cast<std::size_t>(begin - request.start) + lead) * width;
        auto count = static_cast<std::size_t>(end - begin);
        if (page.absent) {
            if (buffer.slot.offsets)
                std::fill_n(reinterpret_cast<std::int64_t*>(out), count, page.base);
            else
                std::memset(out, 0, count * width);
            return;
        }
        auto from = static_cast<std::size_t>(begin - task.first);
        PageDecoder(page, open_page(page, decompressor, scratch), from, from + count, request.value, out).run();
    }

    const std::vector<StreamRequest>& requests_;
    std::vector<Buffer>& out_;
    std::vector<Task> tasks_;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> stop_{false};
    std::mutex mutex_;
    std::exception_ptr error_;
    std::size_t error_task_ = 0;
};

/// Checks a request before anything is allocated; adds its pages to the tasks. Returns the bytes to decompress.
std::size_t add_tasks(const StreamRequest& request, std::size_t stream, std::vector<Task>& tasks) {
    std::int64_t first = request.first;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < request.pages.size(); ++i) {
        const NtuplePage& page = request.pages[i];
        auto fail = [&](const std::string& what, bool unsupported) { throw DecodeError(what, unsupported, stream, i); };
        if (page.type >= static_cast<std::uint16_t>(Type::count_) || !width_is_known(page))
            fail("columns of type " + std::to_string(page.type) + " with " + std::to_string(page.bits) + " bits", true);
        if (page.elements < 0 || page.elements > std::numeric_limits<std::int64_t>::max() / 64 - first)
            fail("a page of " + std::to_string(page.elements) + " elements", false);
        tasks.push_back({stream, i, first});
        first += page.elements;
        if (page.absent) continue;
        bytes += page_bytes(page);
        std::size_t checksum = page.has_checksum ? checksum_bytes : 0;
        if (page.stored.size() < checksum) fail("a page without its checksum", false);
        Bytes stored = page.stored.first(page.stored.size() - checksum);
        if (stored.size() == page_bytes(page)) continue;
        try {
            check_blocks(stored, page_bytes(page));
        } catch (const CorruptData& error) {
            fail(error.what(), false);
        } catch (const Unsupported& error) {
            fail(error.what(), true);
        }
    }
    if (request.start < request.first || request.start > request.stop || request.stop > first)
        throw DecodeError("the pages do not cover the elements", false, stream, 0);
    return bytes;
}

/// Lists end behind where they begin.
void check_order(const StreamRequest& request, const Buffer& buffer, std::size_t stream) {
    const auto* offsets = reinterpret_cast<const std::int64_t*>(buffer.data.get());
    const auto* wrong = std::adjacent_find(offsets, offsets + buffer.length, std::greater<>());
    if (wrong == offsets + buffer.length && (buffer.length == 0 || offsets[0] >= 0)) return;
    std::int64_t element = request.start + (wrong == offsets + buffer.length ? 0 : wrong - offsets + 1);
    std::size_t page = 0;
    for (std::int64_t end = request.first; page + 1 < request.pages.size(); ++page)
        if ((end += request.pages[page].elements) > element) break;
    throw DecodeError("a list that ends before it begins", false, stream, page);
}

}  // namespace

std::vector<Buffer> decode_streams(const std::vector<StreamRequest>& requests, std::size_t threads) {
    std::vector<Task> tasks;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) bytes += add_tasks(requests[i], i, tasks);
    std::vector<Buffer> out;
    for (const StreamRequest& request : requests) {
        std::size_t length = static_cast<std::size_t>(request.stop - request.start) + (request.lead ? 1 : 0);
        Slot slot{request.ordered, request.value};
        out.push_back({Block(std::max<std::size_t>(length * memory_bytes(request.value), 8)), length, slot});
        if (request.lead) std::memcpy(out.back().data.get(), &*request.lead, sizeof(std::int64_t));
    }
    // Starting a thread costs about as much as decoding this many bytes.
    constexpr std::size_t bytes_per_thread = 64 * 1024;
    threads = std::max<std::size_t>(std::min({threads, tasks.size(), bytes / bytes_per_thread + 1}), 1);
    Run run(requests, out, std::move(tasks));
    {
        std::vector<std::jthread> helpers;
        try {
            for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back([&run] { run.work(); });
        } catch (const std::system_error&) {
            // The system has no more threads to give: fewer do as well.
        }
        run.work();
    }
    run.raise_first_error();
    for (std::size_t i = 0; i < requests.size(); ++i)
        if (requests[i].ordered) check_order(requests[i], out[i], i);
    return out;
}

}  // namespace physlite
