// The persistent shapes of the ATLAS event data model, as far as DAOD_PHYSLITE stores them.
//
// ROOT writes a class by its name, bases and data members. Declaring the same ones therefore gives the same bytes
// and the same class checksums as a file written by Athena, without any Athena code.
#ifndef PHYSLITE_SAMPLE_EDM_H
#define PHYSLITE_SAMPLE_EDM_H

#include <string>
#include <utility>
#include <vector>

class ElementLinkBase {
public:
  unsigned int m_persKey = 0;
  unsigned int m_persIndex = 0xFFFFFFFF;
};

template <class Container>
class ElementLink : public ElementLinkBase {};

// Objects keep their data in auxiliary stores, so a container persists as nothing but its length.
// The member is transient; the container interface is what ROOT's collection proxy needs.
template <class T>
class DataVector {
public:
  using value_type = T;
  using reference = T&;
  using const_reference = const T&;
  using iterator = typename std::vector<T>::iterator;
  using const_iterator = typename std::vector<T>::const_iterator;
  iterator begin() { return m_objects.begin(); }
  iterator end() { return m_objects.end(); }
  const_iterator begin() const { return m_objects.begin(); }
  const_iterator end() const { return m_objects.end(); }
  std::size_t size() const { return m_objects.size(); }
  bool empty() const { return m_objects.empty(); }
  void clear() { m_objects.clear(); }
  void resize(std::size_t n) { m_objects.resize(n); }
  void push_back(const T& object) { m_objects.push_back(object); }
  T& operator[](std::size_t i) { return m_objects[i]; }
  T& front() { return m_objects.front(); }

private:
  std::vector<T> m_objects;  //!
};

namespace SG {
class IAuxElement {};
class AuxElement : public IAuxElement {};
class IConstAuxStore {};
class IAuxStore : public IConstAuxStore {};
class IAuxStoreIO {};
class IAuxStoreHolder {};
}  // namespace SG

class ILockable {};

