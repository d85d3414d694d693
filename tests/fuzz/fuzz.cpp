// Damages what real files contain and gives it to the core, which was built with sanitizers.
//
//     fuzz CORPUS [--mutations N] [--seed S] [--seconds LIMIT] [--hang SECONDS] [--out DIR] [--pages N] [--threads N]
//     fuzz --replay FILE ...
//
// An input passes when the core returns something consistent or throws CorruptData, Unsupported or DecodeError, within
// the limits of time and memory. Anything else ends the run; the input is written to DIR/crash-<seed>-<number>.bin.
//
// A corpus is "PLFUZZ1\n", a count, and items; little endian. An item: target (1 byte), parameter (4: length of the
// key, or uncompressed bytes), entries (8), seed (8) of what is decided while it runs, a count (4) and a column program
// (8 each), a count and the bytes, a count and the bytes of a second page. Crash files are corpora of one item.

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#if __has_include(<malloc.h>)
#include <malloc.h>
#endif
#include <sys/resource.h>
#include <xxhash.h>

#include <fstream>
#include <iterator>
#include <thread>

#include "basket.hpp"
#include "decode.hpp"
#include "hostile.hpp"
#include "mutations.hpp"
#include "ntuple.hpp"
#include "ntuples.hpp"
#include "rootfile.hpp"
#include "ttree.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
extern "C" void __sanitizer_set_death_callback(void (*callback)());
#endif
extern "C" const char* __asan_default_options() {
    return "handle_abort=1:allocator_may_return_null=0:max_allocation_size_mb=3000:hard_rss_limit_mb=3000:"
           "quarantine_size_mb=32";
}
extern "C" const char* __ubsan_default_options() { return "print_stacktrace=1"; }
extern "C" const char* __tsan_default_options() { return "halt_on_error=1:handle_abort=1"; }

namespace {

using physlite::Bytes;

enum Target : std::uint8_t {
    file_header,
    directory,
    keys,
    object,
    streamers,
    tree,
    basket,
    code,
    blocks,
    embedded,
    anchor,
    envelope,
    schema,
    page_list,
    ntuple_page,
    targets
};
constexpr std::array<const char*, targets> target_names = {
    "file header", "directory",       "keys",   "object",   "streamers", "tree",      "basket",     "program",
    "blocks",      "embedded basket", "anchor", "envelope", "schema",    "page list", "ntuple page"};

struct Options {
    std::uint64_t mutations = 100'000;
    std::uint64_t seed = 1;
    double seconds = 3600;
    double hang = 2;
    std::size_t pages = 0;  ///< of each column; 0: mostly one
    std::size_t threads = 3;
    std::string out = ".";
};

struct Case {
    std::uint8_t target = 0;
    std::uint32_t param = 0;
    std::int64_t entries = 0;
    std::uint64_t seed = 0;
    std::vector<std::int64_t> program;
    Data data;
    Data other;
};

/// The first `key` bytes of a basket and what follows them, decompressed.
struct Content {
    Data key;
    Data object;
    std::size_t data_bytes = 0;
};

struct Item : Case {
    Content content;  ///< of baskets
};

// ------------------------------------------------------------------------------------------------------------- files

class Reader {
public:
    explicit Reader(const std::string& path) {
        std::ifstream file(path, std::ios::binary);
        data_.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
        if (data_.size() < 12 || std::memcmp(data_.data(), "PLFUZZ1\n", 8) != 0) {
            std::fprintf(stderr, "%s is not a corpus\n", path.c_str());
            std::exit(2);
        }
        at_ = 8;
        items_ = get<std::uint32_t>();
    }

