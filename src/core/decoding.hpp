// Results that are taken in order while later ones are still being made, by the thread that takes them and by others:
// what is done with the first need not wait for the last.
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "memory.hpp"
#include "program.hpp"
#include "spent.hpp"

namespace physlite {

struct Buffer {
    Block data;
    std::size_t length = 0;  ///< in elements
    Slot slot;
};

using ColumnResult = std::vector<Buffer>;

class Decoding {
public:
    Decoding() = default;
    Decoding(const Decoding&) = delete;
    Decoding& operator=(const Decoding&) = delete;
    virtual ~Decoding() = default;

    /// The next results in order, at least one; none when all were taken. Takes no locks of Python's; throws
    /// DecodeError for the first damaged page, and then is at its end.
    virtual std::vector<ColumnResult> next() = 0;

    /// Whether all were taken, or one failed.
    virtual bool done() const = 0;

    /// Nobody works on what is left any longer, and nobody will.
    virtual void stop() noexcept = 0;

    /// All that are left.
    std::vector<ColumnResult> rest() {
        std::vector<ColumnResult> out;
        while (!done())
            for (ColumnResult& result : next()) out.push_back(std::move(result));
        return out;
    }

    /// How long it took so far; complete when it is done or stopped.
    const Spent& spent() const { return spent_; }

protected:
    Spent spent_;
};

/// `Job` has the tasks (`tasks()`) and their `bytes()`, the `number()` of results, whether one `is_done`, and gives it
/// once by `finish`; `stop` lets nobody wait any longer. A `Job::Worker`, one for each thread, does a task with each
/// `step`, which must not throw, until it says that there are no more for it.
template <class Job>
class DecodingOf final : public Decoding {
public:
    DecodingOf(std::unique_ptr<Job> job, std::size_t threads)
        : job_(std::move(job)),
          own_(*job_, spent_),
          helpers_(job_->tasks().help(threads, job_->bytes(), [this] { help(); })) {}
    ~DecodingOf() override { stop(); }

    std::vector<ColumnResult> next() override {
        // Enough at a time that those who wait for Python's lock are not asked too often.
        constexpr std::chrono::milliseconds batch{2};
        Stopwatch wall(&spent_.wall);
        auto begin = std::chrono::steady_clock::now();
        std::vector<ColumnResult> out;
        while (next_ < job_->number()) {
            if (job_->tasks().stopped()) {
                stop();
                job_->tasks().raise_first_error();
            } else if (job_->is_done(next_)) {
                out.push_back(finished());
            } else if (!out.empty() && std::chrono::steady_clock::now() - begin > batch) {
                return out;
            } else if (!work()) {
                job_->tasks().wait([this] { return job_->is_done(next_); });
            }
        }
        helpers_.clear();
        return out;
    }

    bool done() const override { return next_ == job_->number(); }

    void stop() noexcept override {
        job_->stop();
        helpers_.clear();
        next_ = job_->number();
    }

private:
    ColumnResult finished() {
        try {
            return job_->finish(next_++);
        } catch (...) {
            stop();
            throw;
        }
    }

    bool work() {
        Stopwatch all(&spent_.all);
        return has_work_ && (has_work_ = own_.step());
    }

    void help() noexcept {
        Stopwatch all(&spent_.all);
        typename Job::Worker worker(*job_, spent_);
        while (worker.step()) {
        }
    }

    std::unique_ptr<Job> job_;
    typename Job::Worker own_;
    bool has_work_ = true;
    std::size_t next_ = 0;
    std::vector<std::jthread> helpers_;  ///< joined before the rest ends
};

}  // namespace physlite
