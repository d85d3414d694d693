#include "program.hpp"

#include <bit>
#include <string>

#include "error.hpp"

namespace physlite {
namespace {

constexpr int deepest = 16;
constexpr std::int64_t largest_number = 1 << 24;
constexpr std::size_t largest_item = std::size_t{1} << 31;  ///< bytes, as much as a basket can hold

bool is_word(const Node& node) {
    return node.op == Op::primitive && (node.value == Value::u4 || node.value == Value::i4 || node.value == Value::f4);
}

class Compiler {
public:
    explicit Compiler(std::span<const std::int64_t> code) : code_(code) {}

    Program run() {
        Program out;
        out.header = static_cast<std::size_t>(number(0, 4096));
        out.root = node(0, true);
        if (at_ != code_.size()) throw CorruptData("a column program with a rest");
        out.slots = slots_;
        out.counters = slots_.size();
        number_lists(out.root, out.counters);
        return out;
    }

private:
    std::int64_t next() {
        if (at_ >= code_.size()) throw CorruptData("a column program that ends early");
        return code_[at_++];
    }

    std::int64_t number(std::int64_t least, std::int64_t most) {
        std::int64_t n = next();
        if (n < least || n > most) throw CorruptData("a column program with the number " + std::to_string(n));
        return n;
    }

    Value value() { return static_cast<Value>(number(0, static_cast<std::int64_t>(Value::count_) - 1)); }

    std::size_t add(Slot slot) {
        slots_.push_back(slot);
        return slots_.size() - 1;
    }

    /// `outermost`: the node has an entry, or a member with a byte count, to itself.
    Node node(int depth, bool outermost = false) {
        if (depth > deepest) throw CorruptData("a column program nested too deeply");
        Node out;
        out.op = static_cast<Op>(number(1, 11));
        switch (out.op) {
            case Op::primitive:
                out.value = value();
                out.slot = add({false, out.value});
                out.least = stored_bytes(out.value);
                out.exact = true;
                break;
            case Op::fixed:
                out.number = static_cast<std::size_t>(number(1, largest_number));
                out.children.push_back(node(depth + 1));
                out.least = out.number * out.children[0].least;
                out.exact = out.children[0].exact;
                break;
            case Op::list:
                out.slot = add({true, Value::i8});
                out.children.push_back(node(depth + 1));
                out.least = 4;
                break;
            case Op::to_end:
                if (!outermost) throw CorruptData("a column program with an inner list to the entry's end");
                out.slot = add({true, Value::i8});
                out.children.push_back(node(depth + 1));
                break;
            case Op::record: {
                out.number = static_cast<std::size_t>(number(0, 4096));
                std::int64_t fields = number(1, 1000);
                out.least = out.number;
                out.exact = true;
                out.words = true;
                for (std::int64_t i = 0; i < fields; ++i) {
                    out.children.push_back(node(depth + 1));
                    out.words = out.words && is_word(out.children.back());
                    out.least += out.children.back().least;
                    out.exact = out.exact && out.children.back().exact;
                }
                break;
            }
            case Op::string:
                out.alone = outermost;
                out.slot = add({true, Value::i8});
                add({false, Value::u1});
                out.least = outermost ? 0 : 1;
                break;
            case Op::objects:
                if (!outermost) throw CorruptData("a column program with inner streamed objects");
                out.slot = add({true, Value::i8});
                out.children.push_back(node(depth + 1));
                if (out.children[0].op != Op::record) throw CorruptData("a column program of objects without members");
                out.least = 10;
                break;
            case Op::size:
                if (!outermost) throw CorruptData("a column program with an inner size");
                out.value = Value::u4;
                out.slot = add({false, out.value});
                out.least = 10;
                break;
            case Op::member: {
                if (depth != 0) throw CorruptData("a column program with an inner member");
                std::int64_t skips = number(0, 1000);
                for (std::int64_t i = 0; i < skips; ++i) out.skips.push_back(number(counted_object, largest_number));
                out.number = static_cast<std::size_t>(number(0, 4096));
                out.children.push_back(node(depth + 1, true));
                out.least = out.children[0].least == 0 ? 0 : 1;
                break;
            }
            case Op::scaled:
                out.value = value();
                out.low = std::bit_cast<double>(next());
                out.high = std::bit_cast<double>(next());
                out.number = static_cast<std::size_t>(number(2, 32));
                out.slot = add({false, out.value});
                out.least = 4;
                out.exact = true;
                break;
            case Op::truncated:
                out.value = value();
                out.number = static_cast<std::size_t>(number(2, 16));
                out.slot = add({false, out.value});
                out.least = 3;
                out.exact = true;
                break;
        }
        out.width = memory_bytes(out.value);
        bool real = out.value == Value::f4 || out.value == Value::f8;
        if ((out.op == Op::scaled || out.op == Op::truncated) && !real)
            throw CorruptData("a column program that packs integers as reals");
        if (out.least > largest_item) throw CorruptData("a column program with items of over 2 GiB");
        if (out.least == 0 && !outermost) throw CorruptData("a column program with items of no bytes");
        return out;
    }

    static void number_lists(Node& node, std::size_t& counters) {
        if (node.op == Op::list || node.op == Op::to_end || node.op == Op::objects) node.items = counters++;
        for (Node& child : node.children) number_lists(child, counters);
    }

    std::span<const std::int64_t> code_;
    std::size_t at_ = 0;
    std::vector<Slot> slots_;
};

}  // namespace

std::size_t stored_bytes(Value value) {
    switch (value) {
        case Value::boolean:
        case Value::i1:
        case Value::u1: return 1;
        case Value::i2:
        case Value::u2: return 2;
        case Value::i4:
        case Value::u4:
        case Value::f4:
        case Value::f4_as_f8: return 4;
        default: return 8;
    }
}

std::size_t memory_bytes(Value value) { return value == Value::f4_as_f8 ? 8 : stored_bytes(value); }

Program compile(std::span<const std::int64_t> code) { return Compiler(code).run(); }

}  // namespace physlite
