#include "ttree.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <unordered_map>
#include <unordered_set>

#include "basket.hpp"
#include "object.hpp"

namespace physlite {
namespace {

// Versions that ROOT has written since 2012 (5.34 to 6.x). The layouts follow the class members in ROOT's headers
// TTree.h, TBranch.h, TBranchElement.h and TLeaf.h at the tags where the version numbers changed.
constexpr std::uint16_t tree_versions[] = {19, 20};
constexpr std::uint16_t branch_versions[] = {12, 13};
constexpr std::uint16_t branch_element_versions[] = {9, 10};
constexpr int deepest_branch = 50;
constexpr std::size_t longest_names = 8;  ///< times the tree's bytes: names that are repeated in the result

template <std::size_t N>
void require_version(const char* what, std::uint16_t version, const std::uint16_t (&known)[N]) {
    if (std::find(known, known + N, version) != known + N) return;
    std::string list;
    for (std::uint16_t v : known) list += (list.empty() ? "" : ", ") + std::to_string(v);
    throw Unsupported(std::string(what) + " version " + std::to_string(version) + " (known: " + list + ")");
}

struct EmbeddedBasket {
    std::size_t index;
    std::int64_t entries;
    std::vector<std::uint8_t> bytes;
};

struct BranchNode {
    Branch branch;
    std::string name;
    std::vector<std::shared_ptr<BranchNode>> children;
    std::vector<std::int64_t> first_entry, offset, bytes;
    std::vector<EmbeddedBasket> embedded;
    std::int64_t written_baskets = 0;
    int height = 0;  ///< generations of branches below it
};

/// An array behind a pointer member: one byte that says whether it is there, then its elements.
template <class T>
std::vector<std::int64_t> read_pointer_array(Cursor& cursor, std::size_t count) {
    std::vector<std::int64_t> out;
    if (cursor.u8() == 0 || count == 0) return out;
    if (count > cursor.remaining() / sizeof(T))
        throw CorruptData("an array of " + std::to_string(count) + " in " + std::to_string(cursor.remaining()) +
                          " bytes");
    Bytes raw = cursor.take(count * sizeof(T));
    out.resize(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<std::int64_t>(load_be<T>(raw.data() + i * sizeof(T)));
    return out;
}

class Scanner {
public:
    Scanner(Bytes data, std::size_t key_bytes)
        : cursor_(data), objects_(key_bytes), names_left_(longest_names * data.size()) {}

    Tree run() {
        Tree tree;
        ObjectHeader header = read_object_header(cursor_);
        require_version("TTree", header.version, tree_versions);
        Named named = read_tnamed(cursor_);
        tree.name = named.name;
        tree.title = named.title;
        skip_object(cursor_);  // TAttLine
        skip_object(cursor_);  // TAttFill
        skip_object(cursor_);  // TAttMarker
        tree.entries = cursor_.i64();
        if (tree.entries < 0) throw CorruptData("a tree of " + std::to_string(tree.entries) + " entries");
        // fTotBytes, fZipBytes, fSavedBytes, fFlushedBytes, fWeight, fTimerInterval, fScanField, fUpdate,
        // fDefaultEntryOffsetLen
        cursor_.skip(4 * 8 + 8 + 4 * 4);
        std::uint32_t ranges = cursor_.u32();
        cursor_.skip(4 * 8);  // fMaxEntries, fMaxEntryLoop, fMaxVirtualSize, fAutoSave
        tree.auto_flush = cursor_.i64();
        cursor_.skip(8);  // fEstimate
        tree.cluster_range_end = read_pointer_array<std::int64_t>(cursor_, ranges);
        tree.cluster_size = read_pointer_array<std::int64_t>(cursor_, ranges);
        if (header.version >= 20) skip_object(cursor_);  // fIOFeatures
        for (const auto& node : read_branches(0)) flatten(*node, tree, -1, "");
        return tree;
    }

private:
    std::vector<std::shared_ptr<BranchNode>> read_branches(int depth) {
        ObjectHeader header;
        std::size_t count = read_tobjarray(cursor_, header);
        std::vector<std::shared_ptr<BranchNode>> out;
        for (std::size_t i = 0; i < count; ++i)
            if (auto node = read_branch_pointer(depth)) out.push_back(std::move(node));
        finish_object(cursor_, header);
        return out;
    }

    std::shared_ptr<BranchNode> read_branch_pointer(int depth) {
        if (depth > deepest_branch) throw CorruptData("branches nested too deeply");
        ObjectReader::Pointer pointer = objects_.next(cursor_);
        if (!pointer.is_new()) {
            auto found = nodes_.find(pointer.reference);
            return found == nodes_.end() ? nullptr : found->second;
        }
        auto node = std::make_shared<BranchNode>();
        node->branch.branch_class = pointer.class_name;
        if (pointer.class_name == "TBranch" || pointer.class_name == "TBranchRef") {
            read_plain_branch(*node, depth);
        } else if (pointer.class_name == "TBranchElement") {
            read_branch_element(*node, depth);
        } else if (pointer.class_name == "TBranchObject") {
            ObjectHeader header = read_object_header(cursor_);
            read_branch(*node, depth);
            node->branch.class_name = cursor_.string();
            finish_object(cursor_, header);
        } else {
            throw Unsupported("branches of class " + std::string(pointer.class_name));
        }
        finish_object(cursor_, pointer);
        nodes_[pointer.reference] = node;
        return node;
    }

    void read_plain_branch(BranchNode& node, int depth) {
        if (node.branch.branch_class == "TBranchRef") {
            ObjectHeader header = read_object_header(cursor_);
            read_branch(node, depth);
            finish_object(cursor_, header);
        } else {
            read_branch(node, depth);
        }
    }

    void read_branch_element(BranchNode& node, int depth) {
        ObjectHeader header = read_object_header(cursor_);
        require_version("TBranchElement", header.version, branch_element_versions);
        read_branch(node, depth);
        Branch& branch = node.branch;
        branch.class_name = cursor_.string();
        cursor_.string();                            // fParentName
        cursor_.string();                            // fClonesName
        cursor_.skip(4);                             // fCheckSum
        cursor_.skip(header.version >= 10 ? 2 : 4);  // fClassVersion
        branch.element = cursor_.i32();
        branch.type = cursor_.i32();
        branch.streamer_type = cursor_.i32();
        cursor_.skip(4);                 // fMaximum
        read_branch_pointer(depth + 1);  // fBranchCount
        read_branch_pointer(depth + 1);  // fBranchCount2
        finish_object(cursor_, header);
    }

    void read_branch(BranchNode& node, int depth) {
        Branch& branch = node.branch;
        ObjectHeader header = read_object_header(cursor_);
        require_version("TBranch", header.version, branch_versions);
        Named named = read_tnamed(cursor_);
        node.name = named.name;
        branch.title = named.title;
        skip_object(cursor_);  // TAttFill
        branch.compression = cursor_.i32();
        cursor_.skip(4);  // fBasketSize
        branch.has_offsets = cursor_.i32() != 0;
        node.written_baskets = cursor_.i32();
        cursor_.skip(8);                                 // fEntryNumber
        if (header.version >= 13) skip_object(cursor_);  // fIOFeatures
        cursor_.skip(4);                                 // fOffset
        std::uint32_t max_baskets = cursor_.u32();
        cursor_.skip(4);  // fSplitLevel
        branch.entries = cursor_.i64();
        std::int64_t first_entry = cursor_.i64();
        branch.uncompressed_bytes = cursor_.i64();
        branch.compressed_bytes = cursor_.i64();
        node.children = read_branches(depth + 1);
        // References let branches stand deeper than the objects in the file are nested.
        for (const auto& child : node.children) node.height = std::max(node.height, child->height + 1);
        if (node.height > deepest_branch) throw CorruptData("branches nested too deeply");
        read_leaves(branch);
        read_baskets(node);
        node.bytes = read_pointer_array<std::int32_t>(cursor_, max_baskets);
        node.first_entry = read_pointer_array<std::int64_t>(cursor_, max_baskets);
        node.offset = read_pointer_array<std::int64_t>(cursor_, max_baskets);
        std::string_view file_name = cursor_.string();
        if (!file_name.empty()) branch.problem = "its baskets are in another file, " + std::string(file_name);
        if (first_entry != 0) branch.problem = "it starts at entry " + std::to_string(first_entry);
        finish_object(cursor_, header);
    }

    void read_leaves(Branch& branch) {
        ObjectHeader header;
        std::size_t count = read_tobjarray(cursor_, header);
        for (std::size_t i = 0; i < count; ++i)
            if (auto leaf = read_leaf_pointer(0)) {
                if (!owned_leaves_.insert(leaf.get()).second) throw CorruptData("a leaf that belongs to two branches");
                branch.leaves.push_back(*leaf);
            }
        finish_object(cursor_, header);
    }

    std::shared_ptr<Leaf> read_leaf_pointer(int depth) {
        if (depth > deepest_branch) throw CorruptData("leaves nested too deeply");
        ObjectReader::Pointer pointer = objects_.next(cursor_);
        if (!pointer.is_new()) {
            auto found = leaves_.find(pointer.reference);
            return found == leaves_.end() ? nullptr : found->second;
        }
        if (!pointer.class_name.starts_with("TLeaf"))
            throw CorruptData("an object of class " + std::string(pointer.class_name) + " among the leaves");
        auto leaf = std::make_shared<Leaf>();
        leaf->class_name = pointer.class_name;
        ObjectHeader header = read_object_header(cursor_);
        ObjectHeader base = read_object_header(cursor_);
        Named named = read_tnamed(cursor_);
        leaf->name = named.name;
        leaf->title = named.title;
        leaf->length = cursor_.i32();
        cursor_.skip(4 + 4 + 1);  // fLenType, fOffset, fIsRange
        leaf->is_unsigned = cursor_.u8() != 0;
        if (auto counter = read_leaf_pointer(depth + 1)) {
            spend(counter->name.size());
            leaf->count_leaf = counter->name;
        }
        finish_object(cursor_, base);
        finish_object(cursor_, header);
        finish_object(cursor_, pointer);
        leaves_[pointer.reference] = leaf;
        return leaf;
    }

    void read_baskets(BranchNode& node) {
        ObjectHeader header;
        std::size_t count = read_tobjarray(cursor_, header);
        for (std::size_t i = 0; i < count; ++i) {
            ObjectReader::Pointer pointer = objects_.next(cursor_);
            if (!pointer.is_new()) continue;
            if (pointer.class_name != "TBasket" || !pointer.end)
                throw CorruptData("an object of class " + std::string(pointer.class_name) + " among the baskets");
            EmbeddedBasket basket{i, 0, {}};
            basket.bytes = detach_embedded_basket(cursor_, basket.entries);
            finish_object(cursor_, pointer);
            if (basket.entries > 0) node.embedded.push_back(std::move(basket));
        }
        finish_object(cursor_, header);
    }

    /// Appends the branch and its descendants, with the baskets that hold entries, in order.
    void flatten(BranchNode& node, Tree& tree, std::int32_t parent, const std::string& prefix) {
        // Damaged references can make the branches a graph instead of a tree.
        if (!flattened_.insert(&node).second) throw CorruptData("branch '" + node.name + "' appears twice");
        spend(prefix.size());
        auto index = static_cast<std::int32_t>(tree.branches.size());
        Branch& branch = tree.branches.emplace_back(std::move(node.branch));
        branch.path = prefix.empty() ? node.name : prefix + "/" + node.name;
        branch.parent = parent;
        branch.first_basket = tree.basket_offset.size();
        std::string problem = append_baskets(node, branch.entries, tree);
        if (!problem.empty()) {
            tree.basket_first_entry.resize(branch.first_basket);
            tree.basket_offset.resize(branch.first_basket);
            tree.basket_bytes.resize(branch.first_basket);
            if (branch.problem.empty()) branch.problem = problem;
        }
        branch.baskets = tree.basket_offset.size() - branch.first_basket;
        std::string path = branch.path;  // the children move it
        for (const auto& child : node.children) flatten(*child, tree, index, path);
    }

    static std::string append_baskets(const BranchNode& node, std::int64_t end, Tree& tree) {
        std::map<std::size_t, const EmbeddedBasket*> embedded;
        for (const auto& basket : node.embedded) embedded[basket.index] = &basket;
        std::size_t known = std::min({node.first_entry.size(), node.offset.size(), node.bytes.size()});
        std::int64_t next = 0;
        bool first = true;
        auto append = [&](std::int64_t entry, std::int64_t offset, std::int64_t bytes) {
            tree.basket_first_entry.push_back(entry);
            tree.basket_offset.push_back(offset);
            tree.basket_bytes.push_back(bytes);
        };
        if (node.written_baskets < 0 || end < 0) return "its basket table is damaged";
        auto written = static_cast<std::size_t>(node.written_baskets);
        for (std::size_t i = 0; i < known && i <= written; ++i) {
            auto in_tree = embedded.find(i);
            bool on_file = i < written && node.offset[i] > 0 && node.bytes[i] > 0;
            if (!on_file && in_tree == embedded.end()) continue;
            bool starts_right = first ? node.first_entry[i] == 0 : node.first_entry[i] > next;
            if (!starts_right || node.first_entry[i] >= end) return "its basket table is damaged";
            first = false;
            next = node.first_entry[i];
            if (on_file) {
                append(next, node.offset[i], node.bytes[i]);
            } else {
                append(next, -1 - static_cast<std::int64_t>(tree.embedded.size()),
                       static_cast<std::int64_t>(in_tree->second->bytes.size()));
                tree.embedded.insert(tree.embedded.end(), in_tree->second->bytes.begin(), in_tree->second->bytes.end());
            }
        }
        if (first && end > 0) return "it has entries but no baskets";
        return {};
    }

    /// Names that are repeated, of parents and of counters, must not make much of a small file.
    void spend(std::size_t bytes) {
        if (bytes > names_left_) throw CorruptData("names without end");
        names_left_ -= bytes;
    }

    Cursor cursor_;
    ObjectReader objects_;
    std::size_t names_left_;
    std::unordered_map<std::uint32_t, std::shared_ptr<BranchNode>> nodes_;
    std::unordered_map<std::uint32_t, std::shared_ptr<Leaf>> leaves_;
    std::unordered_set<const Leaf*> owned_leaves_;
    std::unordered_set<const BranchNode*> flattened_;
};

}  // namespace

Tree scan_tree(Bytes data, std::size_t key_bytes) { return Scanner(data, key_bytes).run(); }

}  // namespace physlite
