#include "ntuplecolumns.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>

#include "elements.hpp"

namespace physlite {
namespace {

using std::string_view_literals::operator""sv;

/// No type of xAOD is nested as deep; deeper ones are a file that wants to exhaust the stack.
constexpr std::size_t deepest = 32;
constexpr std::uint64_t most_items = std::uint64_t{1} << 31;
constexpr std::size_t longest_names = 8;  ///< times the bytes of the schema: names that are repeated in the result

enum class Stored { values, indices, switches };

/// What the elements of a stream are, and how they are stored.
struct Elements {
    std::string_view code;
    Value value;
    Stored stored = Stored::values;
};

constexpr Elements offsets{code_offsets, Value::i8, Stored::indices};
constexpr Elements sizes{code_sizes, Value::i8, Stored::indices};
constexpr Elements alternatives{code_alternatives, Value::i1, Stored::switches};
constexpr Elements places{code_places, Value::i8, Stored::switches};
constexpr Elements booleans{"b1", Value::boolean};
constexpr Elements characters{"u1", Value::u1};

struct Primitive {
    std::string_view type;
    Elements elements;
};

constexpr std::array primitives{
    Primitive{"float", {"f4", Value::f4}},
    Primitive{"double", {"f8", Value::f8}},
    Primitive{"bool", booleans},
    Primitive{"char", {"i1", Value::i1}},
    Primitive{"std::byte", {"u1", Value::u1}},
    Primitive{"std::int8_t", {"i1", Value::i1}},
    Primitive{"std::uint8_t", {"u1", Value::u1}},
    Primitive{"std::int16_t", {"i2", Value::i2}},
    Primitive{"std::uint16_t", {"u2", Value::u2}},
    Primitive{"std::int32_t", {"i4", Value::i4}},
    Primitive{"std::uint32_t", {"u4", Value::u4}},
    Primitive{"std::int64_t", {"i8", Value::i8}},
    Primitive{"std::uint64_t", {"u8", Value::u8}},
};

const Primitive* primitive_of(std::string_view type) {
    auto found = std::find_if(primitives.begin(), primitives.end(), [&](const Primitive& p) { return p.type == type; });
    return found == primitives.end() ? nullptr : &*found;
}

// Column types that hold where lists end, and that of alternatives.
bool is_index(std::uint16_t type) { return type == 0x0E || type == 0x0F || type == 0x1A || type == 0x1B; }
bool is_switch(std::uint16_t type) { return type == 0x10; }

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

/// Without the digits at its end; nothing where it ends with none.
std::optional<std::string_view> without_number(std::string_view name) {
    std::size_t digits = name.find_last_not_of("0123456789"sv);
    digits = digits == std::string_view::npos ? 0 : digits + 1;
    if (digits == name.size()) return {};
    return name.substr(0, digits);
}

/// `:_0` and the like, as ROOT names what is stored of the base classes.
bool is_base(std::string_view name) {
    auto before = without_number(name);
    return before && before->ends_with(":_"sv);
}

/// A static store of xAOD, whose members are columns.
bool is_store(std::string_view name) { return name.ends_with("Aux:"sv) || name.ends_with("AuxDyn:"sv); }

/// An interface of a container, which counts its objects.
bool is_container(std::string_view type) {
    if (type.starts_with("DataVector<"sv) || type.starts_with("xAOD::MissingETAssociationMap"sv)) return true;
    constexpr std::string_view space = "xAOD::", end = "Container_v";
    auto before = without_number(type);
    if (!before || !before->starts_with(space) || !before->ends_with(end)) return false;
    if (before->size() <= space.size() + end.size()) return false;
    std::string_view name = before->substr(space.size());
    return std::all_of(name.begin(), name.end(), is_word);
}

/// A name without what means something in an encoding.
std::string escaped(std::string_view name) {
    constexpr char hexadecimal[] = "0123456789abcdef";
    std::string out;
    for (char c : name) {
        if ("%=,;{}?("sv.find(c) == std::string_view::npos) {
            out += c;
        } else {
            out += '%';
            out += hexadecimal[static_cast<unsigned char>(c) >> 4];
            out += hexadecimal[static_cast<unsigned char>(c) & 15];
        }
    }
    return out;
}

/// Why a column cannot be read.
struct Unreadable {
    std::string why;
};

std::string said(std::string_view of, std::string_view what) {
    std::string out(of);
    return out.append(" ").append(what);
}

Unreadable unreadable(std::string_view type, std::string_view why) { return {said(type, why)}; }

/// What is read of a field: its encoding, or where it is a record those of its members, which make it.
struct Shape {
    std::string encoding;
    bool is_record = false;
    std::vector<std::pair<std::string, std::string>> members;  ///< names and encodings
};

/// Where the items of a field lie: in which stream of lists, and how many of them for each.
struct Place {
    std::int64_t parent = -1;
    std::uint64_t factor = 1;
    std::size_t depth = 0;

