// The pages of a request, given out to several threads until one of them is damaged.
#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "error.hpp"

namespace physlite {

/// Numbers of tasks in order, and the first error. `Task` says which `column` and `page` it is about.
template <class Task>
class Tasks {
public:
    explicit Tasks(std::vector<Task> tasks) : tasks_(std::move(tasks)) {}

    const Task& operator[](std::size_t i) const { return tasks_[i]; }

    /// Whether there is a next task, which then is `task`; none is once one has failed.
    bool take(std::size_t& task) noexcept {
        if (stop_.load()) return false;
        std::size_t next = next_.fetch_add(1);
        if (next >= tasks_.size()) return false;
        task = next;
        return true;
    }

    /// No more tasks are given out, and nobody waits any longer.
    void stop() noexcept {
        stop_.store(true);
        tell();
    }

    bool stopped() const noexcept { return stop_.load(); }

    /// Tasks start in order, so the failed one that comes first in the request is among those seen: keep that.
    void note(std::size_t task, std::exception_ptr error) noexcept {
        {
            std::lock_guard lock(mutex_);
            if (!error_ || task <= error_task_) {
                error_ = std::move(error);
                error_task_ = task;
            }
        }
        stop();
    }

    /// When all threads are done: throws what was noted, as DecodeError where it is about the page.
    void raise_first_error() const {
        if (!error_) return;
        const Task& task = tasks_[error_task_];
        try {
            std::rethrow_exception(error_);
        } catch (const CorruptData& error) {
            throw DecodeError(error.what(), false, task.column, task.page);
        } catch (const Unsupported& error) {
            throw DecodeError(error.what(), true, task.column, task.page);
        }
    }

    /// Something that another thread may wait for has come.
    void tell() noexcept {
        news_.fetch_add(1);
        news_.notify_all();
    }

    /// Waits until it is `ready`, which whoever makes it so has to tell, or until all is stopped.
    template <class Ready>
    void wait(Ready ready) const noexcept {
        for (;;) {
            auto seen = news_.load();
            if (ready() || stop_.load()) return;
            news_.wait(seen);
        }
    }

    /// Starts `work`, which must not throw, on threads beside the caller's: as many of `threads` as have enough to do.
    template <class Work>
    std::vector<std::jthread> help(std::size_t threads, std::size_t bytes, Work work) const {
        // Starting a thread costs about as much as decoding this many bytes.
        constexpr std::size_t bytes_per_thread = 64 * 1024;
        threads = std::min({threads, tasks_.size(), bytes / bytes_per_thread + 1});
        std::vector<std::jthread> helpers;
        try {
            for (std::size_t i = 1; i < threads; ++i) helpers.emplace_back(work);
        } catch (const std::system_error&) {
            // The system has no more threads to give: fewer do as well.
        }
        return helpers;
    }

private:
    std::vector<Task> tasks_;
    std::atomic<std::size_t> next_{0};
    std::atomic<bool> stop_{false};
    std::atomic<std::uint32_t> news_{0};
    std::mutex mutex_;
    std::exception_ptr error_;
    std::size_t error_task_ = 0;
};

}  // namespace physlite
