// Ntuples of many kinds. The values follow from the numbers of entry and item, so that the tests know them without ROOT.
#include <ROOT/RField.hxx>
#include <ROOT/RNTupleModel.hxx>
#include <ROOT/RNTupleWriteOptions.hxx>
#include <ROOT/RNTupleWriter.hxx>

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

using namespace ROOT;

std::int64_t number(int entry, int item) { return (entry * 37 + item * 11) % 101 - 50; }
int size_of(int entry) { return entry * 5 % 7; }

std::unique_ptr<RNTupleWriter> writer(std::unique_ptr<RNTupleModel> model, const char* path, int compression) {
  RNTupleWriteOptions options;
  options.SetCompression(compression);
  return RNTupleWriter::Recreate(std::move(model), "EventData", path, options);
}

/// Ends a cluster every `cluster` entries, and a group of clusters every second time.
void cut(RNTupleWriter& out, int entry, int cluster) {
  if (cluster > 0 && entry % cluster == cluster - 1) out.CommitCluster(entry % (2 * cluster) == 2 * cluster - 1);
}

/// All types of the grammar, in lists and in lists of lists.
void fill_types(const char* path, int entries, int compression, int cluster) {
  auto model = RNTupleModel::Create();
  auto i = model->MakeField<std::int32_t>("i");
  auto flag = model->MakeField<bool>("flag");
  auto letter = model->MakeField<char>("letter");
  auto text = model->MakeField<std::string>("text");
  auto texts = model->MakeField<std::vector<std::string>>("texts");
  auto v = model->MakeField<std::vector<float>>("v");
  auto vv = model->MakeField<std::vector<std::vector<std::int16_t>>>("vv");
  auto vvv = model->MakeField<std::vector<std::vector<std::vector<std::uint64_t>>>>("vvv");
  auto maybe = model->MakeField<std::optional<float>>("maybe");
  auto maybes = model->MakeField<std::vector<std::optional<std::int32_t>>>("maybes");
  auto bits = model->MakeField<std::bitset<13>>("bits");
  auto fixed = model->MakeField<std::array<double, 3>>("fixed");
  auto lists = model->MakeField<std::array<std::vector<float>, 2>>("lists");
  auto arrays = model->MakeField<std::vector<std::array<std::int8_t, 2>>>("arrays");
  auto pair = model->MakeField<std::pair<std::int32_t, std::string>>("pair");
  auto pairs = model->MakeField<std::vector<std::pair<float, std::vector<std::int32_t>>>>("pairs");
  auto either = model->MakeField<std::variant<std::int32_t, std::string>>("either");
  auto eithers = model->MakeField<std::vector<std::variant<std::vector<std::int16_t>, float, std::string>>>("eithers");
  auto numbers = model->MakeField<std::variant<std::int32_t, double>>("numbers");
  auto out = writer(std::move(model), path, compression);
  for (int e = 0; e < entries; ++e) {
    int n = size_of(e);
    *i = number(e, 0);
    *flag = e % 3 == 0;
    *letter = 'a' + e % 26;
    *text = std::string(n, 'a' + e % 26);
    texts->clear();
    v->clear();
    vv->clear();
    vvv->clear();
    maybes->clear();
    arrays->clear();
    pairs->clear();
    eithers->clear();
    for (int k = 0; k < n; ++k) {
      texts->push_back(std::string(k, 'x'));
      v->push_back(number(e, k));
      vv->emplace_back();
      for (int m = 0; m < size_of(e + k); ++m) vv->back().push_back(number(e, k + m));
      vvv->emplace_back();
      for (int m = 0; m < size_of(k); ++m) vvv->back().push_back(std::vector<std::uint64_t>(size_of(m + e), 50 + number(e, m)));
      if (k % 2) maybes->push_back(number(e, k)); else maybes->push_back(std::nullopt);
      arrays->push_back({static_cast<std::int8_t>(number(e, k)), static_cast<std::int8_t>(k)});
      pairs->push_back({static_cast<float>(k), std::vector<std::int32_t>(k, number(e, k))});
    }
    if (e % 2) *maybe = number(e, 0); else maybe->reset();
    *bits = std::bitset<13>(e * 37);
    *fixed = {0.5 * e, -0.25 * e, 1e300};
    for (int k = 0; k < 2; ++k) (*lists)[k] = std::vector<float>(size_of(e + k), number(e, k));
    *pair = {e, std::string(n, 'p')};
    if (e / 3 % 2) *either = e; else *either = std::string(n, 'v');
    if (e % 2) *numbers = e; else *numbers = 0.5 * e;
    for (int k = 0; k < n; ++k) {
      if ((e + k) % 3 == 0) eithers->emplace_back(std::vector<std::int16_t>(k, e));
      if ((e + k) % 3 == 1) eithers->emplace_back(static_cast<float>(number(e, k)));
      if ((e + k) % 3 == 2) eithers->emplace_back(std::string(k, 'w'));
    }
    out->Fill();
    cut(*out, e, cluster);
  }
}

