#include "memory.hpp"

#include <algorithm>
#include <compare>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <limits>
#include <map>
#include <mutex>
#include <new>
#include <string>

#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif
#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

#ifdef __SANITIZE_ADDRESS__
#define PHYSLITE_KEEPS_NO_MEMORY
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define PHYSLITE_KEEPS_NO_MEMORY
#endif
#endif

namespace physlite {
namespace {

// The C library keeps smaller ones itself.
constexpr std::size_t least_kept = std::size_t{64} << 10;

/// The least of the limits that control groups have, from one up to those that it is in.
std::uint64_t least_limit(const std::string& root, std::string group, const char* file) {
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    for (;;) {
        std::uint64_t limit = 0;
        if (std::ifstream(root + group + file) >> limit) least = std::min(least, limit);
        if (group.empty()) return least;
        group.erase(group.find_last_of('/'));
    }
}

/// What this process may use by Linux' control groups, of the second version or the first.
std::uint64_t memory_allowed() {
    std::uint64_t least = std::numeric_limits<std::uint64_t>::max();
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        // NUMBER:CONTROLLERS:/PATH
        std::size_t path = line.find(":/");
        if (path == std::string::npos) continue;
        std::string group = line.substr(path + 1);
        if (group == "/") group.clear();
        if (line.starts_with("0::"))
            least = std::min(least, least_limit("/sys/fs/cgroup", group, "/memory.max"));
        else if (line.find(":memory:") != std::string::npos)
            least = std::min(least, least_limit("/sys/fs/cgroup/memory", group, "/memory.limit_in_bytes"));
    }
    return least;
}

/// So much that the columns of a chunk of events find the memory of those before; and little of what there is: with a
/// process for each core, a sixteenth in all.
std::size_t most_kept() {
#ifdef PHYSLITE_KEEPS_NO_MEMORY
    return 0;  // the sanitizer has to see every use after the end
#else
    std::uint64_t there = 0, cores = 1;
#ifdef _SC_PHYS_PAGES
    there = static_cast<std::uint64_t>(std::max(sysconf(_SC_PHYS_PAGES), 0L)) *
            static_cast<std::uint64_t>(std::max(sysconf(_SC_PAGE_SIZE), 0L));
    cores = static_cast<std::uint64_t>(std::max(sysconf(_SC_NPROCESSORS_CONF), 1L));
#endif
    // What is allowed is allowed to one process, as a rule.
    std::uint64_t most = std::min(there / (16 * cores), memory_allowed() / 16);
    return std::clamp<std::uint64_t>(most, 64 << 20, 512 << 20);
#endif
}

struct Kept {
    std::uint8_t* data;
    std::size_t bytes;
};

/// Freed blocks. Nobody waits for the lock: a block that cannot be had is made new, one that cannot be kept is freed.
/// So a process forked while another thread held the lock goes on without.
class Pool {
public:
    /// The smallest kept block of at least `bytes`, and at most `most`; or none.
    Kept take(std::size_t bytes, std::size_t most) noexcept {
        std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock) return {nullptr, 0};
        auto found = blocks_.lower_bound({bytes, 0});
        if (found == blocks_.end() || found->first.bytes > most) return {nullptr, 0};
        return remove(found);
    }

    /// Whether the block was kept; the oldest ones make room for it.
    bool keep(Kept block) noexcept {
        std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock || block.bytes > most_) return false;
        while (total_ + block.bytes > most_)
            std::free(remove(blocks_.find({ages_.begin()->second, ages_.begin()->first})).data);
        try {
            ages_.emplace(++last_, block.bytes);
            blocks_.emplace(Key{block.bytes, last_}, block.data);
        } catch (const std::bad_alloc&) {
            ages_.erase(last_);
            return false;
        }
        total_ += block.bytes;
        return true;
    }

private:
    struct Key {
        std::size_t bytes;
        std::uint64_t number;  ///< in the order in which they were freed
        auto operator<=>(const Key&) const = default;
    };
    using BySize = std::map<Key, std::uint8_t*>;

    Kept remove(BySize::iterator block) noexcept {
        Kept out{block->second, block->first.bytes};
        ages_.erase(block->first.number);
        blocks_.erase(block);
        total_ -= out.bytes;
        return out;
    }

    std::mutex mutex_;
    BySize blocks_;
    std::map<std::uint64_t, std::size_t> ages_;  ///< the bytes of each by its number
    std::uint64_t last_ = 0;
    std::size_t total_ = 0;
    const std::size_t most_ = most_kept();
};

/// Never destroyed: arrays can outlive everything else in the process.
Pool& pool() {
    static Pool& the = *new Pool;
    return the;
}

constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Memory of at least a huge page begins with one.
std::uint8_t* allocate(std::size_t bytes) noexcept {
    if (bytes < huge_page) return static_cast<std::uint8_t*>(std::malloc(bytes));
    void* found = nullptr;
    if (posix_memalign(&found, huge_page, bytes) != 0) return nullptr;
    return static_cast<std::uint8_t*>(found);
}

void advise_huge_pages([[maybe_unused]] std::uint8_t* data, [[maybe_unused]] std::size_t bytes) noexcept {
#ifdef MADV_HUGEPAGE
    auto begin = (reinterpret_cast<std::uintptr_t>(data) + huge_page - 1) / huge_page * huge_page;
    auto end = (reinterpret_cast<std::uintptr_t>(data) + bytes) / huge_page * huge_page;
    // Advice: refusing it does no harm.
    if (end > begin) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace

Block::Block(std::size_t bytes, std::size_t most) : bytes_(std::max<std::size_t>(bytes, 1)) {
    if (bytes_ >= least_kept) {
        if (Kept found = pool().take(bytes_, most); found.data != nullptr) {
            data_ = found.data;
            bytes_ = found.bytes;
            return;
        }
    }
    data_ = allocate(bytes_);
    if (data_ == nullptr) throw std::bad_alloc();
    if (bytes_ >= least_kept) advise_huge_pages(data_, bytes_);
}

Block::~Block() {
    if (whole_) return;
    if (bytes_ >= least_kept && pool().keep({data_, bytes_})) return;
    std::free(data_);
}

void Block::shrink(std::size_t bytes) noexcept {
    bytes = std::max<std::size_t>(bytes, 1);
    if (bytes >= bytes_) return;
    if (whole_) {
        try {
            Block own(bytes);
            std::memcpy(own.data_, data_, bytes);
            *this = std::move(own);
        } catch (const std::bad_alloc&) {
            // It stays as it is.
        }
        return;
    }
    if (void* shrunk = std::realloc(data_, bytes)) {
        data_ = static_cast<std::uint8_t*>(shrunk);
        bytes_ = bytes;
    }
}

Block Blocks::get(std::size_t bytes) {
    constexpr std::size_t alignment = 64;  // a cache line, so that threads do not write into the same
    bytes = (bytes + alignment - 1) / alignment * alignment;
    std::size_t left = left_;
    left_ -= std::min(left_, bytes);
    std::size_t most = huge_page / 4;
    if (bytes > most) return Block(bytes);
    for (Whole& whole : wholes_) {
        if (bytes <= most / 4) {
            most /= 4;
            continue;
        }
        if (!whole.block || bytes > whole.block->size() - whole.used)
            whole = {std::make_shared<Block>(std::clamp(left, bytes, 4 * most), 4 * most), 0};
        whole.used += bytes;
        return Block(whole.block, whole.used - bytes, bytes);
    }
    return Block(bytes);
}

}  // namespace physlite
