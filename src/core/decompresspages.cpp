#include "decompresspages.hpp"

#include "decompress.hpp"
#include "memory.hpp"
#include "tasks.hpp"

namespace physlite {
namespace {

struct Task {
    std::size_t column, page;
};

/// What each thread does.
void decompress_tasks(const std::vector<CompressedPage>& pages, Tasks<Task>& tasks) noexcept {
    std::size_t i = 0;
    try {
        Decompressor decompressor;
        Scratch scratch;
        while (tasks.take(i)) decompressor.run(pages[i].stored, scratch.get(pages[i].bytes));
    } catch (...) {
        tasks.note(i, std::current_exception());
    }
}

}  // namespace

void decompress_pages(const std::vector<CompressedPage>& pages, std::size_t threads) {
    std::vector<Task> tasks;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < pages.size(); ++i) {
        try {
            check_blocks(pages[i].stored, pages[i].bytes);
        } catch (const CorruptData& error) {
            throw DecodeError(error.what(), false, 0, i);
        } catch (const Unsupported& error) {
            throw DecodeError(error.what(), true, 0, i);
        }
        bytes += pages[i].bytes;
        tasks.push_back({0, i});
    }
    Tasks<Task> shared(std::move(tasks));
    auto work = [&] { decompress_tasks(pages, shared); };
    {
        auto helpers = shared.help(threads, bytes, work);
        work();
    }
    shared.raise_first_error();
}

}  // namespace physlite
