// An event loop of RDataFrame over columns of any types. It counts elements and no more, so that all time is reading.
#include <ROOT/RDataFrame.hxx>
#include <ROOT/RVec.hxx>

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

template <class T>
std::size_t elements(const T&) { return 1; }

template <class T>
std::size_t elements(const ROOT::RVec<T>& list) { return list.size(); }

template <class T>
std::size_t elements(const ROOT::RVec<ROOT::RVec<T>>& lists) {
  std::size_t total = 0;
  for (const auto& list : lists) total += list.size();
  return total;
}

template <class T>
std::size_t elements(const std::vector<std::vector<T>>& lists) {
  std::size_t total = 0;
  for (const auto& list : lists) total += list.size();
  return total;
}

template <class... Columns>
std::size_t countElements(ROOT::RDataFrame& events, const std::vector<std::string>& names) {
  constexpr std::size_t apart = 8;  // slots do not share lines of the cache
  std::vector<std::size_t> totals(apart * events.GetNSlots());
  const auto count = [&totals](unsigned slot, const Columns&... columns) {
    totals[apart * slot] += (elements(columns) + ...);
  };
  events.ForeachSlot(count, names);
  return std::accumulate(totals.begin(), totals.end(), std::size_t{0});
}
