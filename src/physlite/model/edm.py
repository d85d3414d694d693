"""What single classes of the event data model can do beyond being Lorentz vectors.

Formulas and constants are those of the classes in Athena's Event/xAOD.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from vector.backends import awkward as vector_awkward

from physlite.model.follow import follow_links, of_record, require_source

__all__ = [
    "CaloClusterMembers",
    "MissingETMembers",
    "MuonMembers",
    "TrackParticleMembers",
    "TruthParticleMembers",
    "VertexMembers",
    "constant",
    "double",
]

# xAOD::TrackParticle_v1::m, ParticleConstants::PDG2011::chargedPionMassInMeV.
_PION_MASS = 139.57018

# xAOD::Muon_v1::MuonType.
_COMBINED, _STAND_ALONE, _SEGMENT_TAGGED, _CALO_TAGGED, _FORWARD = range(5)


class _Objects:
    """For the type checker: what Awkward Arrays and Records have in common."""

    if TYPE_CHECKING:

        def __getitem__(self, where: Any) -> Any: ...

        def follow(self, field: str) -> Any: ...


def double(values: Any) -> Any:
    """Numbers in double precision, as the EDM computes with them."""
    return ak.values_astype(values, np.float64) if isinstance(values, ak.Array) else np.float64(values)


def constant(like: Any, value: float) -> Any:
    """A number for each of some numbers, in double precision where they are."""
    return ak.full_like(like, value) if isinstance(like, ak.Array) else np.float64(value)


class TrackParticleMembers(_Objects):
    """A track: a momentum in MeV from q/p (1/MeV), theta and phi, with the mass of a charged pion."""

    @property
    def azimuthal(self) -> Any:  # noqa: D102  # inherited
        pt = np.sin(double(self["theta"])) / abs(double(self["qOverP"]))
        return vector_awkward.AzimuthalAwkwardRhoPhi(pt, double(self["phi"]))

    @property
    def longitudinal(self) -> Any:  # noqa: D102
        return vector_awkward.LongitudinalAwkwardEta(-np.log(np.tan(double(self["theta"]) / 2)))

    @property
    def temporal(self) -> Any:  # noqa: D102
        return vector_awkward.TemporalAwkwardTau(constant(double(self["theta"]), _PION_MASS))

    @property
    def charge(self) -> Any:
        """+1 or -1, the sign of q/p."""
        return np.sign(self["qOverP"])


class CaloClusterMembers(_Objects):
    """A calorimeter cluster: calibrated energy and mass in MeV, and direction. Without a stored mass it is massless."""

    @property
    def azimuthal(self) -> Any:  # noqa: D102  # inherited
        energy, eta = double(self["calE"]), double(self["calEta"])
        pt = np.sqrt(np.maximum(energy**2 - self._mass_squared, 0)) / np.cosh(eta)
        return vector_awkward.AzimuthalAwkwardRhoPhi(pt, double(self["calPhi"]))

    @property
    def _mass_squared(self) -> Any:
        if "calM" not in ak.fields(self):
            return 0.0
        mass = self["calM"]
        if isinstance(mass, ak.Array):
            return ak.fill_none(double(mass), 0.0, axis=-1) ** 2
        return 0.0 if mass is None else double(mass) ** 2

    @property
    def longitudinal(self) -> Any:  # noqa: D102
        return vector_awkward.LongitudinalAwkwardEta(double(self["calEta"]))

    @property
    def temporal(self) -> Any:  # noqa: D102
        return vector_awkward.TemporalAwkwardT(double(self["calE"]))


class MissingETMembers(_Objects):
    """A term of the missing transverse momentum; momenta in MeV."""

    @property
    def met(self) -> Any:
        """Its size, xAOD::MissingET_v1::met."""
        return np.hypot(self["mpx"], self["mpy"])

    @property
    def phi(self) -> Any:
        """Its azimuth."""
        return np.arctan2(self["mpy"], self["mpx"])

    @property
    def p2(self) -> Any:
        """Its transverse momentum as a vector of `vector`."""
        return ak.zip({"px": self["mpx"], "py": self["mpy"]}, with_name="Momentum2D")


class VertexMembers(_Objects):
    """A point in the detector, where particles come from; in mm."""

    @property
    def position(self) -> Any:
        """The point as a vector of `vector`."""
        columns = {name: self[name] for name in ("x", "y", "z")}
        return ak.zip(columns, with_name="Vector3D", optiontype_outside_record=True)


class MuonMembers(_Objects):
    """A muon. Where no mass is stored it has that of a muon."""

    @property
    def trackParticle(self) -> Any:  # noqa: N802  # as the EDM spells it
        """The track that stands for the muon, by its type, as xAOD::Muon_v1::primaryTrackParticle.

        That of the combined fit for combined and silicon-associated forward muons, that of the inner detector for
        segment-tagged and calorimeter-tagged ones; of stand-alone muons the first that is in the file of the
        extrapolated, the only-muon-spectrometer extrapolated and the muon-spectrometer track.
        """
        if isinstance(self, ak.Record):
            return of_record(self, lambda array: array.trackParticle)
        choice = {
            _COMBINED: ("combinedTrackParticleLink",),
            _FORWARD: ("combinedTrackParticleLink",),
            _SEGMENT_TAGGED: ("inDetTrackParticleLink",),
            _CALO_TAGGED: ("inDetTrackParticleLink",),
            _STAND_ALONE: (
                "extrapolatedMuonSpectrometerTrackParticleLink",
                "msOnlyExtrapolatedMuonSpectrometerTrackParticleLink",
                "muonSpectrometerTrackParticleLink",
            ),
        }
        stored = require_source(self).store.schema.links.stored_keys
        known = ak.fields(self)
        fields = ["muonType", *dict.fromkeys(name for names in choice.values() for name in names if name in known)]

        def choose(columns: dict[str, Any]) -> tuple[Any, Any]:
            muon_type = ak.to_numpy(columns["muonType"])
            keys, indices = (np.zeros(len(muon_type), dtype=np.uint32) for _ in range(2))
            for kind, names in choice.items():
                for name in reversed([name for name in names if name in columns]):
                    key, index = (ak.to_numpy(columns[name].content(x)) for x in ("m_persKey", "m_persIndex"))
                    better = (muon_type == kind) & np.isin(key[: len(muon_type)], stored)
                    keys = np.where(better, key[: len(muon_type)], keys)
                    indices = np.where(better, index[: len(muon_type)], indices)
            return keys, indices

        return follow_links(self, fields, choose, "combinedTrackParticleLink")

    @property
    def primaryTrackParticle(self) -> Any:  # noqa: N802
        """The same, by the name of the EDM's method."""
        return self.trackParticle


