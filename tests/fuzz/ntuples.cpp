#include "ntuples.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "ntuple.hpp"
#include "ntuplecolumns.hpp"
#include "ntuplepages.hpp"

namespace {

constexpr std::size_t checksum_bytes = 8;

void require(bool condition, const char* what) {
    if (!condition) throw Inconsistent(what);
}

void seal(Data& data) {
    std::size_t payload = data.size() - checksum_bytes;
    put_le(data, payload, XXH3_64bits(data.data(), payload), checksum_bytes);
}

std::int64_t wide(std::size_t size) { return static_cast<std::int64_t>(size); }

/// Streams lie in order behind what they are in, within their column; only columns without a problem have some.
void check_drafts(const physlite::NtupleSchema& schema) {
    physlite::NtupleDrafts drafts = physlite::draft_columns(schema);
    std::int64_t first = 0;
    std::size_t names = 0;
    for (const physlite::NtupleDraft& column : drafts.columns) {
        names += column.name.size() + column.encoding.size();
        require(column.encoding.empty() != column.problem.empty(), "a column with a problem and an encoding");
        require(column.encoding.empty() == (column.streams == 0), "an encoding of no streams");
        std::int64_t last = first + wide(column.streams);
        require(last <= wide(drafts.streams.size()), "streams that are not there");
        for (std::int64_t i = first; i < last; ++i) {
            const physlite::NtupleStream& stream = drafts.streams[static_cast<std::size_t>(i)];
            require(stream.column < schema.columns.size(), "a stream of no column");
            for (std::uint32_t c : stream.representations) require(c < schema.columns.size(), "nor this");
            require(stream.parent == -1 || (stream.parent >= first && stream.parent < i), "a stream before its lists");
            require(stream.child == -1 || (stream.child > i && stream.child < last), "items of another column");
            require(stream.factor > 0 && stream.factor < std::int64_t{1} << 31, "too many items");
        }
        first = last;
    }
    require(first == wide(drafts.streams.size()), "streams of no column");
    require(names <= 16 * schema.bytes, "names that are much longer than what they are in");
}

}  // namespace

void run_schema(const Data& header, const Data& footer) {
    physlite::Footer its = physlite::read_footer(footer);
    physlite::NtupleSchema schema = physlite::read_schema(header, its.extension);
    std::size_t names = 0;
    for (std::size_t i = 0; i < schema.fields.size(); ++i) {
        const physlite::NtupleField& field = schema.fields[i];
        require(field.parent <= i, "a field before its parent");
        require(field.source < schema.fields.size(), "a projection of no field");
        names += field.name.size() + field.type_name.size();
    }
    for (const auto& column : schema.columns) require(column.field < schema.fields.size(), "a column of no field");
    for (const auto& alias : schema.aliases)
        require(alias.field < schema.fields.size() && alias.column < schema.columns.size(), "an alias of nothing");
    require(names <= header.size() + footer.size(), "names that are longer than what they are in");
    check_drafts(schema);
}

void run_page_list(const Data& envelope, std::size_t clusters, std::size_t columns, std::uint64_t seed) {
    std::uint64_t checksum = get_le(envelope, 8, 8);
    if (Random(seed).one_in(16)) checksum += 1;
    physlite::PageList list = physlite::read_page_list(envelope, clusters, columns, checksum);
    require(list.clusters.size() == clusters, "clusters that are not there");
    require(list.first_page.size() == clusters * columns + 1, "an uneven table of columns");
    require(list.first_element.size() == clusters * columns && list.compression.size() == clusters * columns,
            "uneven tables of columns");
    std::size_t pages = list.elements.size();
    require(list.offset.size() == pages && list.bytes.size() == pages && list.has_checksum.size() == pages,
            "uneven tables of pages");
    require(std::is_sorted(list.first_page.begin(), list.first_page.end()) && list.first_page.back() == wide(pages),
            "pages of no column");
    for (std::size_t i = 0; i < pages; ++i)
        require(list.elements[i] >= 0 && list.offset[i] >= 0 && list.bytes[i] >= 0, "a page of a negative size");
}

