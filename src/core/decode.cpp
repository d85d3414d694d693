// Baskets to arrays, on several threads. What a basket adds to the outputs is known once it is measured; the counts of
// all earlier baskets of the column then say where in the final arrays its values go: nothing is copied twice.
//
// Baskets are handed out in order. A thread that has measured a basket before the earlier ones are measured keeps it
// open and takes the next, so that large and small baskets beside each other keep no thread waiting.

#include "decode.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <shared_mutex>

#include "basket.hpp"
#include "decompress.hpp"
#include "entries.hpp"
#include "lists.hpp"
#include "tasks.hpp"

namespace physlite {
namespace {

class Column {
public:
    Column(const ColumnRequest& request, std::size_t index) : request_(request), index_(index) {
        const auto& first = request.first_entry;
        if (first.size() != request.pages.size() + 1 || first.front() < 0 ||
            !std::is_sorted(first.begin(), first.end()) || request.start < 0 || request.start > request.stop ||
            (request.start < request.stop && (first.front() > request.start || first.back() < request.stop)))
            throw DecodeError("the pages do not cover the entries", false, index, 0);
        headers_.reserve(request.pages.size());
        weight_.push_back(0);
        for (std::size_t page = 0; page < request.pages.size(); ++page) {
            headers_.push_back(checked_header(page));
            data_bytes_ += headers_.back().data_bytes;
            weight_.push_back(weight_.back() + wanted_bytes(page));
        }
        base_.assign(request.pages.size() + 1, Counts(request.program->counters, 0));
        counts_.resize(request.pages.size());
        expect();
    }

    /// Bytes of the outputs as far as headers tell.
    std::size_t expected_bytes() const {
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < capacity_.size(); ++i) bytes += bytes_of(i, capacity_[i]);
        return bytes;
    }

    void allocate(Blocks& blocks) {
        for (std::size_t i = 0; i < capacity_.size(); ++i) {
            Slot slot = request_.program->slots[i];
            buffers_.push_back({blocks.get(std::max<std::size_t>(bytes_of(i, capacity_[i]), 8)), 0, slot});
            std::memset(buffers_.back().data.get(), 0, 8);  // the first of the offsets
        }
    }

    std::size_t pages() const { return request_.pages.size(); }
    std::size_t data_bytes() const { return data_bytes_; }
    bool is_written() const { return written_.load() == pages(); }

    /// Decompresses and measures one page; afterwards the bases of later pages can be known.
    PageEntries measure(std::size_t page, Decompressor& decompressor, Scratch& scratch) {
        BasketView basket = open_basket(request_.pages[page], headers_[page], decompressor, scratch);
        auto [begin, end] = wanted_entries(page);
        PageEntries entries(*request_.program, basket, begin, end);
        Counts counts(request_.program->counters, 0);
        entries.measure_all(counts);

        std::lock_guard lock(mutex_);
        counts_[page] = std::move(counts);
        for (; known_ < pages() && !counts_[known_].empty(); ++known_) {
            Counts next = base_[known_];
            for (std::size_t i = 0; i < next.size(); ++i) next[i] += counts_[known_][i];
            reserve(next);
            base_[known_ + 1] = std::move(next);
        }
        changed_.notify_all();
        return entries;
    }

    enum class Base { unknown, known, never };

    /// Whether it is known where a page's values go and end, and there is room for them; `wait`: until it is, or never
    /// will be.
    Base base(std::size_t page, bool wait) {
        std::unique_lock lock(mutex_);
        if (wait) changed_.wait(lock, [&] { return failed_ || page < known_; });
        if (page < known_) return Base::known;
        return failed_ ? Base::never : Base::unknown;
    }

    /// Writes a page whose base is known; that of the next one then is known too. Whether it was the last.
    bool write(std::size_t page, const PageEntries& entries) {
        std::shared_lock lock(growing_);
        Writer writer;
        writer.at = base_[page];
        writer.end = base_[page + 1];
        for (const Buffer& buffer : buffers_) writer.out.push_back(buffer.data.get());
        entries.write_all(writer);
        return written_.fetch_add(1) + 1 == pages();
    }

    /// A page could not be measured: the bases of later ones will not be known.
    void fail() {
        std::lock_guard lock(mutex_);
        failed_ = true;
        changed_.notify_all();
    }

    ColumnResult finish() {
        const Counts& total = base_.back();
        for (std::size_t i = 0; i < buffers_.size(); ++i) {
            Buffer& buffer = buffers_[i];
            buffer.length = static_cast<std::size_t>(total[i]) + (buffer.slot.offsets ? 1 : 0);
            std::size_t bytes = buffer.length * memory_bytes(buffer.slot.value);
            if (bytes < buffer.data.size() / 2) buffer.data.shrink(bytes);
        }
        return std::move(buffers_);
    }

private:
    BasketHeader checked_header(std::size_t page) const {
        try {
            BasketHeader header = read_basket_header(request_.pages[page]);
            auto expected = static_cast<std::size_t>(request_.first_entry[page + 1] - request_.first_entry[page]);
            if (header.entries != expected)
                throw CorruptData("a basket of " + std::to_string(header.entries) + " entries where the tree has " +
                                  std::to_string(expected));
            return header;
        } catch (const CorruptData& error) {
            throw DecodeError(error.what(), false, index_, page);
        } catch (const Unsupported& error) {
            throw DecodeError(error.what(), true, index_, page);
        }
    }

