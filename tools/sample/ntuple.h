// Fills an RNTuple from the same sources as the tree of columns.h, with the names that Athena gives its fields.
#ifndef PHYSLITE_SAMPLE_NTUPLE_H
#define PHYSLITE_SAMPLE_NTUPLE_H

#include "columns.h"

#include <ROOT/RField.hxx>
#include <ROOT/RNTupleModel.hxx>
#include <ROOT/RNTupleWriteOptions.hxx>
#include <ROOT/RNTupleWriter.hxx>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "TClassEdit.h"
#include "TCollectionProxyInfo.h"
#include "TFile.h"
#include "TGenCollectionProxy.h"

namespace sample {

// Makes ROOT take a class of containers for a collection, as Athena does for DataVector. ROOT finds the class of the
// objects in the container's template arguments; it has to be told for those that have none.
template <class Container>
struct CollectionProxy : TGenCollectionProxy {
  static void use() {
    using Info = ROOT::Detail::TCollectionProxyInfo;
    TClass* container = TClass::GetClass<Container>();
    container->SetCollectionProxy(*Info::Generate(Info::Pushback<Container>()));
    auto* proxy = static_cast<TGenCollectionProxy*>(container->GetCollectionProxy());
    const char* object = TClass::GetClass<typename Container::value_type>()->GetName();
    proxy->*(&CollectionProxy::fValue) = new Value(object, false);
  }
};

// A model with the objects that its fields show, and the sources that refill them; called as Writer is.
class NtupleWriter : public Loaders {
public:
  template <class T>
  T& object(const char* branch, int) {
    auto owner = owned<T>();
    int failed = 0;
    std::unique_ptr<char, decltype(&std::free)> type(TClassEdit::DemangleTypeIdName(typeid(T), failed), &std::free);
    // AnalysisElectronsAuxDyn:pt, xTrigDecisionAux:
    std::string name(branch);
    std::replace(name.begin(), name.end(), '.', ':');
    m_model->AddField(ROOT::RFieldBase::Create(name, type.get()).Unwrap());
    m_values.emplace_back(name, owner.get());
    return *owner;
  }

  template <class Source>
  void branch(const char* name, Source source, int split) {
    refill(object<typename Source::type>(name, split), source);
  }

  template <class T>
  void scalar(const char* name, const char*, Flat<T> source) {
    refill(object<T>(name, 0), source);
  }

  // Writes `entries` entries in clusters of `cluster`, pages of `pageSize` bytes at most (0: ROOT decides).
  void fill(TFile& file, const char* name, std::int64_t entries, std::int64_t cluster, int compression, int pageSize) {
    ROOT::RNTupleWriteOptions options;
    options.SetCompression(compression);
    if (pageSize > 0) {
      options.SetInitialUnzippedPageSize(std::min(pageSize, 256));
      options.SetMaxUnzippedPageSize(pageSize);
    }
    auto writer = ROOT::RNTupleWriter::Append(std::move(m_model), name, file, options);
    auto row = writer->GetModel().CreateBareEntry();
    for (auto& [field, value] : m_values) row->BindRawPtr(field, value);
    for (std::int64_t entry = 0; entry < entries; ++entry) {
      load(entry);
      writer->Fill(*row);
      if ((entry + 1) % cluster == 0) writer->CommitCluster();
    }
  }

private:
  std::unique_ptr<ROOT::RNTupleModel> m_model = ROOT::RNTupleModel::CreateBare();
  std::vector<std::pair<std::string, void*>> m_values;
};

}  // namespace sample

#endif
