// The outermost structure of a ROOT file: its header, directories, keys, and the list of class descriptions.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "cursor.hpp"

namespace physlite {

struct FileHeader {
    std::uint32_t version;
    std::uint64_t begin;        ///< offset of the first record
    std::uint64_t end;          ///< size of the file as ROOT left it
    std::uint32_t name_bytes;   ///< from `begin` to the top directory's own record
    std::uint32_t compression;  ///< 100 * algorithm + level
    std::uint64_t streamers_offset;
    std::uint32_t streamers_bytes;
    std::array<std::uint8_t, 16> uuid;
};

/// Parses the file's first bytes (at least 75 of them).
FileHeader read_file_header(Bytes data);

struct Directory {
    std::uint32_t keys_bytes;
    std::uint64_t keys_offset;
};

/// Parses the record of a directory, as it stands behind its name and title.
Directory read_directory(Bytes data);

struct Key {
    std::uint32_t total_bytes;
    std::uint32_t object_bytes;  ///< uncompressed, without the key
    std::uint16_t key_bytes;
    std::uint16_t cycle;
    std::uint64_t offset;
    std::string_view class_name;  ///< views of the bytes the key was read from, like the other names
    std::string_view name;
    std::string_view title;

    bool compressed() const noexcept { return total_bytes - key_bytes != object_bytes; }
};

/// Parses the key at the cursor, which then stands behind it. Sizes are consistent among themselves.
Key read_key(Cursor& cursor);

/// The same for a key that was never written to a file and so knows no sizes but its own.
Key read_key_members(Cursor& cursor);

/// Parses a directory's list of keys: its own key, a count, the keys.
std::vector<Key> read_keys(Bytes data);

/// The decompressed object behind the key that `data` begins with.
std::vector<std::uint8_t> read_object(Bytes data);

struct StreamerElement {
    std::string class_name;  ///< TStreamerBase, TStreamerBasicType, TStreamerSTL, …
    std::string name;
    std::string title;
    std::int32_t type;  ///< TVirtualStreamerInfo::EReadWrite
    std::int32_t array_length;
    std::string type_name;
    std::int32_t base_version;
};

struct StreamerInfo {
    std::string name;
    std::uint16_t version;
    std::uint32_t checksum;
    std::vector<StreamerElement> elements;
};

/// Parses the decompressed list of TStreamerInfo. `key_bytes`: length of the key it was stored under.
std::vector<StreamerInfo> read_streamers(Bytes data, std::size_t key_bytes);

}  // namespace physlite