    std::vector<Case> all() {
        std::vector<Case> out(items_);
        for (Case& c : out) {
            c.target = get<std::uint8_t>();
            c.param = get<std::uint32_t>();
            c.entries = get<std::int64_t>();
            c.seed = get<std::uint64_t>();
            c.program.resize(get<std::uint32_t>());
            for (std::int64_t& number : c.program) number = get<std::int64_t>();
            c.data = bytes();
            c.other = bytes();
        }
        return out;
    }

private:
    template <class T>
    T get() {
        T value{};
        if (data_.size() - at_ < sizeof(T)) {
            std::fputs("a corpus that ends early\n", stderr);
            std::exit(2);
        }
        std::memcpy(&value, data_.data() + at_, sizeof(T));
        at_ += sizeof(T);
        return value;
    }
    Data bytes() {
        std::size_t size = get<std::uint32_t>();
        if (data_.size() - at_ < size) std::exit(2);
        Data out(data_.begin() + static_cast<std::ptrdiff_t>(at_),
                 data_.begin() + static_cast<std::ptrdiff_t>(at_ + size));
        at_ += size;
        return out;
    }

    std::vector<char> data_;
    std::size_t at_ = 0;
    std::uint32_t items_ = 0;
};

// Where a failure finds the input that caused it. Only plain system calls from here: the heap may be damaged.
std::atomic<const Case*> current{nullptr};
std::atomic<std::uint64_t> current_number{0};
std::atomic<std::int64_t> current_start{0};
Options options;

void put(int file, const void* data, std::size_t size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        ssize_t n = ::write(file, at, size);
        if (n <= 0) return;
        at += n;
        size -= static_cast<std::size_t>(n);
    }
}

template <class T>
void put_number(int file, T value) {
    put(file, &value, sizeof(T));
}

void dump_current() {
    const Case* c = current.exchange(nullptr);
    if (c == nullptr || options.out.empty()) return;
    char path[512];
    std::snprintf(path, sizeof path, "%s/crash-%llu-%llu.bin", options.out.c_str(),
                  static_cast<unsigned long long>(options.seed),
                  static_cast<unsigned long long>(current_number.load()));
    int file = ::open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    if (file < 0) return;
    put(file, "PLFUZZ1\n", 8);
    put_number(file, std::uint32_t{1});
    put_number(file, c->target);
    put_number(file, c->param);
    put_number(file, c->entries);
    put_number(file, c->seed);
    put_number(file, static_cast<std::uint32_t>(c->program.size()));
    put(file, c->program.data(), 8 * c->program.size());
    put_number(file, static_cast<std::uint32_t>(c->data.size()));
    put(file, c->data.data(), c->data.size());
    put_number(file, static_cast<std::uint32_t>(c->other.size()));
    put(file, c->other.data(), c->other.size());
    ::close(file);
    std::fprintf(stderr, "\nThe input (%s) is in %s\n", target_names[c->target], path);
}

[[noreturn]] void fail(const std::string& what) {
    std::fprintf(stderr, "\nFAILED: %s\n", what.c_str());
    dump_current();
    std::_Exit(1);
}

