// Entries whose number of items follows from their size: lists of items that have all the same size, and lists of such
// lists. They are most of what is in a file, so they are passed over once: how much room they need is known without
// looking into the lists, which are checked while they are written.
#pragma once

#include "entries.hpp"

namespace physlite {

/// Whether the entries of a basket with a table of offsets are such lists.
bool are_sized_lists(const Program& program);

/// Adds how many elements each output gets from all entries of a basket, if that can be told from its header, and it
/// does not lie; whether it can.
bool expect_elements(const Program& program, const BasketHeader& header, Counts& counts);

/// Adds how many elements each output gets from entries `begin` ≤ i < `end`, if nothing is wrong with them.
void measure_sized_lists(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end,
                         Counts& counts);

/// Writes them; throws CorruptData for those that do not fit the program. Nothing is written behind what was measured.
void write_sized_lists(const Program& program, const BasketView& basket, std::size_t begin, std::size_t end, Writer& w);

}  // namespace physlite
