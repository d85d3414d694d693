// The Python face of planning and decoding.

#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <deque>
#include <memory>
#include <optional>

#include "elements.hpp"
#include "plans.hpp"
#include "python.hpp"

using namespace nanobind::literals;

namespace physlite {
namespace {

nb::dlpack::dtype dtype_of(Value value) {
    switch (value) {
        case Value::boolean: return nb::dtype<bool>();
        case Value::i1: return nb::dtype<std::int8_t>();
        case Value::u1: return nb::dtype<std::uint8_t>();
        case Value::i2: return nb::dtype<std::int16_t>();
        case Value::u2: return nb::dtype<std::uint16_t>();
        case Value::i4: return nb::dtype<std::int32_t>();
        case Value::u4: return nb::dtype<std::uint32_t>();
        case Value::i8: return nb::dtype<std::int64_t>();
        case Value::u8: return nb::dtype<std::uint64_t>();
        case Value::f4: return nb::dtype<float>();
        default: return nb::dtype<double>();
    }
}

Value value_of(std::int64_t number) {
    if (number < 0 || number >= static_cast<std::int64_t>(Value::count_))
        throw nb::value_error("values of no known type");
    return static_cast<Value>(number);
}

/// Where nanoseconds are added up, in the order of Spent.
using Clock = std::optional<nb::ndarray<std::int64_t, nb::shape<3>, nb::c_contig, nb::device::cpu>>;

using Held = std::vector<std::unique_ptr<HeldBytes>>;

/// An iterator of what is decoded, in order, while later results are still being decoded.
class Results {
public:
    Results(Held held, std::unique_ptr<Decoding> decoding, Clock clock)
        : held_(std::move(held)), decoding_(std::move(decoding)), clock_(std::move(clock)) {}

    Results(Results&&) = default;
    ~Results() { end(); }

    ColumnResult next() {
        if (ready_.empty() && decoding_) work();
        if (ready_.empty()) throw nb::stop_iteration();
        ColumnResult out = std::move(ready_.front());
        ready_.pop_front();
        return out;
    }

private:
    void work() {
        if (is_busy_) throw nb::value_error("results that another thread is waiting for");
        is_busy_ = true;
        std::vector<ColumnResult> results;
        try {
            nb::gil_scoped_release release;
            results = decoding_->next();
        } catch (...) {
            end();
            throw;
        }
        is_busy_ = false;
        if (decoding_->done()) end();
        for (ColumnResult& result : results) ready_.push_back(std::move(result));
    }

    /// Ends what is not done yet, which takes as long as a basket does: others need not wait for that.
    void end() {
        if (!decoding_) return;
        std::unique_ptr<Decoding> decoding = std::move(decoding_);
        Held held = std::move(held_);
        {
            nb::gil_scoped_release release;
            decoding->stop();
        }
        if (clock_) {
            const Spent& spent = decoding->spent();
            clock_->data()[0] += spent.decompressing;
            clock_->data()[1] += spent.all;
            clock_->data()[2] += spent.wall;
        }
        nb::gil_scoped_release release;
        decoding.reset();
    }

    Held held_;
    std::unique_ptr<Decoding> decoding_;
    Clock clock_;
    bool is_busy_ = false;
    std::deque<ColumnResult> ready_;
};

/// Columns, each as the list of its buffers.
class Columns : public Results {
public:
    using Results::Results;
    nb::list next_column() {
        nb::list out;
        for (Buffer& buffer : next()) out.append(to_array(std::move(buffer)));
        return out;
    }
};

/// Streams, each as its array.
class Streams : public Results {
public:
    using Results::Results;
    nb::object next_stream() { return to_array(std::move(next().front())); }
};

/// Gives the pages of requests that are stored their bytes.
class StoredBytes {
public:
    explicit StoredBytes(const nb::list& stored) : stored_(stored) { held_.reserve(stored.size()); }

    Bytes next() {
        if (held_.size() >= stored_.size()) throw nb::value_error("fewer pages than requests have");
        held_.push_back(std::make_unique<HeldBytes>(stored_[held_.size()]));
        return held_.back()->bytes();
    }