    /// The wanted entries of a page, counted from its first.
    std::pair<std::size_t, std::size_t> wanted_entries(std::size_t page) const {
        std::int64_t first = request_.first_entry[page];
        std::int64_t last = std::min(request_.stop, request_.first_entry[page + 1]);
        auto begin = static_cast<std::size_t>(std::max(request_.start - first, std::int64_t{0}));
        auto end = static_cast<std::size_t>(std::max(last - first, std::int64_t{0}));
        return {std::min(begin, end), end};
    }

    std::size_t bytes_of(std::size_t slot, std::int64_t elements) const {
        Slot its = request_.program->slots[slot];
        return (static_cast<std::size_t>(elements) + (its.offsets ? 1 : 0)) * memory_bytes(its.value);
    }

    /// What the outputs will hold, where headers tell; nothing where they do not, or claim so much that it is not made
    /// room for before it is seen.
    void expect() {
        constexpr std::size_t most_packed = 64;  // how many times as many bytes
        constexpr std::size_t most_stored = std::size_t{1} << 40;
        constexpr std::int64_t most_elements = std::int64_t{1} << 40;
        std::size_t outputs = request_.program->slots.size();
        capacity_.assign(outputs, 0);
        Counts expected(request_.program->counters, 0);
        std::size_t stored = 0;
        for (std::size_t page = 0; page < pages(); ++page) {
            auto [begin, end] = wanted_entries(page);
            stored += request_.pages[page].size();
            Counts whole(request_.program->counters, 0);
            if (!expect_elements(*request_.program, headers_[page], whole)) return;
            double part = static_cast<double>(end - begin) /
                          static_cast<double>(std::max<std::size_t>(headers_[page].entries, 1));
            std::size_t bytes = 0;
            for (std::size_t i = 0; i < outputs; ++i) {
                // More than memory holds: sums of what is less stay in range.
                if (whole[i] < 0 || whole[i] > most_elements) return;
                expected[i] += static_cast<std::int64_t>(std::ceil(static_cast<double>(whole[i]) * part));
                bytes += bytes_of(i, expected[i]);
            }
            if (bytes > most_packed * most_stored) return;
        }
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < outputs; ++i) bytes += bytes_of(i, expected[i]);
        if (bytes > most_packed * stored) return;
        std::copy_n(expected.begin(), outputs, capacity_.begin());
    }

    /// About how many of a page's bytes are the wanted entries'.
    double wanted_bytes(std::size_t page) const {
        auto [begin, end] = wanted_entries(page);
        auto entries = static_cast<double>(std::max<std::size_t>(headers_[page].entries, 1));
        return static_cast<double>(headers_[page].data_bytes) * static_cast<double>(end - begin) / entries;
    }

    /// Makes room for `next`, what all pages up to the one after known_ add, and for the later pages if they are like
    /// these. What a buffer has too much is never touched, so it costs no memory.
    void reserve(const Counts& next) {
        bool fits = true;
        for (std::size_t i = 0; i < capacity_.size(); ++i) fits = fits && next[i] <= capacity_[i];
        if (fits) return;
        std::unique_lock lock(growing_);
        double seen = weight_[known_ + 1];
        double later = seen > 0 ? (weight_.back() - seen) / seen : 0;
        // Sizes come from a file that may lie: what is reserved stays within a multiple of what was really there.
        later = std::min(later * 9 / 8, 64.0);
        for (std::size_t i = 0; i < capacity_.size(); ++i) {
            if (next[i] <= capacity_[i]) continue;
            auto estimate = static_cast<std::int64_t>(static_cast<double>(next[i]) * (1 + later));
            bool last = known_ + 1 == pages();
            std::int64_t capacity = last ? next[i] : std::max({estimate, next[i], 2 * capacity_[i]});
            std::size_t width = memory_bytes(buffers_[i].slot.value);
            std::size_t extra = buffers_[i].slot.offsets ? 1 : 0;
            Block larger((static_cast<std::size_t>(capacity) + extra) * width);
            std::memcpy(larger.get(), buffers_[i].data.get(),
                        (static_cast<std::size_t>(base_[known_][i]) + extra) * width);
            buffers_[i].data = std::move(larger);
            capacity_[i] = capacity;
        }
    }