    Place deeper() const { return {parent, factor, depth + 1}; }
};

/// Numbers in groups, each group's in the order in which they are given.
class Grouped {
public:
    Grouped(std::size_t groups, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& given)
        : begin_(groups + 1), numbers_(given.size()) {
        for (auto [group, number] : given) ++begin_[group + 1];
        std::partial_sum(begin_.begin(), begin_.end(), begin_.begin());
        std::vector<std::size_t> next(begin_.begin(), begin_.end() - 1);
        for (auto [group, number] : given) numbers_[next[group]++] = number;
    }

    std::span<const std::uint32_t> operator[](std::size_t group) const {
        return {numbers_.data() + begin_[group], begin_[group + 1] - begin_[group]};
    }

private:
    std::vector<std::size_t> begin_;
    std::vector<std::uint32_t> numbers_;
};

Grouped children_of(const NtupleSchema& schema) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> given;
    for (std::uint32_t i = 0; i < schema.fields.size(); ++i)
        if (schema.fields[i].parent != i) given.emplace_back(schema.fields[i].parent, i);
    return {schema.fields.size(), given};
}

Grouped columns_of(const NtupleSchema& schema) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> given;
    for (std::uint32_t i = 0; i < schema.columns.size(); ++i) given.emplace_back(schema.columns[i].field, i);
    for (const AliasColumn& alias : schema.aliases) given.emplace_back(alias.field, alias.column);
    return {schema.fields.size(), given};
}

class Drafting {
public:
    explicit Drafting(const NtupleSchema& schema)
        : schema_(schema),
          names_left_(longest_names * schema.bytes),
          children_(children_of(schema)),
          columns_(columns_of(schema)) {
        alternates_ = std::any_of(schema.columns.begin(), schema.columns.end(),
                                  [](const NtupleColumn& column) { return column.representation != 0; });
    }

    NtupleDrafts all() {
        for (std::uint32_t i = 0; i < schema_.fields.size(); ++i)
            if (schema_.fields[i].parent == i) of_top_level(i);
        return std::move(out_);
    }

private:
    void of_top_level(std::uint32_t field) {
        const NtupleField& info = schema_.fields[field];
        if (info.role != Role::record || !is_store(info.name)) {
            draft(field, std::string(info.name));
            return;
        }
        bool has_members = false;
        for (std::uint32_t member : children_[field]) {
            std::string_view name = schema_.fields[member].name;
            if (is_base(name)) continue;
            draft(member, joined(info.name, name));
            has_members = true;
        }
        add(info, std::string(info.name), {}, has_members ? std::string(in_its_members) : nothing_in(info));
    }

    void draft(std::uint32_t field, std::string name) {
        const NtupleField& info = schema_.fields[field];
        std::size_t before = out_.streams.size();
        try {
            Shape shape = shape_of(field, {});
            std::size_t streams = out_.streams.size() - before;
            if (streams == 0) {
                add(info, std::move(name), {}, nothing_in(info));
            } else {
                add(info, std::move(name), encoding_of(std::move(shape)), {}, streams);
            }
        } catch (Unreadable& unreadable) {
            out_.streams.resize(before);
            add(info, std::move(name), {}, std::move(unreadable.why));
        }
    }

