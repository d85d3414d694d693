// Baskets to arrays, on several threads. What a basket adds to the outputs is known once it is measured; the counts of
// all earlier baskets of the column then say where in the final arrays its values go: nothing is copied twice.
//
// Baskets are handed out in order. A thread that has measured a basket before the earlier ones are measured keeps it
// open and takes the next, so that large and small baskets beside each other keep no thread waiting.

#include "decode.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <shared_mutex>

#include "basket.hpp"
#include "decompress.hpp"
#include "entries.hpp"
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
        capacity_.assign(request.program.slots.size(), 0);
        for (Slot slot : request.program.slots) {
            buffers_.push_back({Block(8), 0, slot});
            std::memset(buffers_.back().data.get(), 0, 8);  // the first of the offsets
        }
        base_.assign(request.pages.size() + 1, Counts(request.program.counters, 0));
        counts_.resize(request.pages.size());
    }

    std::size_t pages() const { return request_.pages.size(); }
    std::size_t data_bytes() const { return data_bytes_; }

    /// Decompresses and measures one page; afterwards the bases of later pages can be known.
    PageEntries measure(std::size_t page, Decompressor& decompressor, Scratch& scratch) {
        BasketView basket = open_basket(request_.pages[page], headers_[page], decompressor, scratch);
        auto [begin, end] = wanted_entries(page);
        PageEntries entries(request_.program, basket, begin, end);
        Counts counts(request_.program.counters, 0);
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

    /// Writes a page whose base is known; that of the next one then is known too.
    void write(std::size_t page, const PageEntries& entries) {
        std::shared_lock lock(growing_);
        Writer writer;
        writer.at = base_[page];
        writer.end = base_[page + 1];
        for (const Buffer& buffer : buffers_) writer.out.push_back(buffer.data.get());
        entries.write_all(writer);
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

/// What each thread does.
class Worker {
public:
    Worker(std::vector<std::unique_ptr<Column>>& columns, Tasks<Task>& tasks, Spent* spent)
        : columns_(columns), tasks_(tasks), spent_(spent) {}

    /// An exception ends the work of all.
    void operator()() noexcept {
        Stopwatch stopwatch(spent_ ? &spent_->all : nullptr);
        std::size_t task = 0;
        try {
            run_tasks(task);
        } catch (...) {
            tasks_.note(task, std::current_exception());
            for (auto& column : columns_) column->fail();
        }
    }

private:
    /// Takes tasks until there are no more; `task` is the one at hand.
    void run_tasks(std::size_t& task) {
        Decompressor decompressor(spent_);
        std::deque<OpenPage> open;
        std::vector<Scratch> spare(most_open);
        auto write_front = [&](bool wait) {
            OpenPage& page = open.front();
            Column& column = *columns_[tasks_[page.task].column];
            Column::Base base = column.base(tasks_[page.task].page, wait);
            if (base == Column::Base::unknown) return false;
            if (base == Column::Base::known) column.write(tasks_[page.task].page, page.entries);
            spare.push_back(std::move(page.scratch));
            open.pop_front();
            return true;
        };
        while (tasks_.take(task)) {
            Scratch scratch = std::move(spare.back());
            spare.pop_back();
            PageEntries entries = columns_[tasks_[task].column]->measure(tasks_[task].page, decompressor, scratch);
            open.push_back({task, entries, std::move(scratch)});
            while (!open.empty() && write_front(open.size() == most_open)) {
            }
        }
        while (!open.empty()) write_front(true);
    }

    /// A measured page that waits to be written, and the memory it lies in.
    struct OpenPage {
        std::size_t task;
        PageEntries entries;
        Scratch scratch;
    };

    static constexpr std::size_t most_open = 4;

    std::vector<std::unique_ptr<Column>>& columns_;
    Tasks<Task>& tasks_;
    Spent* spent_;
};

}  // namespace

std::vector<ColumnResult> decode(std::vector<ColumnRequest> requests, std::size_t threads, Spent* spent) {
    std::vector<std::unique_ptr<Column>> columns;
    std::vector<Task> tasks;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        columns.push_back(std::make_unique<Column>(requests[i], i));
        bytes += columns.back()->data_bytes();
        for (std::size_t page = 0; page < columns.back()->pages(); ++page) tasks.push_back({i, page});
    }
    Tasks<Task> shared(std::move(tasks));
    shared.run(threads, bytes, Worker(columns, shared, spent));
    shared.raise_first_error();

    std::vector<ColumnResult> out;
    for (auto& column : columns) out.push_back(column->finish());
    return out;
}

}  // namespace physlite