namespace xAOD {

// The bases of the stores persist nothing. A transient member makes ROOT give them the branch they have in real files.
class AuxContainerBase : public SG::IAuxStore, public SG::IAuxStoreIO, public SG::IAuxStoreHolder, public ILockable {
  bool m_locked = false;  //!
};
class AuxInfoBase : public SG::IAuxStore, public SG::IAuxStoreIO, public SG::IAuxStoreHolder, public ILockable {
  bool m_locked = false;  //!
};

class IParticle : public SG::AuxElement {};
class NeutralParticle_v1 : public IParticle {};
class Egamma_v1 : public IParticle {};
class Electron_v1 : public Egamma_v1 {};
class Photon_v1 : public Egamma_v1 {};
class Muon_v1 : public IParticle {};
class Jet_v1 : public IParticle {};
class TauJet_v3 : public IParticle {};
class TauTrack_v1 : public IParticle {};
class TrackParticle_v1 : public IParticle {};
class TruthParticle_v1 : public IParticle {};
class CaloCluster_v1 : public IParticle {
public:
  unsigned int m_samplingPattern = 0;
};
class MuonSegment_v1 : public SG::AuxElement {};
class Vertex_v1 : public SG::AuxElement {};
class TruthVertex_v1 : public SG::AuxElement {};
class BTagging_v1 : public SG::AuxElement {};
class TrigComposite_v1 : public SG::AuxElement {};
class MissingET_v1 : public SG::AuxElement {};
class MissingETAssociation_v1 : public SG::AuxElement {};
class CutBookkeeper_v1 : public SG::AuxElement {};
class TriggerMenu_v1 : public SG::AuxElement {};
class TruthMetaData_v1 : public SG::AuxElement {};
class EventInfo_v1 : public SG::AuxElement {};
class EventShape_v1 : public SG::AuxElement {};
class TrigDecision_v1 : public SG::AuxElement {};
class FileMetaData_v1 : public SG::AuxElement {};

class MissingETContainer_v1 : public DataVector<MissingET_v1> {};
class MissingETAssociationMap_v1 : public DataVector<MissingETAssociation_v1> {};
class CutBookkeeperContainer_v1 : public DataVector<CutBookkeeper_v1> {};

class TrigConfKeys_v1 {
public:
  unsigned int m_smk = 0;
  unsigned int m_l1psk = 0;
  unsigned int m_hltpsk = 0;
};

class TrigDecisionAuxInfo_v1 : public AuxInfoBase {
public:
  unsigned int smk = 0;
  char bgCode = 0;
  std::vector<unsigned int> tav, tap, tbp;
  unsigned int lvl2ErrorBits = 0;
  unsigned int efErrorBits = 0;
  bool lvl2Truncated = false;
  bool efTruncated = false;
  std::vector<unsigned int> lvl2PassedPhysics, efPassedPhysics;
  std::vector<unsigned int> lvl2PassedRaw, efPassedRaw;
  std::vector<unsigned int> lvl2PassedThrough, efPassedThrough;
  std::vector<unsigned int> lvl2Prescaled, efPrescaled;
  std::vector<unsigned int> lvl2Resurrected, efResurrected;
};

class JetAuxContainer_v1 : public AuxContainerBase {
public:
  std::vector<float> pt, eta, phi, m;
  std::vector<std::vector<ElementLink<DataVector<IParticle> > > > constituentLinks;
  std::vector<std::vector<float> > constituentWeights;
};

class MissingETAuxAssociationMap_v2 : public AuxContainerBase {
public:
  std::vector<ElementLink<DataVector<Jet_v1> > > jetLink;
  std::vector<std::vector<ElementLink<DataVector<IParticle> > > > objectLinks;
#ifdef PHYSLITE_SAMPLE_RICH  // these are most of the class, and say little
  std::vector<std::vector<float> > calpx, calpy, calpz, cale, calsumpt;
  std::vector<std::vector<unsigned long> > calkey;
  std::vector<std::vector<float> > trkpx, trkpy, trkpz, trke, trksumpt;
  std::vector<std::vector<unsigned long> > trkkey;
  std::vector<float> jettrkpx, jettrkpy, jettrkpz, jettrke, jettrksumpt;
#endif
  std::vector<std::vector<std::vector<unsigned long> > > overlapIndices;
#ifdef PHYSLITE_SAMPLE_RICH
  std::vector<std::vector<std::vector<unsigned char> > > overlapTypes;
#endif
  std::vector<char> isMisc;
};

class CutBookkeeperAuxContainer_v1 : public AuxContainerBase {
public:
  std::vector<unsigned int> nameIdentifier, uniqueIdentifier;
  std::vector<std::string> name, description;
  std::vector<unsigned int> cutLogic;
  std::vector<int> isTopFilter, cycle;
  std::vector<std::string> inputStream;
  std::vector<std::vector<std::string> > outputStreams;
  std::vector<ElementLink<CutBookkeeperContainer_v1> > parentLink;
  std::vector<std::vector<ElementLink<CutBookkeeperContainer_v1> > > childrenLinks, othersLinks, siblingsLinks;
  std::vector<unsigned long> nAcceptedEvents;
  std::vector<double> sumOfEventWeights, sumOfEventWeightsSquared;
};

class TriggerMenuAuxContainer_v1 : public AuxContainerBase {
public:
  std::vector<unsigned int> smk, l1psk, hltpsk;
  std::vector<std::vector<unsigned short> > itemCtpIds;
  std::vector<std::vector<std::string> > itemNames;
  std::vector<std::vector<float> > itemPrescales;
  std::vector<std::vector<unsigned short> > chainIds;
  std::vector<std::vector<std::string> > chainNames, chainParentNames;
  std::vector<std::vector<float> > chainPrescales, chainRerunPrescales, chainPassthroughPrescales;
};

class TruthMetaDataAuxContainer_v1 : public AuxContainerBase {
public:
  std::vector<std::vector<std::string> > weightNames;
  std::vector<unsigned int> mcChannelNumber;
  std::vector<std::string> lhefGenerator, generators, evgenProcess, evgenTune, hardPDF, softPDF;
};

class FileMetaDataAuxInfo_v1 : public AuxInfoBase {
public:
  std::string productionRelease, dataType;
};

class EventFormat_v1 {
public:
  std::vector<std::string> m_branchNames, m_classNames, m_parentNames;
  std::vector<unsigned int> m_branchHashes;
};

}  // namespace xAOD

#endif
