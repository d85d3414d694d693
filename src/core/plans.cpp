#include "plans.hpp"

#include <algorithm>
#include <stdexcept>
#include <unordered_map>

namespace physlite {
namespace {

using Numbers = std::span<const std::int64_t>;

/// How many of ascending numbers are at most, or less than, a number.
std::size_t number_up_to(Numbers numbers, std::int64_t most) {
    return static_cast<std::size_t>(std::upper_bound(numbers.begin(), numbers.end(), most) - numbers.begin());
}
std::size_t number_below(Numbers numbers, std::int64_t end) {
    return static_cast<std::size_t>(std::lower_bound(numbers.begin(), numbers.end(), end) - numbers.begin());
}

Numbers part(Numbers table, std::size_t first, std::size_t number) {
    if (first > table.size() || number > table.size() - first) throw std::out_of_range("pages that are not there");
    return table.subspan(first, number);
}

/// Plans for streams, one wanted after the other.
class StreamPlanner {
public:
    StreamPlanner(const StreamTables& tables, StreamPlan& plan) : tables_(tables), plan_(plan) {}

    void add(const StreamElements& wanted) {
        auto [request, span] = requested(wanted);
        // Other pages than these can begin at the same place, but rarely do.
        auto place = span.low < span.high ? tables_.offset[span.low] : -1;
        auto [begin, end] = known_.equal_range(place);
        for (auto it = begin; it != end; ++it) {
            if (is_same(request, span, it->second)) {
                plan_.which.push_back(it->second);
                return;
            }
        }
        known_.emplace(place, plan_.requests.size());
        plan_.which.push_back(plan_.requests.size());
        for (std::size_t i = span.low; i < span.high; ++i) {
            NtuplePage page = tables_.page(i);
            if (!request.ordered) page.base = 0;
            request.pages.push_back(page);
            if (page.absent) continue;
            plan_.ranges.offset.push_back(tables_.offset[i]);
            plan_.ranges.size.push_back(tables_.size[i]);
        }
        plan_.requests.push_back(std::move(request));
        plan_.spans.push_back(span);
    }

private:
    struct Requested {
        StreamRequest request;
        PageSpan span;
    };

    Requested requested(const StreamElements& wanted) const {
        if (wanted.stream >= tables_.streams()) throw std::out_of_range("a stream that is not there");
        auto first_page = static_cast<std::size_t>(tables_.first_page[wanted.stream]);
        Numbers first = part(tables_.first, first_page, static_cast<std::size_t>(tables_.pages[wanted.stream]));
        StreamRequest request;
        request.value = wanted.value;
        request.start = wanted.start;
        request.stop = wanted.stop;
        request.ordered = wanted.is_list;
        if (wanted.counts) find_lead(wanted, first_page, first, request);
        PageSpan span{first_page, first_page};
        if (request.stop > request.start) {
            span.low += std::max<std::size_t>(number_up_to(first, request.start), 1) - 1;
            span.high += number_below(first, request.stop);
        }
        request.first = span.low < span.high ? tables_.first[span.low] : request.start;
        return {std::move(request), span};
    }

    /// From which element on offsets are read, and what comes before them: a list begins where the last one ends.
    void find_lead(const StreamElements& wanted, std::size_t first_page, Numbers first, StreamRequest& request) const {
        std::size_t in_each = tables_.starts.size() / tables_.streams();
        Numbers starts = part(tables_.starts, wanted.stream * in_each, in_each);
        std::size_t cluster = number_up_to(starts, wanted.start);
        if (wanted.start == wanted.stop) {
            request.lead = 0;
        } else if (cluster == 0 || starts[cluster - 1] != wanted.start) {
            request.start -= 1;
        } else if (!wanted.is_list) {
            request.lead = 0;
        } else {
            std::size_t page = std::max<std::size_t>(number_up_to(first, wanted.start), 1) - 1;
            request.lead = part(tables_.base, first_page + page, 1)[0];
        }
    }

    /// Whether pages hold what a request gives. The same bytes can be other elements of another stream: what counts is
    /// which elements of the pages.
    bool is_same(const StreamRequest& request, PageSpan span, std::size_t known) const {
        const StreamRequest& other = plan_.requests[known];
        std::size_t low = plan_.spans[known].low;
        if (span.high - span.low != plan_.spans[known].high - low || request.value != other.value ||
            request.start - request.first != other.start - other.first ||
            request.stop - request.first != other.stop - other.first || request.ordered != other.ordered ||
            request.lead != other.lead)
            return false;
        for (std::size_t i = span.low; i < span.high; ++i) {
            std::size_t k = low + i - span.low;
            if (tables_.offset[i] != tables_.offset[k] || tables_.size[i] != tables_.size[k] ||
                tables_.kind[i] != tables_.kind[k] || tables_.elements[i] != tables_.elements[k] ||
                tables_.checksum[i] != tables_.checksum[k] || tables_.base[i] != tables_.base[k])
                return false;
        }
        return true;
    }

    const StreamTables& tables_;
    StreamPlan& plan_;
    std::unordered_multimap<std::int64_t, std::size_t> known_;  ///< requests by the place of their first page
};

}  // namespace

BasketPlan plan_baskets(const BasketTables& tables, std::span<const BasketColumn> columns, std::int64_t start,
                        std::int64_t stop) {
    BasketPlan out;
    for (const BasketColumn& column : columns) {
        Numbers first = part(tables.first_entry, column.first_page, column.pages);
        ColumnRequest request;
        request.program = column.program;
        request.start = start;
        request.stop = stop;
        PageSpan span{column.first_page, column.first_page};
        if (stop > start) {
            span.low += std::max<std::size_t>(number_up_to(first, start), 1) - 1;
            span.high += number_below(first, stop);
        }
        std::size_t end = span.high - column.first_page;
        for (std::size_t i = span.low; i < span.high; ++i) {
            request.first_entry.push_back(tables.first_entry[i]);
            out.ranges.offset.push_back(tables.offset[i]);
            out.ranges.size.push_back(tables.size[i]);
        }
        request.first_entry.push_back(end < first.size() ? first[end] : column.pages > 0 ? tables.entries : 0);
        out.requests.push_back(std::move(request));
        out.spans.push_back(span);
    }
    return out;
}

NtuplePage StreamTables::page(std::size_t i) const {
    NtuplePage out;
    out.elements = elements[i];
    out.has_checksum = checksum[i];
    out.base = base[i];
    out.absent = kind[i] < 0;
    if (out.absent) return out;
    const PageKind& its = kinds.at(static_cast<std::size_t>(kind[i]));
    out.type = its.type;
    out.bits = its.bits;
    out.low = its.low;
    out.high = its.high;
    return out;
}

StreamPlan plan_streams(const StreamTables& tables, std::span<const StreamElements> wanted) {
    StreamPlan out;
    StreamPlanner planner(tables, out);
    for (const StreamElements& elements : wanted) planner.add(elements);
    return out;
}

}  // namespace physlite
