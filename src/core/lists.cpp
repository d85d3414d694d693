#include "lists.hpp"

#include <algorithm>
#include <string>

#include "cursor.hpp"
#include "items.hpp"

namespace physlite {
namespace {

constexpr std::size_t vector_header = 6;           // byte count and version, before a vector's own count
constexpr std::size_t header = vector_header + 4;  // with it

/// Items of any kind of a fixed size.
class AnyItems {
public:
    AnyItems(const Node& item, Writer& w) : stride(item.least), item_(item), writer_(w) {}
    void take(const std::uint8_t* from, std::size_t n) { write_exact(item_, from, n, writer_); }
    void commit(Writer&, std::int64_t) const {}

    const std::size_t stride;

private:
    const Node& item_;
    Writer& writer_;
};

/// Calls `use` with what takes the items of lists.
template <class Use>
void with_any_items(const Node& item, Writer& w, Use use) {
    if (!with_items(item, w, use)) use(AnyItems(item, w));
}

/// Some entries of a basket.
class Entries {
public:
    Entries(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end)
        : program_(program), root_(program.root), basket_(basket), begin_(begin), end_(end) {}

    bool are_packed() const { return root_.op == Op::to_end; }
    bool are_nested() const { return root_.children[0].op == Op::list; }

    /// Items without anything between them.
    void measure_packed(Counts& counts) const { count(number_in(span(0)), counts); }

    void measure_flat(Counts& counts) const { count(number_in(span(header)), counts); }

    void measure_nested(Counts& counts) const {
        std::size_t lists = 0;
        for (std::size_t i = begin_; i < end_; ++i) lists += number_of_lists(i, bytes(i));
        std::size_t bytes = span(header);
        if (bytes / 4 < lists) explain();
        const Node& inner = root_.children[0];
        std::size_t items = number_in(bytes - 4 * lists);
        counts[root_.slot] += static_cast<std::int64_t>(end_ - begin_);
        counts[root_.items] += static_cast<std::int64_t>(lists);
        counts[inner.slot] += static_cast<std::int64_t>(lists);
        counts[inner.items] += static_cast<std::int64_t>(items);
        count_exact(item(), items, counts);
    }

    /// All items at once: nothing stands between those of an entry and those of the next.
    void write_packed(Writer& w) const {
        std::size_t stride = item().least;
        std::size_t first = basket_.start(begin_);
        std::size_t from = first;
        std::int64_t before = w.at[root_.items];
        std::int64_t* offsets = offsets_of(root_, w);
        std::size_t total = 0;
        for (std::size_t i = begin_; i < end_; ++i) {
            std::size_t next = basket_.start(i + 1);
            if (next < from || (next - from) % stride != 0) explain();
            total += (next - from) / stride;
            *offsets++ = before + static_cast<std::int64_t>(total);
            from = next;
        }
        write_exact(item(), basket_.data().data() + first, total, w);
    }

    template <class Items>
    void write_flat(Items items, Writer& w) const {
        const std::uint8_t* data = basket_.data().data();
        std::int64_t* offsets = offsets_of(root_, w);
        const std::int64_t most = w.end[root_.items];
        std::int64_t total = w.at[root_.items];
        std::size_t from = basket_.start(begin_);
        for (std::size_t i = begin_; i < end_; ++i) {
            std::size_t next = basket_.start(i + 1);
            if (next < from + header || !has_byte_count(data + from, next - from)) explain();
            std::size_t n = load_be<std::uint32_t>(data + from + vector_header);
            // 32 bits times 31: no overflow
            if (n * items.stride != next - from - header || static_cast<std::int64_t>(n) > most - total) explain();
            items.take(data + from + header, n);
            total += static_cast<std::int64_t>(n);
            *offsets++ = total;
            from = next;
        }
        items.commit(w, total - w.at[root_.items]);
    }

    template <class Items>
    void write_nested(Items items, Writer& w) const {
        const Node& inner = root_.children[0];
        std::int64_t* offsets = offsets_of(root_, w);
        std::int64_t* inner_offsets = offsets_of(inner, w);
        const std::int64_t most = w.end[inner.items];
        std::int64_t lists = w.at[root_.items];
        std::int64_t total = w.at[inner.items];
        for (std::size_t i = begin_; i < end_; ++i) {
            Bytes entry = bytes(i);
            std::size_t n = number_of_lists(i, entry);
            // With so many lists, and as many items at most, none goes beyond the entry.
            std::size_t left = (entry.size() - header - 4 * n) / items.stride;
            if (static_cast<std::int64_t>(left) > most - total) explain();
            const std::uint8_t* p = entry.data() + header;
            for (std::size_t k = 0; k < n; ++k) {
                std::size_t m = load_be<std::uint32_t>(p);
                if (m > left) explain();
                left -= m;
                items.take(p + 4, m);
                p += 4 + m * items.stride;
                total += static_cast<std::int64_t>(m);
                *inner_offsets++ = total;
            }
            if (p != entry.data() + entry.size() || !has_byte_count(entry.data(), entry.size())) explain();
            lists += static_cast<std::int64_t>(n);
            *offsets++ = lists;
        }
        items.commit(w, total - w.at[inner.items]);
    }