void run_ntuple_page(const Data& stored, const Data& other, const std::vector<std::int64_t>& page, std::uint64_t seed,
                     std::size_t threads) {
    auto number = [&](std::size_t i) { return i < page.size() ? page[i] : 0; };
    Random random(seed);
    physlite::NtuplePage one;
    one.type = static_cast<std::uint16_t>(number(0));
    one.bits = static_cast<std::uint16_t>(number(1));
    one.elements = number(3);
    one.has_checksum = number(4) != 0;
    one.low = std::bit_cast<double>(number(6));
    one.high = std::bit_cast<double>(number(7));
    physlite::StreamRequest request;
    auto value = number(2);
    if (value < 0 || value >= static_cast<std::int64_t>(physlite::Value::count_)) return;
    request.value = static_cast<physlite::Value>(value);
    request.ordered = number(5) != 0 && request.value == physlite::Value::i8;
    request.first = random.one_in(4) ? wide(random.below(1000)) : 0;
    std::size_t pages = random.one_in(4) ? 2 + random.below(4) : 1;
    std::int64_t total = request.first;
    for (std::size_t i = 0; i < pages; ++i) {
        physlite::NtuplePage next = one;
        next.stored =
            pages > 1 && !other.empty() && random.one_in(2) ? physlite::Bytes(other) : physlite::Bytes(stored);
        next.absent = random.one_in(20);
        // More than any undamaged page counts to.
        next.base = request.ordered ? wide(i) << 32 : 0;
        total += std::max<std::int64_t>(std::min<std::int64_t>(next.elements, std::int64_t{1} << 32), 0);
        request.pages.push_back(next);
    }
    request.start = request.first;
    request.stop = total;
    if (random.one_in(2)) {
        request.start += wide(random.below(static_cast<std::size_t>(total - request.start) + 1));
        request.stop -= wide(random.below(static_cast<std::size_t>(total - request.start) + 1));
    }
    if (random.one_in(100)) request.start -= static_cast<std::int64_t>(random.next());
    if (request.ordered && random.one_in(2)) request.lead = 0;
    std::vector<physlite::StreamRequest> requests(random.one_in(8) ? 2 : 1, request);
    auto results = physlite::decode_streams(requests, random.one_in(2) ? threads : 1)->rest();
    for (const physlite::ColumnResult& result : results) {
        const physlite::Buffer& buffer = result.front();
        require(wide(buffer.length) == request.stop - request.start + (request.lead ? 1 : 0),
                "values of another number");
        if (!request.ordered) continue;
        const auto* offsets = reinterpret_cast<const std::int64_t*>(buffer.data.get());
        require(std::is_sorted(offsets, offsets + buffer.length), "offsets that decrease");
    }
    if (!random.one_in(4)) return;
    auto again = physlite::decode_streams(requests, threads)->rest();
    for (std::size_t i = 0; i < results.size(); ++i)
        require(std::memcmp(results[i].front().data.get(), again[i].front().data.get(),
                            results[i].front().length * physlite::memory_bytes(request.value)) == 0,
                "the result depends on the number of threads, or some of it is never written");
}

void mutate_envelope(Random& random, Data& envelope, const Data& other) {
    if (envelope.size() < 8 + checksum_bytes) return;
    envelope.resize(envelope.size() - checksum_bytes);
    mutate(random, envelope, other, true);
    envelope.resize(envelope.size() + checksum_bytes);
    if (envelope.size() < 8 + checksum_bytes || random.one_in(16)) return;
    put_le(envelope, 2, envelope.size(), 6);  // behind the type
    seal(envelope);
}

void mutate_page(Random& random, Data& stored, const Data& other, std::vector<std::int64_t>& page) {
    if (page.size() > 4 && random.one_in(3)) {
        std::size_t which = random.below(page.size());
        page[which] =
            random.one_in(2) ? wide(random.below(35)) : static_cast<std::int64_t>(interesting(random, 4096, 0));
        if (random.one_in(2)) return;
    }
    bool has_checksum = page.size() > 4 && page[4] != 0 && stored.size() > checksum_bytes;
    if (has_checksum) stored.resize(stored.size() - checksum_bytes);
    mutate(random, stored, other, true);
    if (!has_checksum) return;
    stored.resize(stored.size() + checksum_bytes);
    if (!random.one_in(16)) seal(stored);
}
