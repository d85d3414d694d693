#include "ntuplepages.hpp"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

#include "checksum.hpp"
#include "decompress.hpp"
#include "tasks.hpp"

namespace physlite {
namespace {

/// The bytes of a page that was checked, decompressed; they stay where they are when they were not compressed.
Bytes open_page(const NtuplePage& page, Decompressor& decompressor, Scratch& scratch) {
    Bytes stored = page.stored;
    if (page.has_checksum) {
        stored = stored.first(stored.size() - checksum_bytes);
        if (checksum(stored) != load_le<std::uint64_t>(stored.data() + stored.size()))
            throw CorruptData("a page with a wrong checksum");
    }
    std::size_t bytes = page_bytes(page);
    if (stored.size() == bytes) return stored;
    auto out = scratch.get(bytes);
    decompressor.run(stored, out);
    return out;
}

struct Task {
    std::size_t column, page;  ///< the stream's number is that of its column in the request
    std::int64_t first;        ///< element that the page begins with
};

void decode_page(const StreamRequest& request, const Task& task, Buffer& buffer, Decompressor& decompressor,
                 Scratch& scratch) {
    const NtuplePage& page = request.pages[task.page];
    std::int64_t begin = std::max(request.start, task.first);
    std::int64_t end = std::min(request.stop, task.first + page.elements);
    if (begin >= end) return;
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
    decode_elements(page, open_page(page, decompressor, scratch), from, from + count, request.value, out);
}

/// Elements that are not stored cost nothing in the file, so nothing else keeps it from claiming more than memory
/// holds.
constexpr std::int64_t most_absent = std::int64_t{1} << 26;

/// More than any file has; together with most_items of elements.cpp in range.
constexpr std::int64_t most_elements = std::int64_t{1} << 60;

/// Elements of a page that is stored: the format has 31 bits for their number. Times 65535 bits it stays in range.
constexpr std::int64_t most_stored = std::numeric_limits<std::int32_t>::max();

/// Checks a request before anything is allocated; adds its pages to the tasks, and to `absent` its elements that are
/// not stored. Returns the bytes to decompress.
std::size_t add_tasks(const StreamRequest& request, std::size_t stream, std::vector<Task>& tasks,
                      std::int64_t& absent) {
    std::int64_t first = request.first;
    std::size_t bytes = 0;
    if (first < 0 || first > most_elements)
        throw DecodeError("pages that begin with element " + std::to_string(first), false, stream, 0);
    for (std::size_t i = 0; i < request.pages.size(); ++i) {
        const NtuplePage& page = request.pages[i];
        auto fail = [&](const std::string& what, bool unsupported) { throw DecodeError(what, unsupported, stream, i); };
        if (!page.absent && !gives(page, request.value))
            fail("columns of type " + std::to_string(page.type) + " with " + std::to_string(page.bits) + " bits", true);
        if (page.elements < 0 ||
            page.elements > std::min(most_elements - first, page.absent ? most_elements : most_stored))
            fail("a page of " + std::to_string(page.elements) + " elements", false);
        if (page.base < 0 || page.base > most_elements)
            fail("indices that count from " + std::to_string(page.base), false);
        tasks.push_back({stream, i, first});
        if (page.absent) {
            std::int64_t from = std::max(request.start, first);
            std::int64_t to = std::min(request.stop, first + page.elements);
            absent += std::clamp<std::int64_t>(to - from, 0, most_absent + 1);
            if (absent > most_absent)
                fail("more than " + std::to_string(most_absent) + " elements that are not stored at once", true);
            first += page.elements;
            continue;
        }
        first += page.elements;
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
    const auto* offset = reinterpret_cast<const std::int64_t*>(buffer.data.get());
    std::int64_t last = request.lead ? *offset++ : 0;
    std::int64_t first = request.first;
    for (std::size_t i = 0; i < request.pages.size(); ++i) {
        const NtuplePage& page = request.pages[i];
        std::int64_t count = std::min(request.stop, first + page.elements) - std::max(request.start, first);
        first += page.elements;
        if (count <= 0) continue;
        bool goes_down = *offset < last || last < 0;
        if (!page.absent && !never_goes_down(page))
            for (std::int64_t k = 1; k < count; ++k) goes_down |= offset[k] < offset[k - 1];
        if (goes_down) throw DecodeError("a list that ends before it begins", false, stream, i);
        offset += count;
        last = offset[-1];
    }
}

/// The pages of all streams.
class Pages {
public:
    class Worker;

    explicit Pages(std::vector<StreamRequest> requests)
        : requests_(std::move(requests)), tasks_(checked_tasks()), left_(requests_.size()) {
        std::size_t total = 0;
        for (const StreamRequest& request : requests_) total += length_of(request) * memory_bytes(request.value);
        Blocks blocks(total);
        for (std::size_t i = 0; i < requests_.size(); ++i) {
            const StreamRequest& request = requests_[i];
            std::size_t length = length_of(request);
            Slot slot{request.ordered, request.value};
            std::size_t bytes = std::max<std::size_t>(length * memory_bytes(request.value), 8);
            buffers_.push_back({blocks.get(bytes), length, slot});
            if (request.lead) std::memcpy(buffers_.back().data.get(), &*request.lead, sizeof(std::int64_t));
            left_[i] = request.pages.size();
        }
    }

    Tasks<Task>& tasks() { return tasks_; }
    std::size_t bytes() const { return bytes_; }
    std::size_t number() const { return requests_.size(); }
    bool is_done(std::size_t i) const { return left_[i].load() == 0; }
    void stop() noexcept { tasks_.stop(); }

    ColumnResult finish(std::size_t i) {
        if (requests_[i].ordered) check_order(requests_[i], buffers_[i], i);
        ColumnResult out;
        out.push_back(std::move(buffers_[i]));
        return out;
    }

private:
    static std::size_t length_of(const StreamRequest& request) {
        return static_cast<std::size_t>(request.stop - request.start) + (request.lead ? 1 : 0);
    }

    std::vector<Task> checked_tasks() {
        std::vector<Task> out;
        std::int64_t absent = 0;
        for (std::size_t i = 0; i < requests_.size(); ++i) bytes_ += add_tasks(requests_[i], i, out, absent);
        return out;
    }

    std::size_t bytes_ = 0;  ///< decompressed
    std::vector<StreamRequest> requests_;
    Tasks<Task> tasks_;
    std::vector<Buffer> buffers_;
    std::vector<std::atomic<std::size_t>> left_;  ///< pages of each stream that are not decoded yet
};

/// What each thread does.
class Pages::Worker {
public:
    Worker(Pages& pages, Spent& spent) : pages_(pages), decompressor_(&spent) {}

    bool step() noexcept {
        std::size_t i = 0;
        try {
            if (!pages_.tasks_.take(i)) return false;
            const Task& task = pages_.tasks_[i];
            decode_page(pages_.requests_[task.column], task, pages_.buffers_[task.column], decompressor_, scratch_);
            if (pages_.left_[task.column].fetch_sub(1) == 1) pages_.tasks_.tell();
            return true;
        } catch (...) {
            pages_.tasks_.note(i, std::current_exception());
            return false;
        }
    }

private:
    Pages& pages_;
    Decompressor decompressor_;
    Scratch scratch_;
};

}  // namespace

std::unique_ptr<Decoding> decode_streams(std::vector<StreamRequest> requests, std::size_t threads) {
    return std::make_unique<DecodingOf<Pages>>(std::make_unique<Pages>(std::move(requests)), threads);
}

}  // namespace physlite