    /// Throws what is wrong with the first entry that is damaged.
    [[noreturn]] void explain() const {
        for (std::size_t i = begin_; i < end_; ++i) explain(i);
        throw CorruptData("entries that contradict each other");
    }

private:
    void explain(std::size_t i) const { check_entry(program_, i, bytes(i)); }

    Bytes bytes(std::size_t i) const {
        std::size_t from = basket_.start(i);
        std::size_t to = basket_.start(i + 1);
        if (to < from) corrupt_entry(i, "it ends before it starts");
        return basket_.data().subspan(from, to - from);
    }

    /// What all lists are of.
    const Node& item() const { return are_nested() ? root_.children[0].children[0] : root_.children[0]; }

    /// The bytes of all entries, without so many of each.
    std::size_t span(std::size_t without) const {
        std::size_t from = basket_.start(begin_);
        std::size_t to = basket_.start(end_);
        if (to < from || (end_ > begin_ && (to - from) / (end_ - begin_) < without)) explain();
        return to - from - without * (end_ - begin_);
    }

    std::size_t number_in(std::size_t bytes) const {
        if (bytes % item().least != 0) explain();
        return bytes / item().least;
    }

    void count(std::size_t items, Counts& counts) const {
        counts[root_.slot] += static_cast<std::int64_t>(end_ - begin_);
        counts[root_.items] += static_cast<std::int64_t>(items);
        count_exact(item(), items, counts);
    }

    std::size_t number_of_lists(std::size_t i, Bytes entry) const {
        if (entry.size() < header) explain(i);
        std::size_t n = load_be<std::uint32_t>(entry.data() + vector_header);
        if (n > (entry.size() - header) / 4) explain(i);
        return n;
    }

    static bool has_byte_count(const std::uint8_t* entry, std::size_t size) {
        return load_be<std::uint32_t>(entry) == (byte_count_mask | static_cast<std::uint32_t>(size - 4));
    }

    static std::int64_t* offsets_of(const Node& list, const Writer& w) {
        return reinterpret_cast<std::int64_t*>(w.out[list.slot]) + w.at[list.slot] + 1;
    }

    const Program& program_;
    const Node& root_;
    const BasketView& basket_;
    std::size_t begin_, end_;
};

}  // namespace

bool expect_elements(const Program& program, const BasketHeader& basket, Counts& counts) {
    const Node& root = program.root;
    if (basket.object_bytes == basket.data_bytes) {
        // 31 bits times 32: no overflow
        if (!root.exact || program.header != 0 || basket.entries * root.least != basket.data_bytes) return false;
        count_exact(root, basket.entries, counts);
    } else if (root.op == Op::size) {
        counts[root.slot] += static_cast<std::int64_t>(basket.entries);
    } else if (are_sized_lists(program) && root.children[0].exact) {
        std::size_t between = root.op == Op::list ? header * basket.entries : 0;
        std::size_t items = (basket.data_bytes - std::min(between, basket.data_bytes)) / root.children[0].least;
        counts[root.slot] += static_cast<std::int64_t>(basket.entries);
        counts[root.items] += static_cast<std::int64_t>(items);
        count_exact(root.children[0], items, counts);
    } else {
        return false;
    }
    return true;
}

bool are_sized_lists(const Program& program) {
    const Node& root = program.root;
    if (root.children.empty()) return false;
    const Node& item = root.children[0];
    if (root.op == Op::to_end) return item.exact && program.header == 0;
    if (root.op != Op::list || program.header != vector_header) return false;
    return item.exact || (item.op == Op::list && item.children[0].exact);
}

void measure_sized_lists(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end,
                         Counts& counts) {
    Entries entries(program, basket, begin, end);
    if (entries.are_packed()) return entries.measure_packed(counts);
    if (entries.are_nested()) return entries.measure_nested(counts);
    entries.measure_flat(counts);
}

void write_sized_lists(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end,
                       Writer& w) {
    Entries entries(program, basket, begin, end);
    const Node& item = program.root.children[0];
    if (entries.are_packed()) return entries.write_packed(w);
    if (entries.are_nested())
        return with_any_items(item.children[0], w, [&](auto items) { entries.write_nested(items, w); });
    with_any_items(item, w, [&](auto items) { entries.write_flat(items, w); });
}

}  // namespace physlite