    void add(const NtupleField& info, std::string name, std::string encoding, std::string problem,
             std::size_t streams = 0) {
        out_.columns.push_back({std::move(name), info.type_name, std::move(encoding), std::move(problem), streams});
    }

    static std::string nothing_in(const NtupleField& info) {
        return said(std::string(holds_nothing) + ": " + std::string(info.type_name), "has no members of its own");
    }

    /// How a field is read; adds its streams. Throws Unreadable.
    Shape shape_of(std::uint32_t field, Place place) {
        const NtupleField& info = schema_.fields[field];
        auto children = children_[field];
        if (place.depth > deepest)
            throw unreadable(info.type_name, "is nested deeper than " + std::to_string(deepest) + " levels");
        if (info.flags & NtupleField::repeated) return fixed(field, place);
        switch (info.role) {
            case Role::collection:
                if (children.size() == 1) return list(field, place);
                break;
            case Role::record: return record(field, place);
            case Role::variant:
                if (!children.empty()) return one_of(field, place);
                break;
            case Role::streamed: throw unreadable(info.type_name, "is stored as ROOT streams it, which needs ROOT");
            case Role::plain:
                if (info.type_name == "std::string") return string(field, place);
                if (info.type_name.starts_with("ROOT::RNTupleCardinality<")) return values(field, sizes, place);
                if (const Primitive* primitive = primitive_of(info.type_name))
                    return values(field, primitive->elements, place);
                if (children.size() == 1) return shape_of(children[0], place.deeper());  // an enum, an atomic
                break;
        }
        throw unreadable(info.type_name.empty() ? "a type without a name" : info.type_name,
                         "is not of a type that is read from an RNTuple");
    }

    Shape values(std::uint32_t field, const Elements& elements, Place place) {
        add_stream(field, 0, elements, place);
        return {std::string(elements.code)};
    }

    Shape string(std::uint32_t field, Place place) {
        std::size_t ends = add_stream(field, 0, offsets, place);
        std::size_t its = add_stream(field, 1, characters, {static_cast<std::int64_t>(ends)});
        out_.streams[ends].child = static_cast<std::int64_t>(its);
        return {"s"};
    }

    Shape fixed(std::uint32_t field, Place place) {
        std::uint64_t number = schema_.fields[field].repetitions;
        if (number == 0 || number >= most_items || place.factor * number >= most_items)
            throw Unreadable{"an array of " + std::to_string(number) + " items"};
        place.factor *= number;
        auto children = children_[field];
        Shape item = children.empty() ? values(field, booleans, place) : shape_of(children[0], place.deeper());
        return {"[" + std::to_string(number) + "]" + encoding_of(std::move(item))};
    }

    Shape list(std::uint32_t field, Place place) {
        std::string_view type = schema_.fields[field].type_name;
        std::size_t ends = add_stream(field, 0, offsets, place);
        std::size_t first = out_.streams.size();
        Shape item;
        if (!is_container(type))
            item = shape_of(children_[field][0], {static_cast<std::int64_t>(ends), 1, place.depth + 1});
        if (out_.streams.size() == first) {
            out_.streams[ends].code = code_sizes;
            return {"n"};
        }
        out_.streams[ends].child = static_cast<std::int64_t>(first);
        out_.streams[ends].child_factor = out_.streams[first].factor;
        bool is_option = type.starts_with("std::optional<") || type.starts_with("std::unique_ptr<");
        bool is_set = type.starts_with("std::set") || type.starts_with("std::multiset");
        return {(is_option ? "?" : is_set ? "#" : "*") + encoding_of(std::move(item))};
    }

    /// One column has both which alternative it is and where its item lies: it is two streams.
    Shape one_of(std::uint32_t field, Place place) {
        add_stream(field, 0, alternatives, place);
        std::size_t its = add_stream(field, 0, places, place);
        std::string text;
        for (std::uint32_t child : children_[field]) {
            std::size_t before = out_.streams.size();
            Shape item = shape_of(child, {static_cast<std::int64_t>(its), 1, place.depth + 1});
            if (out_.streams.size() == before)
                throw unreadable(schema_.fields[child].type_name, "has no values of its own");
            text += (text.empty() ? "(" : "/") + encoding_of(std::move(item));
        }
        return {text + ")"};
    }

