#include "checksum.hpp"

#include <xxhash.h>
#ifdef PHYSLITE_HAS_XXH_DISPATCH
#include <xxh_x86dispatch.h>  // takes the place of the functions of the same names
#endif

namespace physlite {

std::uint64_t checksum(Bytes data) {
    // The first call finds out what the processor can do, and notes it where all threads look: one of them alone.
    static const std::uint64_t of_nothing = XXH3_64bits("", 0);
    return data.empty() ? of_nothing : XXH3_64bits(data.data(), data.size());
}

}  // namespace physlite