class TruthParticleMembers(_Objects):
    """A particle of the generator. Tests of what it is go by its PDG number (Monte Carlo numbering scheme)."""

    @property
    def absPdgId(self) -> Any:  # noqa: N802
        """PDG number without sign."""
        return abs(self["pdgId"])


def _pdg_test(ids: tuple[int, ...]) -> property:
    def test(self: Any) -> Any:
        pdg = self.absPdgId
        found = pdg == ids[0]
        for number in ids[1:]:
            found = found | (pdg == number)
        return found

    return property(test, doc=f"Whether the PDG number without sign is one of {', '.join(map(str, ids))}.")


# xAOD::TruthParticle_v1 has these, by the functions of Generators/TruthUtils.
for _name, _ids in {
    "isElectron": (11,),
    "isMuon": (13,),
    "isTau": (15,),
    "isNeutrino": (12, 14, 16),
    "isLepton": (11, 12, 13, 14, 15, 16),
    "isChLepton": (11, 13, 15),
    "isPhoton": (22,),
    "isZ": (23,),
    "isW": (24,),
    "isHiggs": (25,),
    "isTop": (6,),
    "isQuark": (1, 2, 3, 4, 5, 6),
    "isGluon": (21,),
}.items():
    setattr(TruthParticleMembers, _name, _pdg_test(_ids))