    Held take() { return std::move(held_); }

private:
    const nb::list& stored_;
    Held held_;
};

struct PyProgram {
    explicit PyProgram(Numbers<std::int64_t> code)
        : program(std::make_shared<const Program>(compile({code.data(), code.size()}))) {}
    std::shared_ptr<const Program> program;
};

Columns decode_baskets(const BasketPlan& plan, const nb::list& stored, std::size_t threads, const Clock& clock) {
    std::vector<ColumnRequest> requests = plan.requests;
    StoredBytes bytes(stored);
    for (std::size_t i = 0; i < requests.size(); ++i)
        for (std::size_t page = plan.spans[i].low; page < plan.spans[i].high; ++page)
            requests[i].pages.push_back(bytes.next());
    std::unique_ptr<Decoding> decoding;
    {
        nb::gil_scoped_release release;
        decoding = decode(std::move(requests), threads);
    }
    return Columns(bytes.take(), std::move(decoding), clock);
}

Streams decode_pages(const StreamPlan& plan, const nb::list& stored, std::size_t threads, const Clock& clock) {
    std::vector<StreamRequest> requests = plan.requests;
    StoredBytes bytes(stored);
    for (StreamRequest& request : requests)
        for (NtuplePage& page : request.pages)
            if (!page.absent) page.stored = bytes.next();
    std::unique_ptr<Decoding> decoding;
    {
        nb::gil_scoped_release release;
        decoding = decode_streams(std::move(requests), threads);
    }
    return Streams(bytes.take(), std::move(decoding), clock);
}

/// The tables of a tree, and the arrays that they are.
struct PyBasketTables {
    PyBasketTables(Numbers<std::int64_t> first_entry, Numbers<std::int64_t> offset, Numbers<std::int64_t> size,
                   std::int64_t entries)
        : arrays{first_entry, offset, size}, tables{span_of(first_entry), span_of(offset), span_of(size), entries} {
        if (offset.size() != first_entry.size() || size.size() != first_entry.size())
            throw nb::value_error("tables of baskets of different lengths");
    }

    BasketPlan plan(const std::vector<std::tuple<const PyProgram*, std::size_t, std::size_t>>& columns,
                    std::int64_t start, std::int64_t stop) const {
        std::vector<BasketColumn> its;
        for (auto [program, first_page, pages] : columns) its.push_back({program->program, first_page, pages});
        return plan_baskets(tables, its, start, stop);
    }

    std::vector<Numbers<std::int64_t>> arrays;
    BasketTables tables;
};

/// The tables of an ntuple, and the arrays that they are.
struct PyStreamTables {
    using Kind = std::tuple<std::uint16_t, std::uint16_t, double, double>;
    using Starts = nb::ndarray<const std::int64_t, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

    PyStreamTables(const std::vector<Kind>& kinds, Numbers<std::int32_t> kind, Numbers<std::int64_t> elements,
                   Numbers<bool> checksum, Numbers<std::int64_t> base, Numbers<std::int64_t> first,
                   Numbers<std::int64_t> offset, Numbers<std::int64_t> size, Starts starts,
                   Numbers<std::int64_t> first_page, Numbers<std::int64_t> pages)
        : kind_(kind), checksum_(checksum), starts_(starts), numbers_{elements, base,       first, offset,
                                                                      size,     first_page, pages} {
        for (std::size_t length :
             {elements.size(), checksum.size(), base.size(), first.size(), offset.size(), size.size()})
            if (length != kind.size()) throw nb::value_error("tables of pages of different lengths");
        if (starts.shape(0) != pages.size() || first_page.size() != pages.size())
            throw nb::value_error("tables of streams of different lengths");
        for (auto [type, bits, low, high] : kinds) tables.kinds.push_back({type, bits, low, high});
        tables.kind = span_of(kind);
        tables.elements = span_of(elements);
        tables.checksum = span_of(checksum);
        tables.base = span_of(base);
        tables.first = span_of(first);
        tables.offset = span_of(offset);
        tables.size = span_of(size);
        tables.starts = {starts.data(), starts.size()};
        tables.first_page = span_of(first_page);
        tables.pages = span_of(pages);
    }