std::int64_t nanoseconds(clockid_t clock) {
    timespec t{};
    clock_gettime(clock, &t);
    return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

/// Processor time, so that a busy machine raises no alarm; but a deadlock takes none, so ten times that by the clock.
void watch(const std::stop_token& stop) {
    std::uint64_t number = 0;
    std::int64_t wall = 0;
    auto limit = static_cast<std::int64_t>(options.hang * 1e9);
    while (!stop.stop_requested()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
        if (std::uint64_t n = current_number.load(); n != number || wall == 0) {
            number = n;
            wall = nanoseconds(CLOCK_MONOTONIC);
        } else if (current.load() != nullptr && (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - current_start.load() > limit ||
                                                 nanoseconds(CLOCK_MONOTONIC) - wall > 10 * limit)) {
            fail("an input takes longer than " + std::to_string(options.hang) + " s");
        }
    }
}

// --------------------------------------------------------------------------------------------------------- execution

void require(bool condition, const char* what) {
    if (!condition) fail(what);
}

std::uint64_t sink = 0;  ///< keeps the compiler from leaving out the reading of results

/// Reads all of a column and checks that offsets and lengths fit together. `n`: how many of the node there are.
void check_node(const physlite::Node& node, std::size_t n, const physlite::ColumnResult& column) {
    using physlite::Op;
    auto offsets_end = [&]() -> std::size_t {
        const physlite::Buffer& buffer = column[node.slot];
        require(buffer.length == n + 1, "an offsets array of the wrong length");
        const auto* offsets = reinterpret_cast<const std::int64_t*>(buffer.data.get());
        require(offsets[0] == 0, "an offsets array that does not begin with 0");
        for (std::size_t i = 0; i < n; ++i) require(offsets[i] <= offsets[i + 1], "offsets that decrease");
        return static_cast<std::size_t>(offsets[n]);
    };
    switch (node.op) {
        case Op::fixed: check_node(node.children[0], n * node.number, column); break;
        case Op::record:
            for (const auto& child : node.children) check_node(child, n, column);
            break;
        case Op::member: check_node(node.children[0], n, column); break;
        case Op::list:
        case Op::to_end: check_node(node.children[0], offsets_end(), column); break;
        case Op::objects: check_node(node.children[0], offsets_end(), column); break;
        case Op::string: require(column[node.slot + 1].length == offsets_end(), "strings of the wrong length"); break;
        default: require(column[node.slot].length == n, "values of the wrong length");
    }
}

void check_column(const physlite::ColumnRequest& request, const physlite::ColumnResult& column) {
    check_node(request.program->root, static_cast<std::size_t>(request.stop - request.start), column);
    for (const physlite::Buffer& buffer : column)
        sink += XXH64(buffer.data.get(), buffer.length * physlite::memory_bytes(buffer.slot.value), 0);
}

void check_tree(const physlite::Tree& tree, std::size_t bytes) {
    std::size_t baskets = tree.basket_offset.size();
    require(tree.basket_bytes.size() == baskets && tree.basket_first_entry.size() == baskets, "uneven basket tables");
    std::size_t names = 0;
    for (std::size_t i = 0; i < tree.branches.size(); ++i) {
        const physlite::Branch& b = tree.branches[i];
        require(b.parent < static_cast<std::int64_t>(i), "a branch before its parent");
        require(b.first_basket <= baskets && b.baskets <= baskets - b.first_basket, "baskets that are not there");
        for (std::size_t k = b.first_basket; k < b.first_basket + b.baskets; ++k) {
            std::int64_t next = k + 1 < b.first_basket + b.baskets ? tree.basket_first_entry[k + 1] : b.entries;
            require(tree.basket_first_entry[k] < next, "baskets in no order");
            if (tree.basket_offset[k] < 0) {
                auto at = static_cast<std::size_t>(-1 - tree.basket_offset[k]);
                require(at <= tree.embedded.size() &&
                            static_cast<std::size_t>(tree.basket_bytes[k]) <= tree.embedded.size() - at,
                        "an embedded basket that is not there");
            }
        }
        names += b.path.size() + b.title.size() + b.class_name.size() + b.problem.size();
        for (const physlite::Leaf& leaf : b.leaves)
            names += leaf.name.size() + leaf.title.size() + leaf.class_name.size() + leaf.count_leaf.size();
    }
    require(names <= 16 * bytes + 1000 && tree.embedded.size() <= 4 * bytes, "a tree that grows when it is read");
}

bool same(const std::vector<physlite::ColumnResult>& a, const std::vector<physlite::ColumnResult>& b) {
    for (std::size_t c = 0; c < a.size(); ++c)
        for (std::size_t i = 0; i < a[c].size(); ++i) {
            const physlite::Buffer &x = a[c][i], &y = b[c][i];
            if (x.length != y.length ||
                std::memcmp(x.data.get(), y.data.get(), x.length * physlite::memory_bytes(x.slot.value)) != 0)
                return false;
        }
    return true;
}

/// Fills new memory with a byte, where no sanitizer has replaced malloc: what is left of it in a result shows up.
void perturb([[maybe_unused]] int byte) {
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    mallopt(M_PERTURB, byte);
#endif
}

void run_basket(const Case& c, Bytes page, std::int64_t entries) {
    Random random(c.seed);
    std::size_t columns = random.one_in(8) ? 2 : 1;
    std::vector<physlite::ColumnRequest> requests(columns);
    for (physlite::ColumnRequest& request : requests) {
        request.program = std::make_shared<const physlite::Program>(physlite::compile(c.program));
        std::size_t pages = options.pages != 0  ? options.pages
                            : random.one_in(20) ? 2 + random.below(24)
                            : random.one_in(4)  ? 2 + random.below(3)
                                                : 1;
        std::int64_t total = random.one_in(4) ? static_cast<std::int64_t>(random.below(1000)) : 0;
        request.first_entry.push_back(total);
        for (std::size_t i = 0; i < pages; ++i) {
            Bytes bytes = page;
            if (pages > 1 && !c.other.empty() && !random.one_in(pages)) bytes = c.other;
            std::int64_t own = entries;
            // A tree that has been damaged as well would mostly agree with the basket.
            if (!random.one_in(8)) {
                try {
                    own = static_cast<std::int64_t>(physlite::read_basket_header(bytes).entries);
                } catch (const std::runtime_error&) {
                }
            }
            total += std::max<std::int64_t>(own, 0);
            request.pages.push_back(bytes);
            request.first_entry.push_back(total);
        }
        request.start = request.first_entry.front();
        request.stop = total;
        if (random.one_in(2)) {
            request.start +=
                static_cast<std::int64_t>(random.below(static_cast<std::size_t>(total - request.start) + 1));
            request.stop -=
                static_cast<std::int64_t>(random.below(static_cast<std::size_t>(total - request.start) + 1));
        }
        if (random.one_in(200)) request.start -= static_cast<std::int64_t>(random.next());
    }
    bool again = options.pages == 0 && random.one_in(4);
    perturb(0x5A);
    std::size_t threads = options.pages != 0 || random.one_in(2) ? options.threads : 1;
    if (random.one_in(50)) physlite::decode(requests, threads);  // of which nothing is taken
    auto results = physlite::decode(requests, threads)->rest();
    for (std::size_t i = 0; i < columns; ++i) check_column(requests[i], results[i]);
    if (!again) return;
    perturb(0xA5);
    require(same(results, physlite::decode(requests, threads == 1 ? options.threads : 1)->rest()),
            "the result depends on the number of threads, or some of it is never written");
}

void run_case(const Case& c) {
    switch (c.target) {
        case file_header: sink += physlite::read_file_header(c.data).end; break;
        case directory: sink += physlite::read_directory(c.data).keys_offset; break;
        case keys:
            for (const auto& key : physlite::read_keys(c.data)) sink += key.name.size();
            break;
        case object: {
            Data out = physlite::read_object(c.data);
            sink += XXH64(out.data(), out.size(), 0);
            break;
        }
        case streamers:
            for (const auto& info : physlite::read_streamers(c.data, c.param)) sink += info.elements.size();
            break;
        case tree: check_tree(physlite::scan_tree(c.data, c.param), c.data.size()); break;
        case basket: run_basket(c, c.data, c.entries); break;
        case embedded: {
            physlite::Cursor cursor(c.data);
            std::int64_t entries = 0;
            Data page = physlite::detach_embedded_basket(cursor, entries);
            if (!page.empty()) run_basket(c, page, entries);
            break;
        }
        case code: {
            physlite::Program program = physlite::compile(c.program);
            require(program.counters >= program.slots.size(), "a program without counters");
            break;
        }
        case blocks: {
            physlite::check_blocks(c.data, c.param);
            Data out(c.param);
            physlite::Decompressor().run(c.data, out);
            sink += XXH64(out.data(), out.size(), 0);
            break;
        }
        case anchor: sink += physlite::read_anchor(c.data).header.offset; break;
        case envelope: sink += physlite::open_envelope(c.data, c.param).size(); break;
        case schema: run_schema(c.data, c.other); break;
        case page_list: run_page_list(c.data, c.param, static_cast<std::size_t>(c.entries), c.seed); break;
        case ntuple_page: run_ntuple_page(c.data, c.other, c.program, c.seed, options.threads); break;
        default: fail("an item for no target");
    }
}

enum Outcome { fine, corrupt, unsupported, outcomes };

Outcome execute(const Case& c, std::uint64_t number) {
    current_start.store(nanoseconds(CLOCK_PROCESS_CPUTIME_ID));
    current_number.store(number);
    current.store(&c);
    Outcome out = fine;
    try {
        run_case(c);
    } catch (const physlite::CorruptData&) {
        out = corrupt;
    } catch (const physlite::Unsupported&) {
        out = unsupported;
    } catch (const physlite::DecodeError& error) {
        out = error.unsupported ? unsupported : corrupt;
    } catch (const Inconsistent& error) {
        fail(error.what());
    } catch (const std::exception& error) {
        fail(std::string("an exception of another kind: ") + error.what());
    }
    if (nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - current_start.load() > static_cast<std::int64_t>(options.hang * 1e9))
        fail("an input takes longer than " + std::to_string(options.hang) + " s");
    current.store(nullptr);
    return out;
}

// --------------------------------------------------------------------------------------------------------- mutations

/// Inserts, repeats or removes bytes and corrects all byte counts around them, so that what is behind is read.
void edit_object(Random& random, Data& data) {
    std::size_t at = random.below(data.size());
    std::size_t n =
        std::min(random.one_in(2) ? std::size_t{4} << random.below(3) : 1 + random.below(64), data.size() - at);
    bool remove = random.one_in(2);
    std::size_t first = data.size() > 2'000'000 ? at - std::min<std::size_t>(at, 5000) : 0;
    for (std::size_t p = first; p + 4 <= at; ++p) {
        if ((data[p] & 0xC0) != 0x40) continue;
        std::uint64_t count = get_be(data, p, 4) & 0x3FFFFFFF;
        std::uint64_t end = p + 4 + count;
        if (end < at + (remove ? n : 0) || end > data.size() || count < 2) continue;
        put_be(data, p, 0x40000000 | (remove ? count - n : count + n), 4);
        p += 3;
    }
    if (remove) {
        data.erase(position(data, at), position(data, at + n));
    } else {
        std::size_t from = random.below(data.size() - n + 1);
        Data piece(position(data, from), position(data, from + n));
        data.insert(position(data, at), piece.begin(), piece.end());
    }
}

/// The same for the entries of a basket: the table of offsets, the entry's byte count, and at times a vector's count.
void edit_entry(Random& random, Content& c) {
    std::size_t data_bytes = std::min(c.data_bytes, c.object.size());
    if (data_bytes == 0) return;
    std::size_t key_bytes = c.key.size();
    std::size_t table = data_bytes + 4;
    std::size_t offsets = c.object.size() > table ? (c.object.size() - table) / 4 : 0;
    std::size_t at = random.below(data_bytes);
    std::size_t n = std::min(std::size_t{1} << random.below(6), data_bytes - at);
    bool remove = random.one_in(2);
    std::size_t change = remove ? 0 - n : n;
    std::size_t entry = 0;
    for (std::size_t i = 0; i < offsets; ++i) {
        std::size_t start = get_be(c.object, table + 4 * i, 4) - key_bytes;
        if (start <= at) {
            entry = start;
        } else if (start < data_bytes) {
            put_be(c.object, table + 4 * i, start + change + key_bytes, 4);
        }
    }
    if (at >= entry + 4 && (c.object[entry] & 0x40)) {
        put_be(c.object, entry, get_be(c.object, entry, 4) + change, 4);
        if (entry + 10 <= at && random.one_in(2))
            put_be(c.object, entry + 6, get_be(c.object, entry + 6, 4) + (remove ? 0 - n / 4 : n / 4), 4);
    }
    if (remove) {
        c.object.erase(position(c.object, at), position(c.object, at + n));
    } else {
        Data piece(n, static_cast<std::uint8_t>(random.one_in(2) ? 0 : random.next()));
        c.object.insert(position(c.object, at), piece.begin(), piece.end());
    }
    c.data_bytes = data_bytes + change;
}

/// A basket whose content is damaged, uncompressed, so that no checksum stands before the decoder.
Data mutate_content(Random& random, Content c, const Data& other) {
    if (c.key.size() < 30) return c.key;
    bool edited = false;
    do {
        switch (random.below(8)) {
            case 0:
            case 1:
            case 2:
                edit_entry(random, c);
                edited = true;
                break;
            case 3: mutate_length(random, c.object, other); break;
            case 4:
                if (random.one_in(4)) {
                    mutate_in_place(random, c.key);
                } else {
                    // the table of offsets
                    std::size_t first = std::min(c.data_bytes, c.object.size());
                    std::size_t at = first + 4 * random.below((c.object.size() - first) / 4);
                    put_be(c.object, at, interesting(random, c.data_bytes + c.key.size(), get_be(c.object, at, 4)), 4);
                }
                break;
            default: mutate_in_place(random, c.object);
        }
    } while (!random.one_in(3));
    std::size_t key_bytes = c.key.size();
    if (!random.one_in(10)) {
        put_be(c.key, 0, key_bytes + c.object.size(), 4);
        put_be(c.key, 6, c.object.size(), 4);
        if (edited) put_be(c.key, key_bytes - 5, key_bytes + c.data_bytes, 4);
    }
    if (random.one_in(20))
        put_be(c.key, key_bytes - 9, interesting(random, c.data_bytes, get_be(c.key, key_bytes - 9, 4)), 4);
    c.key.insert(c.key.end(), c.object.begin(), c.object.end());
    return c.key;
}

/// Recomputes the checksums of lz4 blocks from `at` on.
void mend_checksums(Data& data, std::size_t at) {
    while (data.size() >= at + 17 && data[at] == 'L' && data[at + 1] == '4') {
        std::size_t size = std::size_t{data[at + 3]} | std::size_t{data[at + 4]} << 8 | std::size_t{data[at + 5]} << 16;
        if (size < 8 || size > data.size() - at - 9) return;
        put_be(data, at + 9, XXH64(data.data() + at + 17, size - 8, 0), 8);
        at += 9 + size;
    }
}

/// Makes the first block announce more than it holds, and the key agree with it.
void announce_more(Random& random, Data& page) {
    std::size_t key_bytes = get_be(page, 14, 2);
    if (page.size() < key_bytes + 9) return;
    std::size_t old = std::size_t{page[key_bytes + 6]} | std::size_t{page[key_bytes + 7]} << 8 |
                      std::size_t{page[key_bytes + 8]} << 16;
    std::size_t now = random.one_in(2) ? 0xFFFFFF : old + random.below(100'000);
    for (std::size_t i = 0; i < 3; ++i) page[key_bytes + 6 + i] = static_cast<std::uint8_t>(now >> (8 * i));
    put_be(page, 6, get_be(page, 6, 4) + now - old, 4);
}

void mutate_program(Random& random, std::vector<std::int64_t>& program, const std::vector<std::int64_t>& other) {
    do {
        std::size_t at = random.below(program.size());
        auto number = static_cast<std::int64_t>(random.below(13));
        switch (random.below(6)) {
            case 0: program.insert(program.begin() + static_cast<std::ptrdiff_t>(at), number); break;
            case 1:
                if (!program.empty()) program.erase(program.begin() + static_cast<std::ptrdiff_t>(at));
                break;
            case 2:
                if (!program.empty()) program[at] = static_cast<std::int64_t>(interesting(random, 1 << 24, 0));
                break;
            case 3: program.insert(program.end(), other.begin() + (other.empty() ? 0 : 1), other.end()); break;
            default:
                if (!program.empty()) program[at] = number;
        }
    } while (!random.one_in(3));
}

class Mutator {
public:
    explicit Mutator(const std::vector<Item>& items) : items_(items) {
        for (std::size_t i = 0; i < items.size(); ++i) {
            const Item& item = items[i];
            bool large = item.data.size() > 100'000;
            (large ? large_ : by_target_[item.target]).push_back(i);
        }
    }

    Case next(Random& random) {
        // Per cent of the mutations.
        static constexpr std::array<std::size_t, targets> share = {1, 1, 2, 4, 3, 16, 32, 3, 7, 6, 2, 2, 7, 6, 8};
        std::size_t dice = random.below(100);
        std::size_t target = 0;
        while (dice >= share[target]) dice -= share[target++];
        const std::vector<std::size_t>* from = &by_target_[target];
        if (!large_.empty() && random.one_in(50)) from = &large_;
        if (from->empty()) from = &by_target_[basket];
        if (from->empty()) fail("a corpus without baskets");
        const Item& item = items_[(*from)[random.below(from->size())]];
        const Item& other = items_[(*from)[random.below(from->size())]];
        Case out = item;
        out.seed = random.next();
        switch (item.target) {
            case basket:
                out.other = item.data;
                if (random.one_in(10)) {
                    mutate_program(random, out.program, other.program);
                } else if (random.one_in(20)) {
                    out.program = other.program;
                }
                if (!random.one_in(3)) {
                    out.data = mutate_content(random, item.content, other.content.object);
                } else if (random.one_in(8)) {
                    announce_more(random, out.data);
                } else {
                    mutate(random, out.data, other.data);
                    if (random.one_in(2)) mend_checksums(out.data, get_be(out.data, 14, 2));
                }
                break;
            case tree:
            case streamers:
                if (random.one_in(3)) {
                    do edit_object(random, out.data);
                    while (random.one_in(2) && out.data.size() > 8);
                    if (random.one_in(2)) mutate_in_place(random, out.data);
                } else {
                    mutate(random, out.data, other.data);
                }
                if (random.one_in(50)) out.param = static_cast<std::uint32_t>(random.next());
                break;
            case code: mutate_program(random, out.program, other.program); break;
            case schema: mutate_envelope(random, random.one_in(2) ? out.data : out.other, other.data); break;
            case page_list:
                mutate_envelope(random, out.data, other.data);
                if (random.one_in(20)) out.param = static_cast<std::uint32_t>(interesting(random, 8, out.param));
                break;
            case ntuple_page:
                out.other = item.data;
                mutate_page(random, out.data, other.data, out.program);
                break;
            case blocks:
                mutate(random, out.data, other.data);
                if (random.one_in(2)) mend_checksums(out.data, 0);
                break;
            case object:
                if (random.one_in(5)) {
                    announce_more(random, out.data);
                } else {
                    mutate(random, out.data, other.data);
                }
                break;
            default: mutate(random, out.data, other.data);
        }
        return out;
    }

private:
    const std::vector<Item>& items_;
    std::array<std::vector<std::size_t>, targets> by_target_;
    std::vector<std::size_t> large_;
};

// -------------------------------------------------------------------------------------------------------------- runs

/// The corpus as it is must pass, or the mutations test nothing.
std::vector<Item> load(const std::string& path) {
    std::vector<Item> items;
    for (Case& c : Reader(path).all()) {
        Item item;
        static_cast<Case&>(item) = std::move(c);
        if (execute(item, 0) != fine && item.target != code) {
            current.store(&item);
            fail("an undamaged item is refused");
        }
        if (item.target == basket) {
            physlite::BasketHeader header = physlite::read_basket_header(item.data);
            item.content.key.assign(item.data.begin(), position(item.data, header.key_bytes));
            item.content.object = physlite::read_object(item.data);
            item.content.data_bytes = header.data_bytes;
        }
        items.push_back(std::move(item));
    }
    return items;
}

void run_hostile() {
    std::uint64_t number = 0;
    for (const Hostile& hostile : hostile_inputs()) {
        static const Case none;
        std::int64_t start = nanoseconds(CLOCK_PROCESS_CPUTIME_ID);
        current_start.store(start);
        current_number.store(++number);
        bool refused = false;
        try {
            hostile.run();
        } catch (const physlite::CorruptData&) {
            refused = true;
        } catch (const physlite::DecodeError&) {
            refused = true;
        } catch (const std::exception& error) {
            fail(hostile.name + ": an exception of another kind: " + error.what());
        }
        double seconds = static_cast<double>(nanoseconds(CLOCK_PROCESS_CPUTIME_ID) - start) * 1e-9;
        if (!refused) fail(hostile.name + ": not refused");
        if (seconds > options.hang) fail(hostile.name + ": takes " + std::to_string(seconds) + " s");
    }
    std::printf("%llu costly inputs refused\n", static_cast<unsigned long long>(number));
}

int fuzz(const std::string& path) {
    std::printf("seed %llu\n", static_cast<unsigned long long>(options.seed));
    std::fflush(stdout);
    run_hostile();
    std::vector<Item> items = load(path);
    Mutator mutator(items);
    Random random(options.seed);
    std::array<std::array<std::uint64_t, outcomes>, targets> counts{};
    std::int64_t start = nanoseconds(CLOCK_MONOTONIC);
    auto elapsed = [&] { return static_cast<double>(nanoseconds(CLOCK_MONOTONIC) - start) * 1e-9; };
    std::uint64_t done = 0;
    while (done < options.mutations && elapsed() < options.seconds) {
        Case c = mutator.next(random);
        ++counts[c.target][execute(c, ++done)];
    }
    double seconds = elapsed();
    std::printf("%-16s %10s %10s %12s\n", "target", "accepted", "corrupt", "unsupported");
    std::array<std::uint64_t, outcomes> total{};
    for (std::size_t t = 0; t < targets; ++t) {
        for (std::size_t i = 0; i < outcomes; ++i) total[i] += counts[t][i];
        std::printf("%-16s %10llu %10llu %12llu\n", target_names[t], static_cast<unsigned long long>(counts[t][fine]),
                    static_cast<unsigned long long>(counts[t][corrupt]),
                    static_cast<unsigned long long>(counts[t][unsupported]));
    }
    std::printf("%-16s %10llu %10llu %12llu\n", "all", static_cast<unsigned long long>(total[fine]),
                static_cast<unsigned long long>(total[corrupt]), static_cast<unsigned long long>(total[unsupported]));
    std::printf("%llu mutations in %.1f s, %.0f a second (%llx)\n", static_cast<unsigned long long>(done), seconds,
                static_cast<double>(done) / seconds, static_cast<unsigned long long>(sink & 0xFF));
    if (done < options.mutations) {
        std::fprintf(stderr, "FAILED: time is up before the %llu mutations are done\n",
                     static_cast<unsigned long long>(options.mutations));
        return 4;
    }
    return 0;
}

int replay(int count, char** paths) {
    std::uint64_t number = 0;
    for (int i = 0; i < count; ++i)
        for (const Case& c : Reader(paths[i]).all()) {
            static constexpr const char* names[] = {"accepted", "corrupt", "unsupported"};
            std::printf("%s: %s, ", paths[i], target_names[c.target]);
            std::fflush(stdout);
            Outcome outcome = execute(c, ++number);
            std::puts(names[outcome]);
        }
    return 0;
}

/// Without the address sanitizer, which has its own limit, an allocation without bounds ends as std::bad_alloc.
void limit_memory() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
    rlimit limit{};
    limit.rlim_cur = limit.rlim_max = rlim_t{4} << 30;
    setrlimit(RLIMIT_AS, &limit);
#endif
}

}  // namespace

