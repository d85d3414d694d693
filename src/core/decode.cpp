// Baskets to arrays, on several threads. What a basket adds to the outputs is known once it is measured; the counts of
// all earlier baskets of the column then say where in the final arrays its values go: nothing is copied twice.
//
// Baskets are handed out in order. A thread that has measured a basket before the earlier ones are measured keeps it
// open and takes the next, so that large and small baskets beside each other keep no thread waiting.

#include "decode.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <system_error>
#include <thread>

#include "basket.hpp"
#include "decompress.hpp"
#include "entries.hpp"

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace physlite {
namespace {

/// Memory for an output. Touching fresh memory page by page costs as much as decoding into it, so large outputs ask for
/// huge pages.
std::uint8_t* allocate_output(std::size_t bytes) {
    void* memory = std::malloc(bytes);
    if (memory == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
    constexpr std::uintptr_t huge_page = std::uintptr_t{2} << 20;
    auto begin = (reinterpret_cast<std::uintptr_t>(memory) + huge_page - 1) / huge_page * huge_page;
    auto end = (reinterpret_cast<std::uintptr_t>(memory) + bytes) / huge_page * huge_page;
    // Advice: refusing it does no harm.
    if (end > begin + huge_page) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
    return static_cast<std::uint8_t*>(memory);
}

/// An upper bound of each output's length, from the bytes that are there: `bytes` in all, `n` of the node at most.
void bound_lengths(const Node& node, std::size_t n, std::size_t bytes, std::vector<std::size_t>& lengths) {
    if (node.least > 0) n = std::min(n, bytes / node.least);
    switch (node.op) {
        case Op::fixed: bound_lengths(node.children[0], n * node.number, bytes, lengths); break;
        case Op::member:
        case Op::record:
            for (const Node& child : node.children) bound_lengths(child, n, bytes, lengths);
            break;
        case Op::list:
        case Op::to_end:
        case Op::objects: {
            const Node& item = node.children[0];
            lengths[node.slot] = n;
            if (node.op == Op::objects) {
                // Member by member, the bytes that stand before each object are not there.
                for (const Node& member : item.children)
                    bound_lengths(member, bytes / (item.least - item.number), bytes, lengths);
            } else {
                bound_lengths(item, bytes, bytes, lengths);
            }
            break;
        }
        case Op::string:
            lengths[node.slot] = n;
            lengths[node.slot + 1] = bytes;
            break;
        default: lengths[node.slot] = n;
    }
}

class Column {
public:
    Column(const ColumnRequest& request, std::size_t index) : request_(request), index_(index) {
        const auto& first = request.first_entry;
        if (first.size() != request.pages.size() + 1 || first.front() < 0 ||
            !std::is_sorted(first.begin(), first.end()) || request.start < 0 || request.start > request.stop ||
            (request.start < request.stop && (first.front() > request.start || first.back() < request.stop)))
            throw DecodeError("the pages do not cover the entries", false, index, 0);
        headers_.reserve(request.pages.size());
        std::size_t bytes = 0;
        for (std::size_t page = 0; page < request.pages.size(); ++page) {
            headers_.push_back(checked_header(page));
            bytes += headers_.back().data_bytes;
        }
        data_bytes_ = bytes;
        allocate();
        base_.assign(request.pages.size() + 1, Counts(request.program.counters, 0));
        counts_.resize(request.pages.size());
    }

    std::size_t pages() const { return request_.pages.size(); }
    std::size_t data_bytes() const { return data_bytes_; }

    /// Decompresses and measures one page; afterwards the bases of later pages can be known.
    PageEntries measure(std::size_t page, Decompressor& decompressor, Scratch& scratch) {
        BasketView basket = open_basket(request_.pages[page], headers_[page], decompressor, scratch);
        std::int64_t first = request_.first_entry[page];
        std::int64_t last = std::min(request_.stop, request_.first_entry[page + 1]);
        auto begin = static_cast<std::size_t>(std::max(request_.start - first, std::int64_t{0}));
        auto end = static_cast<std::size_t>(std::max(last - first, std::int64_t{0}));
        PageEntries entries(request_.program, basket, std::min(begin, end), end);
        Counts counts(request_.program.counters, 0);
        entries.measure_all(counts);

        std::lock_guard lock(mutex_);
        counts_[page] = std::move(counts);
        for (; known_ < pages() && !counts_[known_].empty(); ++known_) {
            Counts next = base_[known_];
            for (std::size_t i = 0; i < next.size(); ++i) next[i] += counts_[known_][i];
            // bound_lengths() and measuring must agree, whatever the bytes: nothing is written past a buffer's end.
            for (std::size_t i = 0; i < capacity_.size(); ++i)
                if (next[i] > capacity_[i]) throw CorruptData("more values than its bytes can hold");
            base_[known_ + 1] = std::move(next);
        }
        changed_.notify_all();
        return entries;
    }

    enum class Base { unknown, known, never };

    /// Whether it is known where a page's values go; `wait`: until it is, or never will be.
    Base base(std::size_t page, bool wait) {
        std::unique_lock lock(mutex_);
        if (wait) changed_.wait(lock, [&] { return failed_ || page <= known_; });
        if (page <= known_) return Base::known;
        return failed_ ? Base::never : Base::unknown;
    }

    /// Writes a page whose base is known.
    void write(std::size_t page, const PageEntries& entries) {
        Writer writer;
        writer.at = base_[page];
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
            give_back(buffer, static_cast<std::size_t>(capacity_[i]));
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

    /// Returns what a buffer has too much, where that is a good part of it. The rest was never touched, so it costs no
    /// memory; and a block that is freed in the size it was asked for can serve the next request without being cleared.
    static void give_back(Buffer& buffer, std::size_t capacity) {
        if (buffer.length > capacity / 4 * 3) return;
        std::size_t bytes = std::max<std::size_t>(buffer.length * memory_bytes(buffer.slot.value), 1);
        if (void* shrunk = std::realloc(buffer.data.get(), bytes)) {
            static_cast<void>(buffer.data.release());
            buffer.data.reset(static_cast<std::uint8_t*>(shrunk));
        }
    }

    void allocate() {
        const Program& program = request_.program;
        std::vector<std::size_t> lengths(program.slots.size(), 0);
        bound_lengths(program.root, static_cast<std::size_t>(request_.stop - request_.start), data_bytes_, lengths);
        capacity_.assign(lengths.begin(), lengths.end());
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            Slot slot = program.slots[i];
            std::size_t bytes = (lengths[i] + (slot.offsets ? 1 : 0)) * memory_bytes(slot.value);
            Buffer buffer;
            buffer.slot = slot;
            buffer.data.reset(allocate_output(std::max<std::size_t>(bytes, 8)));
            if (slot.offsets) std::memset(buffer.data.get(), 0, 8);
            buffers_.push_back(std::move(buffer));
        }
    }

    const ColumnRequest& request_;
    std::size_t index_;
    std::size_t data_bytes_ = 0;
    Counts capacity_;  ///< elements that each output has room for
    std::vector<BasketHeader> headers_;
    ColumnResult buffers_;

    std::mutex mutex_;  ///< guards what follows; a base that is known no longer changes
    std::condition_variable changed_;
    std::vector<Counts> counts_;  ///< what each measured page adds to each output; empty before
    std::vector<Counts> base_;    ///< what all pages before each add
    std::size_t known_ = 0;       ///< the last page whose base is known
    bool failed_ = false;
};

struct Task {
    std::size_t column, page;
};

class Run {
public:
    Run(std::vector<std::unique_ptr<Column>>& columns, std::vector<Task> tasks)
        : columns_(columns), tasks_(std::move(tasks)) {}

    /// What each thread does. An exception ends the work of all.
    void work() noexcept {
        std::size_t task = 0;
        try {
            run_tasks(task);
        } catch (...) {
            note(task, std::current_exception());
            for (auto& column : columns_) column->fail();
        }
    }

    void raise_first_error() const {
        if (!error_) return;
        try {
            std::rethrow_exception(error_);
        } catch (const CorruptData& error) {
            throw DecodeError(error.what(), false, tasks_[error_task_].column, tasks_[error_task_].page);
        } catch (const Unsupported& error) {
            throw DecodeError(error.what(), true, tasks_[error_task_].column, tasks_[error_task_].page);
        }
    }

private:
    /// Takes tasks until there are no more; `task` is the one at hand.
    void run_tasks(std::size_t& task) {
        Decompressor decompressor;
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
        for (std::size_t i; !stop_.load() && (i = next_.fetch_add(1)) < tasks_.size();) {
            task = i;
            Scratch scratch = std::move(spare.back());
            spare.pop_back();
            PageEntries entries = columns_[tasks_[i].column]->measure(tasks_[i].page, decompressor, scratch);
            open.push_back({i, entries, std::move(scratch)});
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

    /// Tasks start in order, so the failed one that comes first in the request is among those seen: keep that.
    void note(std::size_t task, std::exception_ptr error) noexcept {
        stop_.store(true);
        std::lock_guard lock(mutex_);
        if (error_ && task > error_task_) return;
        error_ = std::move(error);
        error_task_ = task;
    }

    std::vector<std::unique_ptr<Column>>& columns_;
    std::vector<Task> tasks_;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> stop_{false};
    std::mutex mutex_;
    std::exception_ptr error_;
    std::size_t error_task_ = 0;
};

}  // namespace

std::vector<ColumnResult> decode(std::vector<ColumnRequest> requests, std::size_t threads) {
    std::vector<std::unique_ptr<Column>> columns;
    std::vector<Task> tasks;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        columns.push_back(std::make_unique<Column>(requests[i], i));
        bytes += columns.back()->data_bytes();
        for (std::size_t page = 0; page < columns.back()->pages(); ++page) tasks.push_back({i, page});
    }
    // Starting a thread costs about as much as decoding this many bytes.
    constexpr std::size_t bytes_per_thread = 64 * 1024;
    threads = std::max<std::size_t>(std::min({threads, tasks.size(), bytes / bytes_per_thread + 1}), 1);

    Run run(columns, std::move(tasks));
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

    std::vector<ColumnResult> out;
    for (auto& column : columns) out.push_back(column->finish());
    return out;
}

}  // namespace physlite
