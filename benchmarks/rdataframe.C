// Event loops of RDataFrame over columns of an RNTuple. They count elements and no more, so that all time is reading.
#include <ROOT/RDataFrame.hxx>
#include <ROOT/RVec.hxx>

#include <string>
#include <vector>

using Floats = ROOT::RVec<float>;
using Names = std::vector<std::string>;

std::size_t floats(ROOT::RDataFrame& events, const Names& names) {
  std::size_t total = 0;
  events.Foreach(
      [&total](const Floats& a, const Floats& b, const Floats& c, const Floats& d, const Floats& e, const Floats& f,
               const Floats& g, const Floats& h, const Floats& i, const Floats& j) {
        total += a.size() + b.size() + c.size() + d.size() + e.size() + f.size() + g.size() + h.size() + i.size() + j.size();
      },
      names);
  return total;
}

std::size_t nested(ROOT::RDataFrame& events, const Names& names) {
  std::size_t total = 0;
  events.Foreach(
      [&total](const ROOT::RVec<Floats>& lists) {
        for (const Floats& list : lists) total += list.size();
      },
      names);
  return total;
}

std::size_t links(ROOT::RDataFrame& events, const Names& names) {
  using Numbers = ROOT::RVec<ROOT::RVec<std::uint32_t>>;
  std::size_t total = 0;
  events.Foreach(
      [&total](const Numbers& keys, const Numbers& indices) {
        for (std::size_t i = 0; i < keys.size(); ++i) total += keys[i].size() + indices[i].size();
      },
      names);
  return total;
}
