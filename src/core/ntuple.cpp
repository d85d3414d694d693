#include "ntuple.hpp"

#include <bit>
#include <limits>
#include <string>

#include "checksum.hpp"
#include "decompress.hpp"

namespace physlite {
namespace {

struct Frame;

/// Reads the little-endian contents of an envelope.
class Reader {
public:
    explicit Reader(Bytes data) : cursor_(data) {}

    std::size_t remaining() const noexcept { return cursor_.remaining(); }
    Bytes rest() const noexcept { return cursor_.rest(); }
    void skip(std::size_t count) { cursor_.skip(count); }

    template <class T>
    T number() {
        return load_le<T>(cursor_.take(sizeof(T)).data());
    }

    std::uint16_t u16() { return number<std::uint16_t>(); }
    std::uint32_t u32() { return number<std::uint32_t>(); }
    std::uint64_t u64() { return number<std::uint64_t>(); }
    std::int32_t i32() { return number<std::int32_t>(); }
    std::int64_t i64() { return number<std::int64_t>(); }
    double f8() { return std::bit_cast<double>(u64()); }

    std::string_view string() {
        std::size_t length = u32();
        Bytes chars = cursor_.take(length);
        return {reinterpret_cast<const char*>(chars.data()), chars.size()};
    }

    Reader part(std::size_t bytes) { return Reader(cursor_.take(bytes)); }

    Frame record();
    Frame list(std::size_t least);

    /// Flags of features; a bit that is set stands for something that this reader does not know.
    void feature_flags() {
        std::int64_t flags;
        do {
            flags = i64();
            if ((flags & std::numeric_limits<std::int64_t>::max()) != 0)
                throw Unsupported("features of the format that are newer than this reader (flags " +
                                  std::to_string(flags) + "): use a newer one");
        } while (flags < 0);
    }

    /// Offset and size of what a locator stands for.
    std::pair<std::uint64_t, std::uint64_t> locator() {
        std::int32_t size = i32();
        if (size >= 0) {
            std::uint64_t offset = u64();
            return {offset, static_cast<std::uint64_t>(size)};
        }
        // Then these are the size of the locator (16 bits), a reserved byte, and its type, negative.
        auto raw = static_cast<std::uint32_t>(size);
        std::size_t bytes = raw & 0xffff;
        int type = 256 - static_cast<int>(raw >> 24);
        if (bytes < 4) throw CorruptData("a locator of " + std::to_string(bytes) + " bytes");
        Reader payload = part(bytes - 4);
        if (type != 1) throw Unsupported("locators of type " + std::to_string(type) + ", which are not of files");
        std::uint64_t content = payload.u64();
        std::uint64_t offset = payload.u64();
        return {offset, content};
    }