template <class T>
void add(RNTupleModel& model, const std::string& name, ENTupleColumnType type) {
  auto field = std::make_unique<RField<T>>(name);
  field->SetColumnRepresentatives({{type}});
  model.AddField(std::move(field));
}

/// Each way to store a number.
void fill_encodings(const char* path, int entries, int cluster) {
  auto model = RNTupleModel::CreateBare();
  using C = ENTupleColumnType;
  add<std::int16_t>(*model, "i16", C::kInt16);
  add<std::int16_t>(*model, "si16", C::kSplitInt16);
  add<std::uint16_t>(*model, "u16", C::kUInt16);
  add<std::uint16_t>(*model, "su16", C::kSplitUInt16);
  add<std::int32_t>(*model, "i32", C::kInt32);
  add<std::int32_t>(*model, "si32", C::kSplitInt32);
  add<std::uint32_t>(*model, "u32", C::kUInt32);
  add<std::uint32_t>(*model, "su32", C::kSplitUInt32);
  add<std::int64_t>(*model, "i64", C::kInt64);
  add<std::int64_t>(*model, "si64", C::kSplitInt64);
  add<std::uint64_t>(*model, "u64", C::kUInt64);
  add<std::uint64_t>(*model, "su64", C::kSplitUInt64);
  add<float>(*model, "f16", C::kReal16);
  add<double>(*model, "d16", C::kReal16);
  add<float>(*model, "f32", C::kReal32);
  add<float>(*model, "sf32", C::kSplitReal32);
  add<double>(*model, "d32", C::kSplitReal32);
  add<double>(*model, "f64", C::kReal64);
  add<double>(*model, "sf64", C::kSplitReal64);
  for (auto bits : {10, 17, 31}) {
    auto field = std::make_unique<RField<float>>("t" + std::to_string(bits));
    field->SetTruncated(bits);
    model->AddField(std::move(field));
  }
  for (auto bits : {1, 7, 20, 32}) {
    auto field = std::make_unique<RField<float>>("q" + std::to_string(bits));
    field->SetQuantized(-60, 60, bits);
    model->AddField(std::move(field));
  }
  auto index = [&](const char* name, C type) {
    auto field = std::make_unique<RField<std::vector<std::int32_t>>>(name);
    field->SetColumnRepresentatives({{type}});
    model->AddField(std::move(field));
  };
  index("x32", C::kIndex32);
  index("x64", C::kIndex64);
  index("sx32", C::kSplitIndex32);
  index("sx64", C::kSplitIndex64);
  auto out = writer(std::move(model), path, 505);
  auto entry = out->CreateEntry();
  auto set = [&](const char* name, auto value) { *entry->GetPtr<decltype(value)>(name) = value; };
  for (int e = 0; e < entries; ++e) {
    std::int64_t n = number(e, 0);
    for (auto name : {"i16", "si16"}) set(name, static_cast<std::int16_t>(n * 300));
    for (auto name : {"u16", "su16"}) set(name, static_cast<std::uint16_t>(e * 999));
    for (auto name : {"i32", "si32"}) set(name, static_cast<std::int32_t>(n * 40'000'000));
    for (auto name : {"u32", "su32"}) set(name, static_cast<std::uint32_t>(e * 70'000'001u));
    for (auto name : {"i64", "si64"}) set(name, static_cast<std::int64_t>(n * 100'000'000'000'000'000));
    for (auto name : {"u64", "su64"}) set(name, static_cast<std::uint64_t>(e) * 0x0101010101010101u);
    for (auto name : {"f16", "f32", "sf32", "t10", "t17", "t31", "q1", "q7", "q20", "q32"})
      set(name, static_cast<float>(n) + 0.37f);
    for (auto name : {"d16", "d32", "f64", "sf64"}) set(name, static_cast<double>(n) + 0.37);
    for (auto name : {"x32", "x64", "sx32", "sx64"})
      *entry->GetPtr<std::vector<std::int32_t>>(name) = std::vector<std::int32_t>(size_of(e), e);
    out->Fill(*entry);
    cut(*out, e, cluster);
  }
}

/// Fields that are added when some entries are written, and one that shows another under a different name.
void fill_later(const char* path, int entries, int cluster) {
  auto model = RNTupleModel::Create();
  auto v = model->MakeField<std::vector<float>>("v");
  auto projected = RFieldBase::Create("also", "ROOT::VecOps::RVec<float>").Unwrap();
  model->AddProjectedField(std::move(projected), [](const std::string& name) {
    return name == "also" ? std::string("v") : std::string("v._0");
  });
  auto count = RFieldBase::Create("count", "ROOT::RNTupleCardinality<std::uint32_t>").Unwrap();
  model->AddProjectedField(std::move(count), [](const std::string&) { return std::string("v"); });
  auto out = writer(std::move(model), path, 0);
  std::shared_ptr<std::int32_t> later;
  std::shared_ptr<std::vector<std::vector<float>>> lists;
  for (int e = 0; e < entries; ++e) {
    if (e == entries / 2) {
      auto updater = out->CreateModelUpdater();
      updater->BeginUpdate();
      later = updater->MakeField<std::int32_t>("later");
      lists = updater->MakeField<std::vector<std::vector<float>>>("laterLists");
      updater->CommitUpdate();
    }
    *v = std::vector<float>(size_of(e), number(e, 0));
    if (later) {
      *later = e;
      *lists = std::vector<std::vector<float>>(size_of(e), std::vector<float>(2, e));
    }
    out->Fill();
    cut(*out, e, cluster);
  }
}

/// Fields that are stored in one way in some clusters, and in another in the others.
void fill_representations(const char* path, int entries, int cluster) {
  using C = ENTupleColumnType;
  auto model = RNTupleModel::Create();
  auto add_two = [&](std::unique_ptr<RFieldBase> field, C first, C second) {
    field->SetColumnRepresentatives({{first}, {second}});
    model->AddField(std::move(field));
  };
  add_two(std::make_unique<RField<float>>("x"), C::kReal32, C::kReal16);
  add_two(std::make_unique<RField<std::int64_t>>("i"), C::kSplitInt64, C::kInt64);
  add_two(std::make_unique<RField<std::vector<float>>>("v"), C::kSplitIndex64, C::kIndex32);
  auto items = std::make_unique<RField<float>>("_0");
  items->SetColumnRepresentatives({{C::kReal16}, {C::kSplitReal32}});
  model->AddField(std::make_unique<RVectorField>("w", std::move(items)));
  auto& entry = model->GetDefaultEntry();
  auto x = entry.GetPtr<float>("x");
  auto i = entry.GetPtr<std::int64_t>("i");
  auto v = entry.GetPtr<std::vector<float>>("v");
  auto w = entry.GetPtr<std::vector<float>>("w");
  auto out = writer(std::move(model), path, 505);
  auto choose = [&](const RFieldBase& field, int which) {
    Internal::RFieldRepresentationModifier::SetPrimaryColumnRepresentation(const_cast<RFieldBase&>(field), which);
  };
  for (int e = 0; e < entries; ++e) {
    *x = 0.5f * e;
    *i = number(e, 0);
    *v = std::vector<float>(size_of(e), e);
    *w = std::vector<float>(size_of(e), -e);
    out->Fill();
    if (e % cluster != cluster - 1) continue;
    out->CommitCluster();
    int which = e / cluster % 2 == 0;
    for (auto name : {"x", "i", "v"}) choose(out->GetModel().GetConstField(name), which);
    choose(*out->GetModel().GetConstField("w").GetConstSubfields()[0], which);
  }
}

struct Nothing {};

struct Holder {
  Nothing nothing;
  std::int32_t y = 0;
};

struct Base {
  float x = 0;
  std::int32_t b = 0;
};

struct Derived : Base {
  double x = 0;
};

enum class Colour : std::int16_t { red = -1, green = 300 };

/// What xAOD does not have: types, and names that mean something to who reads them.
void fill_uncommon(const char* path, int entries, int cluster) {
  using Either = std::variant<std::int32_t, std::string>;
  auto model = RNTupleModel::Create();
  auto holder = model->MakeField<Holder>("holder");
  auto hollow = model->MakeField<std::array<Nothing, 2>>("hollow");
  auto derived = model->MakeField<Derived>("derived");
  auto twice = model->MakeField<std::optional<std::optional<std::int32_t>>>("twice");
  auto lists = model->MakeField<std::vector<std::optional<std::unique_ptr<std::int32_t>>>>("lists");
  auto perhaps = model->MakeField<std::optional<Either>>("perhaps");
  auto map = model->MakeField<std::map<std::string, float>>("map");
  auto set = model->MakeField<std::set<std::int32_t>>("set");
  auto tuple = model->MakeField<std::tuple<std::int32_t, float, std::string>>("tuple");
  auto atomic = model->MakeField<std::atomic<std::int32_t>>("atomic");
  auto colour = model->MakeField<Colour>("colour");
  auto quantized = std::make_unique<RField<double>>("quantized");
  quantized->SetQuantized(-60, 60, 20);
  model->AddField(std::move(quantized));
  std::vector<std::unique_ptr<RFieldBase>> members;
  for (auto name : {"a=i4,b", "k;l", "p}q", "{0;x?(y)z%3d"}) members.push_back(std::make_unique<RField<std::int32_t>>(name));
  model->AddField(std::make_unique<RRecordField>("odd", std::move(members)));
  auto real = model->GetDefaultEntry().GetPtr<double>("quantized");
  auto odd = model->GetDefaultEntry().GetPtr<void>("odd");
  auto out = writer(std::move(model), path, 505);
  std::shared_ptr<Either> later;
  std::shared_ptr<std::vector<Either>> laters;
  for (int e = 0; e < entries; ++e) {
    if (e == entries / 2) {
      auto updater = out->CreateModelUpdater();
      updater->BeginUpdate();
      later = updater->MakeField<Either>("later");
      laters = updater->MakeField<std::vector<Either>>("laters");
      updater->CommitUpdate();
    }
    holder->y = e;
    derived->Base::x = 0.5f * e;
    derived->b = -e;
    derived->x = 0.25 * e;
    twice->reset();
    if (e % 3) twice->emplace(e % 3 == 1 ? std::nullopt : std::optional<std::int32_t>(e));
    lists->clear();
    for (int k = 0; k < size_of(e); ++k)
      lists->push_back(k % 2 ? std::nullopt : std::optional(std::make_unique<std::int32_t>(number(e, k))));
    perhaps->reset();
    if (e % 4) *perhaps = e % 2 ? Either(e) : Either(std::string(size_of(e), 'p'));
    map->clear();
    set->clear();
    for (int k = 0; k < size_of(e); ++k) {
      (*map)[std::string(1, 'a' + k)] = number(e, k);
      set->insert(-k);
    }
    *tuple = {e, 0.5f * e, std::string(size_of(e), 't')};
    atomic->store(e);
    *colour = e % 2 ? Colour::red : Colour::green;
    *real = number(e, 0) + 0.37;
    for (int k = 0; k < 4; ++k) static_cast<std::int32_t*>(odd.get())[k] = 10 * e + k;
    if (later) {
      *later = e % 2 ? Either(e) : Either(std::string(size_of(e), 'l'));
      *laters = std::vector<Either>(size_of(e), *later);
    }
    out->Fill();
    cut(*out, e, cluster);
  }
}

/// Two columns with equal pages, that are other elements of each: in the first cluster one has 10 items, the other 12.
void fill_shared(const char* path) {
  auto model = RNTupleModel::Create();
  auto a = model->MakeField<std::vector<float>>("a");
  auto b = model->MakeField<std::vector<float>>("b");
  auto out = writer(std::move(model), path, 505);
  a->assign(10, -1);
  b->assign(12, -2);
  out->Fill();
  out->CommitCluster();
  auto fill = [](std::vector<float>& list, int first, int number) {
    list.clear();
    for (int i = 0; i < number; ++i) list.push_back(first + i);
  };
  for (int e = 0; e < 3; ++e) {
    fill(*a, 4 * e, e < 2 ? 4 : 92);
    fill(*b, e == 0 ? 0 : 4 * e - 2, e == 0 ? 2 : e == 1 ? 4 : 94);
    out->Fill();
  }
}

/// A field that is stored as an object's streamer writes it.
void fill_streamed(const char* path) {
  auto model = RNTupleModel::Create();
  auto i = model->MakeField<std::int32_t>("i");
  model->AddField(std::make_unique<RStreamerField>("named", "TNamed"));
  auto out = writer(std::move(model), path, 505);
  for (int e = 0; e < 3; ++e) {
    *i = e;
    out->Fill();
  }
}

/// Nothing, or one entry that is larger than a page.
void fill_extremes(const char* empty, const char* huge) {
  {
    auto model = RNTupleModel::Create();
    model->MakeField<std::vector<float>>("v");
    writer(std::move(model), empty, 505);
  }
  auto model = RNTupleModel::Create();
  auto v = model->MakeField<std::vector<float>>("v");
  auto out = writer(std::move(model), huge, 505);
  for (int e = 0; e < 3; ++e) {
    v->clear();
    for (int k = 0; k < (e == 1 ? 1'000'000 : e); ++k) v->push_back(k % 1000);
    out->Fill();
  }
}
