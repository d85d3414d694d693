// How long threads were busy with what.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace physlite {

/// Nanoseconds.
struct Spent {
    std::atomic<std::int64_t> decompressing{0};  ///< of all threads together
    std::atomic<std::int64_t> all{0};            ///< likewise, with everything else that they did
    std::atomic<std::int64_t> wall{0};           ///< until the last was done
};

/// Adds the time that it lives; to nothing without a place to add to.
class Stopwatch {
public:
    explicit Stopwatch(std::atomic<std::int64_t>* to) : to_(to) {
        if (to_) begin_ = std::chrono::steady_clock::now();
    }
    ~Stopwatch() {
        if (to_) to_->fetch_add((std::chrono::steady_clock::now() - begin_) / std::chrono::nanoseconds(1));
    }
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;

private:
    std::atomic<std::int64_t>* to_;
    std::chrono::steady_clock::time_point begin_;
};

}  // namespace physlite
