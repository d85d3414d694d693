#include "links.hpp"

#include <algorithm>
#include <future>
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

namespace {

struct Links {
    std::span<const std::uint32_t> keys, indices;
    std::uint32_t wanted;
    std::span<const std::int64_t> targets;
    std::int64_t begin;
    bool clear;
    std::span<std::int64_t> out;
    std::size_t threads;
};

/// The sum of what a function gives for each part, each on a thread of its own.
template <class Function>
std::size_t for_each_part(std::size_t parts, Function function) {
    std::vector<std::future<std::size_t>> others;
    for (std::size_t part = 1; part < parts; ++part)
        others.push_back(std::async(std::launch::async | std::launch::deferred, function, part));
    std::size_t sum = function(0);
    for (auto& other : others) sum += other.get();
    return sum;
}

/// The loop over runs `from` ≤ run < `to`, with the ways to tell the end and the event of a run as they are for these.
template <class End, class Event>
std::size_t place_some(const Links& links, std::size_t from, std::size_t to, End end_of, Event event_of) {
    const auto events = static_cast<std::int64_t>(links.targets.size()) - 1;
    const auto number = static_cast<std::int64_t>(links.keys.size());
    std::int64_t at = from == 0 ? 0 : end_of(from - 1);
    if (at < 0 || at > number) throw std::out_of_range("offsets of links that are not in order");
    std::size_t bad = 0;
    for (std::size_t run = from; run < to; ++run) {
        std::int64_t end = end_of(run);
        if (end < at || end > number) throw std::out_of_range("offsets of links that are not in order");
        if (end == at) continue;
        std::int64_t event = event_of(run);
        if (event < 0 || event >= events) throw std::out_of_range("links of an event that is not there");
        std::int64_t base = links.targets[static_cast<std::size_t>(event)];
        std::int64_t size = links.targets[static_cast<std::size_t>(event) + 1] - base;
        if (base < 0 || size < 0) throw std::out_of_range("offsets of targets that are not in order");
        for (; at < end; ++at) {
            auto i = static_cast<std::size_t>(at);
            if (links.keys[i] == links.wanted) {
                bool in_range = static_cast<std::int64_t>(links.indices[i]) < size;
                links.out[i] = in_range ? links.begin + base + links.indices[i] : -1;
                bad += !in_range;
            } else if (links.clear) {
                links.out[i] = -1;
            }
        }
    }
    return bad;
}

/// All runs, in as many parts as there are threads.
template <class End, class Event>
std::size_t place_runs(const Links& links, std::size_t count, End end_of, Event event_of) {
    // Starting a thread costs about as much as placing the links of this many runs.
    constexpr std::size_t runs_per_thread = 16 * 1024;
    std::size_t parts = std::max<std::size_t>(std::min(links.threads, count / runs_per_thread), 1);
    std::size_t bad = for_each_part(parts, [&](std::size_t part) {
        return place_some(links, count * part / parts, count * (part + 1) / parts, end_of, event_of);
    });
    std::int64_t end = count == 0 ? 0 : end_of(count - 1);
    if (end != static_cast<std::int64_t>(links.keys.size())) throw std::out_of_range("links behind the last run");
    return bad;
}

template <class End>
std::size_t place_runs(const Links& links, std::size_t count, End end_of, const LinkRuns& runs) {
    if (!runs.events)
        return place_runs(links, count, end_of, [](std::size_t run) { return static_cast<std::int64_t>(run); });
    auto events = *runs.events;
    if (events.size() < count) throw std::out_of_range("more links than events");
    return place_runs(links, count, end_of, [=](std::size_t run) { return events[run] - runs.first; });
}

/// The number of runs, which have one end more.
std::size_t runs_between(std::span<const std::int64_t> ends) {
    if (ends.empty()) throw std::out_of_range("offsets without a first");
    return ends.size() - 1;
}

}  // namespace

std::size_t place_links(const LinkRuns& runs, std::span<const std::uint32_t> keys,
                        std::span<const std::uint32_t> indices, std::uint32_t wanted,
                        std::span<const std::int64_t> targets, std::int64_t begin, bool clear,
                        std::span<std::int64_t> out, std::size_t threads) {
    if (indices.size() != keys.size() || out.size() != keys.size() || targets.empty())
        throw std::out_of_range("links, keys and places of different lengths");
    Links links{keys, indices, wanted, targets, begin, clear, out, threads};
    if (!runs.offsets)
        return place_runs(links, keys.size(), [](std::size_t run) { return static_cast<std::int64_t>(run) + 1; }, runs);
    auto offsets = *runs.offsets;
    if (!runs.groups)
        return place_runs(links, runs_between(offsets), [=](std::size_t run) { return offsets[run + 1]; }, runs);
    auto groups = *runs.groups;
    auto end_of_group = [=](std::size_t run) {
        std::int64_t last = groups[run + 1];
        if (last < 0 || last >= static_cast<std::int64_t>(offsets.size()))
            throw std::out_of_range("groups of links that are not there");
        return offsets[static_cast<std::size_t>(last)];
    };
    return place_runs(links, runs_between(groups), end_of_group, runs);
}

}  // namespace physlite
