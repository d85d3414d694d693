// Fills a TTree from flat NumPy buffers: content arrays and offsets, one entry after the other, without Python.
#ifndef PHYSLITE_SAMPLE_COLUMNS_H
#define PHYSLITE_SAMPLE_COLUMNS_H

#include "edm.h"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "TBranch.h"
#include "TBuffer.h"
#include "TClass.h"
#include "TClassStreamer.h"
#include "TTree.h"

namespace sample {

// Sources: each knows its C++ type and how to load the item with a given number.

template <class T>
struct Flat {
  using type = T;
  const T* values;
  void load(T& target, std::int64_t i) const { target = values[i]; }
};

template <class Item>
struct List {
  using type = std::vector<typename Item::type>;
  Item item;
  const std::int64_t* offsets;
  void load(type& target, std::int64_t i) const {
    const std::int64_t first = offsets[i];
    target.resize(offsets[i + 1] - first);
    for (std::size_t k = 0; k < target.size(); ++k) item.load(target[k], first + k);
  }
};

template <class T>
struct List<Flat<T>> {
  using type = std::vector<T>;
  Flat<T> item;
  const std::int64_t* offsets;
  void load(type& target, std::int64_t i) const {
    target.assign(item.values + offsets[i], item.values + offsets[i + 1]);
  }
};

struct Word {
  using type = std::string;
  const std::vector<std::string>* vocabulary;
  const int* codes;
  void load(std::string& target, std::int64_t i) const { target = (*vocabulary)[codes[i]]; }
};

template <class Container>
struct Length {
  using type = Container;
  const std::int64_t* offsets;
  void load(Container& target, std::int64_t i) const { target.resize(offsets[i + 1] - offsets[i]); }
};

template <class T>
Flat<T> flat(std::uintptr_t values) { return {reinterpret_cast<const T*>(values)}; }
template <class Item>
List<Item> listOf(Item item, std::uintptr_t offsets) { return {item, reinterpret_cast<const std::int64_t*>(offsets)}; }
template <class Container>
Length<Container> length(std::uintptr_t offsets) { return {reinterpret_cast<const std::int64_t*>(offsets)}; }
inline Word word(const std::vector<std::string>& vocabulary, std::uintptr_t codes) {
  return {&vocabulary, reinterpret_cast<const int*>(codes)};
}

// Athena writes an interface container member by member with members that hold nothing: a header, the checksum of the
// object class, the length, and only for clusters a sampling pattern each. ROOT on its own would not choose that form
// for a class without data, so the bytes are written here. Reading back is not needed.
template <class Container>
class InterfaceStreamer : public TClassStreamer {
public:
  TClassStreamer* Generate() const override { return new InterfaceStreamer(*this); }

  void operator()(TBuffer& buffer, void* object) override {
    if (buffer.IsReading()) return;
    const auto& container = *static_cast<Container*>(object);
    const UInt_t length = container.size();
    const UInt_t patternBytes = hasPattern ? length * sizeof(UInt_t) : 0;
    buffer << UInt_t(kByteCountMask | (kHeaderBytes + patternBytes));
    buffer << kMemberWise << kNoClassVersion << m_checksum << length;
    for (UInt_t i = 0; hasPattern && i < length; ++i) buffer << UInt_t(0);
  }

private:
  using Value = typename Container::value_type;
  static constexpr bool hasPattern = std::is_same_v<Value, xAOD::CaloCluster_v1>;
  static constexpr UInt_t kByteCountMask = 0x40000000;
  static constexpr UInt_t kHeaderBytes = 12;  // everything after the byte count, for an empty container
  static constexpr Version_t kMemberWise = 0x4009;
  static constexpr Version_t kNoClassVersion = 0;
  UInt_t m_checksum = TClass::GetClass<Value>()->GetCheckSum();
};

template <class Container>
void useInterfaceStreamer() { TClass::GetClass<Container>()->AdoptStreamer(new InterfaceStreamer<Container>); }

// Objects, and the sources that refill them for each entry.
class Loaders {
public:
  template <class Target, class Source>
  void refill(Target& target, Source source) {
    m_loaders.push_back([&target, source](std::int64_t entry) { source.load(target, entry); });
  }

protected:
  template <class T>
  std::shared_ptr<T> owned() {
    auto owner = std::make_shared<T>();
    m_owners.push_back(owner);
    return owner;
  }

  void load(std::int64_t entry) {
    for (auto& load : m_loaders) load(entry);
  }

private:
  std::vector<std::shared_ptr<void>> m_owners;
  std::vector<std::function<void(std::int64_t)>> m_loaders;
};

// A tree with the buffers of its branches.
class Writer : public Loaders {
public:
  Writer(TTree* tree, int basketSize) : m_tree(tree), m_basketSize(basketSize) {}

  // A branch of a whole object (an auxiliary store); split 1 or more gives each member a sub-branch.
  template <class T>
  T& object(const char* name, int split) {
    auto owner = owned<T>();
    m_addresses.push_back(owner.get());
    m_tree->Branch(name, reinterpret_cast<T**>(&m_addresses.back()), m_basketSize, split);
    return *owner;
  }

  template <class Source>
  void branch(const char* name, Source source, int split) {
    refill(object<typename Source::type>(name, split), source);
  }

  template <class T>
  void scalar(const char* name, const char* leaf, Flat<T> source) {
    auto owner = owned<T>();
    m_tree->Branch(name, owner.get(), leaf, m_basketSize);
    refill(*owner, source);
  }

  // Fills `entries` entries in clusters of `cluster`. ROOT would resize the baskets after the first cluster to hold a
  // whole one; `keepBaskets` sets them back: branches with much data get several baskets a cluster, each at its places.
  void fill(std::int64_t entries, std::int64_t cluster, bool keepBaskets, double quietSeconds) {
    using clock = std::chrono::steady_clock;
    const auto start = clock::now();
    double nextReport = quietSeconds;
    m_tree->SetAutoFlush(cluster);
    m_tree->SetAutoSave(0);  // it would leave a second cycle of the tree
    if (keepBaskets) setBaskets();
    for (std::int64_t entry = 0; entry < entries; ++entry) {
      load(entry);
      m_tree->Fill();
      if (keepBaskets && entry + 1 == cluster) setBaskets();
      const double elapsed = std::chrono::duration<double>(clock::now() - start).count();
      if (elapsed > nextReport) {
        std::fprintf(stderr, "wrote %lld of %lld events, %.0f s\n", (long long)entry + 1, (long long)entries, elapsed);
        nextReport = elapsed + quietSeconds;
      }
    }
  }

private:
  // Trigger words take 0.5 kB an event and a member; they would end up with a few events a basket.
  void setBaskets() {
    m_tree->SetBasketSize("*", m_basketSize);
    m_tree->SetBasketSize("xTrigDecisionAux.*", 64 * m_basketSize);
  }

  TTree* m_tree;
  int m_basketSize;
  std::deque<void*> m_addresses;  // a deque: branches keep pointers into it
};

}  // namespace sample

#endif