    const ColumnRequest& request_;
    std::size_t index_;
    std::size_t data_bytes_ = 0;
    std::atomic<std::size_t> written_{0};  ///< pages
    std::vector<BasketHeader> headers_;
    std::vector<double> weight_;  ///< wanted bytes of all pages before each, and of all

    std::shared_mutex growing_;  ///< held by those who write into the buffers, and alone by who replaces them
    ColumnResult buffers_;

    std::mutex mutex_;  ///< guards what follows; a base that is known no longer changes
    std::condition_variable changed_;
    std::vector<Counts> counts_;  ///< what each measured page adds to each output; empty before
    std::vector<Counts> base_;    ///< what all pages before each add
    std::size_t known_ = 0;       ///< the last page whose base is known
    Counts capacity_;             ///< elements that each output has room for
    bool failed_ = false;
};

struct Task {
    std::size_t column, page;
};

/// The baskets of all columns.
class Baskets {
public:
    class Worker;

    explicit Baskets(std::vector<ColumnRequest> requests)
        : requests_(std::move(requests)), columns_(columns_of(requests_)), tasks_(tasks_of(columns_)) {}

    Tasks<Task>& tasks() { return tasks_; }

    std::size_t bytes() const {
        std::size_t total = 0;
        for (const auto& column : columns_) total += column->data_bytes();
        return total;
    }

    std::size_t number() const { return columns_.size(); }
    bool is_done(std::size_t i) const { return columns_[i]->is_written(); }
    ColumnResult finish(std::size_t i) { return columns_[i]->finish(); }

    void stop() noexcept {
        tasks_.stop();
        for (auto& column : columns_) column->fail();
    }

private:
    static std::vector<std::unique_ptr<Column>> columns_of(const std::vector<ColumnRequest>& requests) {
        std::vector<std::unique_ptr<Column>> out;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < requests.size(); ++i) {
            out.push_back(std::make_unique<Column>(requests[i], i));
            bytes += out.back()->expected_bytes();
        }
        Blocks blocks(bytes);
        for (auto& column : out) column->allocate(blocks);
        return out;
    }

    static std::vector<Task> tasks_of(const std::vector<std::unique_ptr<Column>>& columns) {
        std::vector<Task> out;
        for (std::size_t i = 0; i < columns.size(); ++i)
            for (std::size_t page = 0; page < columns[i]->pages(); ++page) out.push_back({i, page});
        return out;
    }

    std::vector<ColumnRequest> requests_;
    std::vector<std::unique_ptr<Column>> columns_;
    Tasks<Task> tasks_;
};

/// What each thread does.
class Baskets::Worker {
public:
    Worker(Baskets& baskets, Spent& spent)
        : baskets_(baskets), columns_(baskets.columns_), tasks_(baskets.tasks_), decompressor_(&spent) {}

    /// Measures the next basket, and writes what can be written; in the end what is left. An exception ends the work of
    /// all.
    bool step() noexcept {
        std::size_t task = 0;
        try {
            if (tasks_.take(task)) {
                Scratch scratch = std::move(spare_[most_open - 1 - open_.size()]);
                PageEntries entries = columns_[tasks_[task].column]->measure(tasks_[task].page, decompressor_, scratch);
                open_.push_back({task, entries, std::move(scratch)});
                while (!open_.empty() && write_front(open_.size() == most_open, task)) {
                }
                return true;
            }
            while (!open_.empty()) write_front(true, task);
        } catch (...) {
            tasks_.note(task, std::current_exception());
            baskets_.stop();
        }
        return false;
    }

private:
    /// A measured page that waits to be written, and the memory it lies in.
    struct OpenPage {
        std::size_t task;
        PageEntries entries;
        Scratch scratch;
    };

    static constexpr std::size_t most_open = 4;

    /// Whether the first of the open pages could be written, or never will be; `task` is the one at hand.
    bool write_front(bool wait, std::size_t& task) {
        OpenPage& page = open_.front();
        task = page.task;
        Column& column = *columns_[tasks_[task].column];
        Column::Base base = column.base(tasks_[task].page, wait);
        if (base == Column::Base::unknown) return false;
        if (base == Column::Base::known && column.write(tasks_[task].page, page.entries)) tasks_.tell();
        spare_[most_open - open_.size()] = std::move(page.scratch);
        open_.erase(open_.begin());
        return true;
    }

    Baskets& baskets_;
    std::vector<std::unique_ptr<Column>>& columns_;
    Tasks<Task>& tasks_;
    Decompressor decompressor_;
    std::vector<OpenPage> open_;
    std::array<Scratch, most_open> spare_;  ///< of those that are not open, the first of them
};

}  // namespace

std::unique_ptr<Decoding> decode(std::vector<ColumnRequest> requests, std::size_t threads) {
    return std::make_unique<DecodingOf<Baskets>>(std::make_unique<Baskets>(std::move(requests)), threads);
}

}  // namespace physlite
