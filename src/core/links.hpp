// Element links to positions: the hot part of following them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace physlite {

/// The keys of links that are not 0, each once, in the order in which they first come.
std::vector<std::uint32_t> distinct_keys(std::span<const std::uint32_t> keys);

/// Which events links are of. Links come in runs of one event each: run i ends before link `offsets[i + 1]`, with
/// groups before link `offsets[groups[i + 1]]`, or, without offsets, is link i alone; it is of event `events[i] -
/// first`, or, without events, of event i.
struct LinkRuns {
    std::optional<std::span<const std::int64_t>> events;
    std::int64_t first = 0;
    std::optional<std::span<const std::int64_t>> offsets;
    std::optional<std::span<const std::int64_t>> groups;
};

/// Writes to `out` where the targets of the links with the key `wanted` are among the objects of their container, which
/// lie at `targets[event]` ≤ i < `targets[event + 1]`, counted from `begin`: -1 for an index out of range. Returns the
/// number of those. Leaves the other links' places alone, or writes -1 there to `clear` them. Throws std::out_of_range
/// when the arguments contradict each other.
std::size_t place_links(const LinkRuns& runs, std::span<const std::uint32_t> keys,
                        std::span<const std::uint32_t> indices, std::uint32_t wanted,
                        std::span<const std::int64_t> targets, std::int64_t begin, bool clear,
                        std::span<std::int64_t> out, std::size_t threads);

}  // namespace physlite
