#include "links.hpp"

#include <stdexcept>
#include <unordered_set>

namespace physlite {

std::vector<std::uint32_t> distinct_keys(std::span<const std::uint32_t> keys) {
    std::vector<std::uint32_t> out;
    std::unordered_set<std::uint32_t> seen;
    std::uint32_t last = 0;
    for (std::uint32_t key : keys) {
        if (key == last || key == 0) continue;  // neighbours mostly lead to the same container
        last = key;
        if (seen.insert(key).second) out.push_back(key);
    }
    return out;
}

std::size_t place_links(const LinkRuns& runs, std::span<const std::uint32_t> keys,
                        std::span<const std::uint32_t> indices, std::uint32_t wanted,
                        std::span<const std::int64_t> targets, std::int64_t begin, std::span<std::int64_t> out) {
    if (indices.size() != keys.size() || out.size() != keys.size() || targets.empty())
        throw std::out_of_range("links, keys and places of different lengths");
    std::size_t count = runs.offsets.empty() ? keys.size() : runs.offsets.size() - 1;
    if (!runs.events.empty() && runs.events.size() < count) throw std::out_of_range("more links than events");
    std::size_t at = 0;
    std::size_t bad = 0;
    for (std::size_t run = 0; run < count; ++run) {
        std::int64_t end = runs.offsets.empty() ? static_cast<std::int64_t>(run) + 1 : runs.offsets[run + 1];
        if (end < static_cast<std::int64_t>(at) || end > static_cast<std::int64_t>(keys.size()))
            throw std::out_of_range("offsets of links that are not in order");
        if (end == static_cast<std::int64_t>(at)) continue;
        std::int64_t event = runs.events.empty() ? static_cast<std::int64_t>(run) : runs.events[run] - runs.first;
        if (event < 0 || event >= static_cast<std::int64_t>(targets.size()) - 1)
            throw std::out_of_range("links of an event that is not there");
        std::int64_t base = targets[static_cast<std::size_t>(event)];
        std::int64_t size = targets[static_cast<std::size_t>(event) + 1] - base;
        for (; at < static_cast<std::size_t>(end); ++at) {
            if (keys[at] != wanted) continue;
            bool in_range = static_cast<std::int64_t>(indices[at]) < size;
            out[at] = in_range ? begin + base + indices[at] : -1;
            bad += !in_range;
        }
    }
    return bad;
}

}  // namespace physlite