    EnvelopeLink link() {
        EnvelopeLink link;
        link.uncompressed = u64();
        std::tie(link.offset, link.bytes) = locator();
        return link;
    }

private:
    Cursor cursor_;
};

/// A record, or a list of `items`.
struct Frame {
    Reader content;
    std::size_t items = 0;
};

Frame Reader::record() {
    std::int64_t size = i64();
    if (size < 8) throw CorruptData("a record frame of " + std::to_string(size) + " bytes");
    return {part(static_cast<std::size_t>(size) - 8)};
}

/// A list whose items take `least` bytes each at least.
Frame Reader::list(std::size_t least) {
    std::int64_t size = i64();
    std::uint32_t items = u32();
    if (size > -12 || size == std::numeric_limits<std::int64_t>::min())
        throw CorruptData("a list frame of " + std::to_string(size) + " bytes");
    Frame frame{part(static_cast<std::size_t>(-size) - 12), items};
    if (items > frame.content.remaining() / least)
        throw CorruptData("a list of " + std::to_string(items) + " items in " +
                          std::to_string(frame.content.remaining()) + " bytes");
    return frame;
}

enum class Kind : std::uint16_t { header = 1, footer = 2, page_list = 3 };

/// The payload of an envelope; `checksum`: the one behind it.
Reader open(Bytes envelope, Kind kind, std::uint64_t& checksum) {
    if (envelope.size() < 8 + checksum_bytes)
        throw CorruptData("an envelope of " + std::to_string(envelope.size()) + " bytes");
    Bytes hashed = envelope.first(envelope.size() - checksum_bytes);
    checksum = load_le<std::uint64_t>(envelope.data() + hashed.size());
    if (physlite::checksum(hashed) != checksum) throw CorruptData("an envelope with a wrong checksum: it is damaged");
    Reader reader(hashed);
    std::uint64_t first = reader.u64();
    if ((first & 0xffff) != static_cast<std::uint64_t>(kind))
        throw CorruptData("an envelope of type " + std::to_string(first & 0xffff) + " where one of type " +
                          std::to_string(static_cast<int>(kind)) + " should be");
    if (first >> 16 != envelope.size())
        throw CorruptData("an envelope of " + std::to_string(envelope.size()) + " bytes that claims " +
                          std::to_string(first >> 16));
    return reader;
}

// Bytes that an item takes at least: its frame, its numbers, its strings' lengths.
constexpr std::size_t least_field = 8 + 16 + 4 * 4;
constexpr std::size_t least_column = 8 + 12;
constexpr std::size_t least_alias = 8 + 8;
constexpr std::size_t least_group = 8 + 20 + 8 + 12;
constexpr std::size_t least_summary = 8 + 16;
constexpr std::size_t least_list = 12;
constexpr std::size_t least_page = 4 + 4;

/// Columns that were added later are missing in earlier clusters, of which nothing is said: a few bytes must not stand
/// for many of them. Files have a few thousand columns and a few hundred clusters.
constexpr std::size_t most_missing = std::size_t{1} << 22;

/// A page list of a million pages has a fiftieth of it.
constexpr std::uint64_t most_envelope = std::uint64_t{1} << 30;

NtupleField read_field(Reader r) {
    NtupleField field;
    r.skip(8);  // versions of field and type
    field.parent = r.u32();
    field.role = static_cast<Role>(r.u16());
    field.flags = r.u16();
    field.name = r.string();
    field.type_name = r.string();
    r.string();  // its alias
    r.string();  // description
    if (field.flags & NtupleField::repeated) field.repetitions = r.u64();
    if (field.flags & NtupleField::projected) field.source = r.u32();
    return field;
}

NtupleColumn read_column(Reader r) {
    NtupleColumn column;
    column.type = r.u16();
    column.bits = r.u16();
    column.field = r.u32();
    std::uint16_t flags = r.u16();
    column.representation = r.u16();
    if (flags & NtupleColumn::deferred) r.skip(8);  // its first element, which page lists have too
    if (flags & NtupleColumn::has_range) {
        column.low = r.f8();
        column.high = r.f8();
    }
    return column;
}

/// The description of fields and columns, in the header and once more in the footer for those that were added later.
void read_description(Reader& r, NtupleSchema& schema) {
    Frame fields = r.list(least_field);
    for (std::size_t i = 0; i < fields.items; ++i) schema.fields.push_back(read_field(fields.content.record().content));
    Frame columns = r.list(least_column);
    for (std::size_t i = 0; i < columns.items; ++i)
        schema.columns.push_back(read_column(columns.content.record().content));
    Frame aliases = r.list(least_alias);
    for (std::size_t i = 0; i < aliases.items; ++i) {
        Reader alias = aliases.content.record().content;
        std::uint32_t column = alias.u32();
        std::uint32_t field = alias.u32();
        schema.aliases.push_back({column, field});
    }
    r.list(1);  // extra information on types: of objects that only ROOT can read
}

void check_numbers(const NtupleSchema& schema) {
    auto field_of = [&](const char* what, std::size_t number, std::uint32_t field) {
        if (field >= schema.fields.size())
            throw CorruptData(std::string(what) + " " + std::to_string(number) + " is of the field " +
                              std::to_string(field) + ", of " + std::to_string(schema.fields.size()));
    };
    for (std::size_t i = 0; i < schema.fields.size(); ++i) {
        const NtupleField& field = schema.fields[i];
        if (field.parent > i)
            throw CorruptData("field " + std::to_string(i) + " is part of the field " + std::to_string(field.parent) +
                              ", which comes after it");
        if (field.flags & NtupleField::projected) field_of("a projection of", i, field.source);
    }
    for (std::size_t i = 0; i < schema.columns.size(); ++i) field_of("column", i, schema.columns[i].field);
    for (std::size_t i = 0; i < schema.aliases.size(); ++i) {
        field_of("alias", i, schema.aliases[i].field);
        if (schema.aliases[i].column >= schema.columns.size())
            throw CorruptData("alias " + std::to_string(i) + " is of the column " +
                              std::to_string(schema.aliases[i].column) + ", of " +
                              std::to_string(schema.columns.size()));
    }
}

/// A number of the file as one that can be counted with.
std::int64_t checked(std::uint64_t value, const char* what) {
    if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
        throw CorruptData(std::string(what) + " of " + std::to_string(value));
    return static_cast<std::int64_t>(value);
}

void read_pages(Reader& r, PageList& out) {
    auto [list, pages] = r.list(least_page);
    for (std::size_t i = 0; i < pages; ++i) {
        std::int32_t elements = list.i32();
        auto [offset, bytes] = list.locator();
        out.has_checksum.push_back(elements < 0);
        out.elements.push_back(elements < 0 ? -static_cast<std::int64_t>(elements) : elements);
        out.offset.push_back(checked(offset, "a page at byte"));
        out.bytes.push_back(checked(bytes, "a page's size"));
    }
    out.first_element.push_back(list.i64());
    out.compression.push_back(out.first_element.back() < 0 ? 0 : list.u32());
    out.first_page.push_back(static_cast<std::int64_t>(out.offset.size()));
}

}  // namespace

Anchor read_anchor(Bytes object) {
    Cursor cursor(object);
    std::uint32_t count = cursor.u32();
    if (!(count & 0x40000000)) throw CorruptData("an ntuple's anchor without a byte count");
    Cursor anchor(cursor.take((count & ~0x40000000u)));
    anchor.skip(2);  // version of the class
    Bytes members = anchor.rest();
    std::uint16_t epoch = anchor.u16();
    if (epoch != 1)
        throw Unsupported("an RNTuple of the format's epoch " + std::to_string(epoch) +
                          ": 1 is read here, 0 was before the first release");
    anchor.skip(6);
    Anchor out;
    for (EnvelopeLink* link : {&out.header, &out.footer}) {
        link->offset = anchor.u64();
        link->bytes = anchor.u64();
        link->uncompressed = anchor.u64();
    }
    out.max_key_bytes = anchor.u64();
    // Behind the members, whatever later versions add to them.
    if (cursor.remaining() < checksum_bytes) throw CorruptData("an ntuple's anchor without a checksum");
    if (checksum(members) != cursor.u64()) throw CorruptData("an ntuple's anchor with a wrong checksum: it is damaged");
    return out;
}

std::vector<std::uint8_t> open_envelope(Bytes stored, std::uint64_t uncompressed) {
    if (uncompressed > most_envelope) throw CorruptData("a description of " + std::to_string(uncompressed) + " bytes");
    if (stored.size() == uncompressed) return {stored.begin(), stored.end()};
    check_blocks(stored, uncompressed);
    std::vector<std::uint8_t> out(uncompressed);
    Decompressor().run(stored, out);
    return out;
}

NtupleSchema read_schema(Bytes header, Bytes extension) {
    NtupleSchema schema;
    Reader r = open(header, Kind::header, schema.checksum);
    r.feature_flags();
    r.string();  // name
    r.string();  // description
    r.string();  // who wrote it
    read_description(r, schema);
    Reader later(extension);
    if (later.remaining() > 0) read_description(later, schema);
    check_numbers(schema);
    schema.bytes = header.size() + extension.size();
    return schema;
}

Footer read_footer(Bytes footer) {
    Footer out;
    std::uint64_t checksum;
    Reader f = open(footer, Kind::footer, checksum);
    f.feature_flags();
    out.header_checksum = f.u64();
    out.extension = f.record().content.rest();
    Frame groups = f.list(least_group);
    for (std::size_t i = 0; i < groups.items; ++i) {
        Reader group = groups.content.record().content;
        ClusterGroup g;
        group.skip(16);  // its first entry and their number, which its clusters have too
        g.clusters = group.u32();
        g.pages = group.link();
        out.groups.push_back(g);
    }
    return out;
}

PageList read_page_list(Bytes envelope, std::size_t clusters, std::size_t columns, std::uint64_t header_checksum) {
    std::uint64_t checksum;
    Reader r = open(envelope, Kind::page_list, checksum);
    if (r.u64() != header_checksum) throw CorruptData("a page list that belongs to another header");
    PageList out;
    Frame summaries = r.list(least_summary);
    if (summaries.items != clusters)
        throw CorruptData("a page list of " + std::to_string(summaries.items) + " clusters, where its group has " +
                          std::to_string(clusters));
    for (std::size_t i = 0; i < summaries.items; ++i) {
        Reader summary = summaries.content.record().content;
        NtupleCluster cluster;
        cluster.first_entry = summary.u64();
        std::uint64_t entries = summary.u64();
        cluster.entries = entries & 0x00ffffffffffffff;
        if (entries >> 56 & 1) throw Unsupported("sharded clusters: use a newer reader");
        out.clusters.push_back(cluster);
    }
    Frame lists = r.list(least_list);
    if (lists.items != summaries.items)
        throw CorruptData("pages of " + std::to_string(lists.items) + " clusters, of " +
                          std::to_string(summaries.items));
    std::size_t missing = 0;
    out.first_page.push_back(0);
    for (std::size_t i = 0; i < lists.items; ++i) {
        Frame cluster = lists.content.list(least_list);
        if (cluster.items > columns)
            throw CorruptData("pages of " + std::to_string(cluster.items) + " columns, of " + std::to_string(columns));
        missing += columns - cluster.items;
        if (missing > most_missing)
            throw Unsupported("clusters that miss more than " + std::to_string(most_missing) +
                              " columns that were added later");
        for (std::size_t c = 0; c < cluster.items; ++c) read_pages(cluster.content, out);
        for (std::size_t c = cluster.items; c < columns; ++c) {
            out.first_element.push_back(PageList::not_yet);
            out.compression.push_back(0);
            out.first_page.push_back(static_cast<std::int64_t>(out.offset.size()));
        }
    }
    return out;
}

}  // namespace physlite