    using Wanted = std::tuple<std::size_t, std::int64_t, std::int64_t, std::int64_t, bool, bool>;

    StreamPlan plan(const std::vector<Wanted>& wanted) const {
        std::vector<StreamElements> its;
        for (auto [stream, start, stop, value, is_list, counts] : wanted) {
            if (counts && value_of(value) != Value::i8) throw nb::value_error("offsets that are not integers");
            its.push_back({stream, start, stop, value_of(value), is_list, counts});
        }
        return plan_streams(tables, its);
    }

    StreamTables tables;

private:
    Numbers<std::int32_t> kind_;
    Numbers<bool> checksum_;
    Starts starts_;
    std::vector<Numbers<std::int64_t>> numbers_;
};

template <class Plan>
nb::class_<Plan> bind_plan(nb::module_& m, const char* name) {
    return nb::class_<Plan>(m, name)
        .def_prop_ro("offset", [](const Plan& plan) { return plan.ranges.offset; })
        .def_prop_ro("size", [](const Plan& plan) { return plan.ranges.size; })
        .def(
            "pages",
            [](const Plan& plan, std::size_t i) { return nb::make_tuple(plan.spans.at(i).low, plan.spans[i].high); },
            "request"_a);
}

}  // namespace

nb::object to_array(Buffer&& buffer) {
    auto* held = new Block(std::move(buffer.data));
    nb::capsule owner(held, [](void* p) noexcept { delete static_cast<Block*>(p); });
    std::size_t shape[1] = {buffer.length};
    return nb::cast(nb::ndarray<nb::numpy>(held->get(), 1, shape, owner, nullptr, dtype_of(buffer.slot.value)));
}

void bind_decoding(nb::module_& m) {
    nb::class_<PyProgram>(m, "Program").def(nb::init<Numbers<std::int64_t>>(), "code"_a);

    nb::class_<Columns>(m, "Columns")
        .def("__iter__", [](nb::handle self) { return self; })
        .def("__next__", &Columns::next_column);
    bind_plan<BasketPlan>(m, "BasketPlan")
        .def("decode", &decode_baskets, "stored"_a, "threads"_a, "clock"_a = nb::none());
    nb::class_<PyBasketTables>(m, "BasketTables")
        .def(nb::init<Numbers<std::int64_t>, Numbers<std::int64_t>, Numbers<std::int64_t>, std::int64_t>(),
             "first_entry"_a, "offset"_a, "size"_a, "entries"_a)
        .def("plan", &PyBasketTables::plan, "columns"_a, "start"_a, "stop"_a);

    nb::class_<Streams>(m, "Streams")
        .def("__iter__", [](nb::handle self) { return self; })
        .def("__next__", &Streams::next_stream);
    bind_plan<StreamPlan>(m, "StreamPlan")
        .def_prop_ro("which", [](const StreamPlan& plan) { return plan.which; })
        .def(
            "elements",
            [](const StreamPlan& plan, std::size_t i) {
                return nb::make_tuple(plan.requests.at(i).start, plan.requests[i].stop);
            },
            "request"_a)
        .def_prop_ro("total",
                     [](const StreamPlan& plan) {
                         std::int64_t total = 0;
                         for (const StreamRequest& request : plan.requests) total += request.stop - request.start;
                         return total;
                     })
        .def("decode", &decode_pages, "stored"_a, "threads"_a, "clock"_a = nb::none());
    nb::class_<PyStreamTables>(m, "StreamTables")
        .def(nb::init<const std::vector<PyStreamTables::Kind>&, Numbers<std::int32_t>, Numbers<std::int64_t>,
                      Numbers<bool>, Numbers<std::int64_t>, Numbers<std::int64_t>, Numbers<std::int64_t>,
                      Numbers<std::int64_t>, PyStreamTables::Starts, Numbers<std::int64_t>, Numbers<std::int64_t>>(),
             "kinds"_a, "kind"_a, "elements"_a, "checksum"_a, "base"_a, "first"_a, "offset"_a, "size"_a, "starts"_a,
             "first_page"_a, "pages"_a)
        .def("plan", &PyStreamTables::plan, "wanted"_a);
}

}  // namespace physlite