    /// Its members that hold something, those of its base classes first.
    Shape record(std::uint32_t field, Place place) {
        auto children = children_[field];
        std::set<std::string_view> own;
        for (std::uint32_t child : children) own.insert(schema_.fields[child].name);
        Shape out;
        out.is_record = true;
        for (std::uint32_t child : children) {
            std::size_t before = out_.streams.size();
            Shape shape = shape_of(child, place.deeper());
            if (out_.streams.size() == before) continue;
            std::string_view name = schema_.fields[child].name;
            if (!is_base(name) || !shape.is_record) {
                out.members.emplace_back(name, encoding_of(std::move(shape)));
                continue;
            }
            // A member that hides one of the base class has its name, as in C++.
            for (auto& [member, text] : shape.members)
                out.members.emplace_back(own.contains(member) ? joined(name, member) : member, std::move(text));
        }
        return out;
    }

    std::string encoding_of(Shape shape) {
        if (!shape.is_record) return std::move(shape.encoding);
        std::string out = "{0;";
        for (const auto& [name, encoding] : shape.members) {
            std::string member = escaped(name);
            spend(member.size() + encoding.size());
            if (out.back() != ';') out += ',';
            out.append(member).append("=").append(encoding);
        }
        return out + "}";
    }

    std::string joined(std::string_view name, std::string_view member) {
        spend(name.size() + member.size());
        std::string out(name);
        return out.append(".").append(member);
    }

    /// Names that are repeated, of stores, base classes and members, must not make much of a small file.
    void spend(std::size_t bytes) {
        if (bytes > names_left_) throw CorruptData("names without end");
        names_left_ -= bytes;
    }

    /// Adds a stream of the columns that all representations have at a position of a field.
    std::size_t add_stream(std::uint32_t field, std::size_t position, const Elements& elements, Place place) {
        const NtupleField& info = schema_.fields[field];
        std::span<const std::uint32_t> found = columns_at(field, position);
        if (found.empty()) throw unreadable(info.type_name, "has no data where it should have");
        for (std::uint32_t i : found) {
            const NtupleColumn& column = schema_.columns[i];
            if (!fits(column, elements))
                throw unreadable(info.type_name, "is stored in columns of type " + std::to_string(column.type) +
                                                     " with " + std::to_string(column.bits) +
                                                     " bits, which is not known here");
        }
        NtupleStream stream{found.front(), {}, elements.code, place.parent, static_cast<std::int64_t>(place.factor)};
        if (found.size() > 1) stream.representations.assign(found.begin(), found.end());
        out_.streams.push_back(std::move(stream));
        return out_.streams.size() - 1;
    }

    /// Valid until the next call.
    std::span<const std::uint32_t> columns_at(std::uint32_t field, std::size_t position) {
        auto columns = columns_[field];
        if (!alternates_) return columns.subspan(std::min(position, columns.size())).first(position < columns.size());
        found_.clear();
        std::map<std::uint16_t, std::size_t> seen;
        for (std::uint32_t column : columns)
            if (seen[schema_.columns[column].representation]++ == position) found_.push_back(column);
        return found_;
    }

    static bool fits(const NtupleColumn& column, const Elements& elements) {
        NtuplePage page;
        page.type = column.type;
        page.bits = column.bits;
        Stored stored = is_index(column.type)    ? Stored::indices
                        : is_switch(column.type) ? Stored::switches
                                                 : Stored::values;
        return stored == elements.stored && gives(page, elements.value);
    }

    const NtupleSchema& schema_;
    std::size_t names_left_;
    Grouped children_, columns_;  ///< of each field
    bool alternates_ = false;     ///< some columns have several representations
    std::vector<std::uint32_t> found_;
    NtupleDrafts out_;
};

}  // namespace

NtupleDrafts draft_columns(const NtupleSchema& schema) { return Drafting(schema).all(); }

}  // namespace physlite
