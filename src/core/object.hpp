// What every object that ROOT streams begins with: byte counts, versions, class tags, and the common bases.
//
// Formats: "ROOT files" (root.cern/doc/master/rootio.html, dobject.html, and TBufferFile's ReadVersion and
// ReadObjectAny).
#pragma once

#include <optional>
#include <string>
#include <unordered_map>

#include "cursor.hpp"

namespace physlite {

/// Version header of a streamed object. `end` is where the object ends, when a byte count says so.
struct ObjectHeader {
    std::uint16_t version = 0;
    std::optional<std::size_t> end;
};

ObjectHeader read_object_header(Cursor& cursor);

/// Moves behind an object: to `header.end`, which must not lie before the cursor.
void finish_object(Cursor& cursor, const ObjectHeader& header);

/// Skips an object that begins with a byte count, without looking inside.
void skip_object(Cursor& cursor);

/// TObject: version, fUniqueID, fBits, and a process id when the object is referenced.
void skip_tobject(Cursor& cursor);

struct Named {
    std::string_view name;
    std::string_view title;
};

Named read_tnamed(Cursor& cursor);

/// Reads pointers to objects: `class` is named at first use and referred to by its position afterwards.
///
/// Positions in the stream count from the start of the key, `key_bytes` before the payload.
class ObjectReader {
public:
    explicit ObjectReader(std::size_t key_bytes) : key_bytes_(key_bytes) {}

    struct Pointer {
        std::string_view class_name;     ///< empty: null pointer or an object seen before
        std::optional<std::size_t> end;  ///< end of the object, when known
        std::uint32_t reference = 0;     ///< of an object seen before, or of this new one
        bool is_new() const noexcept { return !class_name.empty(); }
    };

    /// Reads the tag; the cursor then stands at the object itself when the pointer is to a new one.
    Pointer next(Cursor& cursor);

private:
    std::size_t key_bytes_;
    std::unordered_map<std::uint32_t, std::string_view> classes_;
};

/// Moves behind the object of a pointer. Going back is refused: bytes that are read twice are how a small file
/// keeps a reader busy for hours.
void finish_object(Cursor& cursor, const ObjectReader::Pointer& pointer);

/// Header of a TObjArray; returns the number of pointers that follow.
std::size_t read_tobjarray(Cursor& cursor, ObjectHeader& header);

}  // namespace physlite