int main(int argc, char** argv) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    __sanitizer_set_death_callback(dump_current);
#endif
    limit_memory();
    std::string corpus;
    for (int i = 1; i < argc; ++i) {
        std::string_view argument = argv[i];
        if (argument == "--replay") {
            options.out.clear();  // the input is in a file already
            std::jthread watcher(watch);
            return replay(argc - i - 1, argv + i + 1);
        }
        if (!argument.starts_with("--")) {
            corpus = argument;
            continue;
        }
        if (i + 1 == argc) {
            std::fprintf(stderr, "%s needs a value\n", argv[i]);
            return 2;
        }
        const char* value = argv[++i];
        if (argument == "--mutations")
            options.mutations = std::strtoull(value, nullptr, 10);
        else if (argument == "--seed")
            options.seed = std::strtoull(value, nullptr, 10);
        else if (argument == "--seconds")
            options.seconds = std::strtod(value, nullptr);
        else if (argument == "--hang")
            options.hang = std::strtod(value, nullptr);
        else if (argument == "--pages")
            options.pages = std::strtoull(value, nullptr, 10);
        else if (argument == "--threads")
            options.threads = std::strtoull(value, nullptr, 10);
        else if (argument == "--out")
            options.out = value;
        else {
            std::fprintf(stderr, "unknown option %s\n", argv[i - 1]);
            return 2;
        }
    }
    if (corpus.empty()) {
        std::fputs("usage: fuzz CORPUS [--mutations N] [--seed S] ..., or fuzz --replay FILE ...\n", stderr);
        return 2;
    }
    std::jthread watcher(watch);
    return fuzz(corpus);
}
