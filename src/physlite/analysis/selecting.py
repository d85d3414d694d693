"""Selecting objects by a definition: a dictionary that says what is asked of them."""

from __future__ import annotations

import math
import reprlib
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral, Real
from typing import Any, NamedTuple, TypeGuard

import awkward as ak

from physlite.analysis import btagging, egamma, electrons, jets, muons, photons, taus
from physlite.analysis.columns import all_of, kind_of
from physlite.exceptions import SelectionError
from physlite.formats.filters import nearest

__all__ = ["KEYS", "selected"]


# Values in messages: of aliases in YAML a few lines make lists of any size.
_shown = reprlib.Repr()
_shown.maxlevel = 2
_shown.maxstring = _shown.maxother = 100


class _Key(NamedTuple):
    """What can be asked of objects.

    Attributes:
        passed: objects and a value give a mask.
        understood: a value as `passed` takes it; raises ValueError with what is expected.
    """

    passed: Callable[[ak.Array, Any], Any]
    understood: Callable[[Any], Any]


def selected(objects: ak.Array, definition: Mapping[str, Any]) -> Any:
    """Which objects are as a definition says.

    Args:
        objects: electrons, muons, photons, taus or jets, in any selection of them.
        definition: what is asked of them; what it does not name is not asked. `KEYS` has the names for each class of
            objects. As an example, for electrons::

                {
                    "pt": [27000, None],
                    "abs_eta": 2.47,
                    "not_abs_eta": [1.37, 1.52],
                    "identification": "Tight",
                    "isolation": "Tight_VarRad",
                    "d0_significance": 5,
                    "z0_sin_theta": 0.5,
                }

            Ranges include their lower end of pT and their upper end of abs(eta), gaps include both. A lower end of
            abs(eta) at 0 is none. Values are compared in the precision of the column, as in Athena.

    Returns:
        One bool for each object; False where what is asked for is missing or not a number. Of a single object it is an
        array of one bool.

    Raises:
        SelectionError: nothing of this name can be asked of these objects, or not with this value.
        ColumnNotFoundError: the file does not store what is needed.
        ValueError: the array does not know its file, or holds objects of several files.
    """
    kind = kind_of(objects)
    if kind not in KEYS:
        msg = f"no definitions of {kind or 'nameless records'}; there are those of {', '.join(KEYS)}"
        raise SelectionError(msg)
    if not isinstance(definition, Mapping):
        msg = f"a definition of {kind} is a dictionary of what is asked of them, not {_shown.repr(definition)}"
        raise SelectionError(msg)
    asked = list(_understood(kind, definition))
    return all_of(objects, (KEYS[kind][name].passed(objects, value) for name, value in asked))


def _understood(kind: str, definition: Mapping[str, Any]) -> Iterable[tuple[str, Any]]:
    """All is looked at before anything is read."""
    for name, value in definition.items():
        if name not in KEYS[kind]:
            near = nearest(list(KEYS[kind]), str(name))
            msg = f"{_shown.repr(name)} cannot be asked of {kind}{near}; there are {', '.join(KEYS[kind])}"
            raise SelectionError(msg)
        try:
            yield name, KEYS[kind][name].understood(value)
        except ValueError as error:
            quoted = "; write numbers without quotes" if _has_quoted_number(value) else ""
            msg = f"{name!r} of {kind}: expected {error}, not {_shown.repr(value)}{quoted}"
            raise SelectionError(msg) from None


# ------------------------------------------------------------------------------------------------------------- values


def _is_number(value: Any) -> TypeGuard[Real]:
    """Of Python or NumPy, that can be compared as a float."""
    if not isinstance(value, Real) or isinstance(value, bool):
        return False
    try:
        return not math.isnan(value)
    except OverflowError:
        return False


def _has_quoted_number(value: Any) -> bool:
    """Whether a number is written as a text."""
    if isinstance(value, list | tuple):
        return any(isinstance(each, str) and _has_quoted_number(each) for each in value)
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False


def _positive(value: Any) -> float:
    if not _is_number(value) or float(value) <= 0:
        msg = "a number above 0"
        raise ValueError(msg)
    return float(value)


def _two(value: Any) -> tuple[float, float] | None:
    """A range of two numbers, of which one can be missing."""
    if not isinstance(value, list | tuple) or len(value) != 2:  # noqa: PLR2004
        return None
    low, high = value
    if not all(end is None or _is_number(end) for end in value):
        return None
    ends = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
    return ends if ends[0] < ends[1] else None


def _from(value: Any) -> tuple[float, float]:
    found = (float(value), math.inf) if _is_number(value) else _two(value)
    if found is None:
        msg = "the lowest value, or [lowest, highest], either of which can be null"
        raise ValueError(msg)
    return found


def _up_to(value: Any) -> tuple[float, float]:
    """Of an absolute value."""
    found = (-math.inf, float(value)) if _is_number(value) else _two(value)
    if found is None or _has_negative(found):
        msg = "the highest value, or [lowest, highest], either of which can be null, none negative"
        raise ValueError(msg)
    low, high = found
    return (low if low > 0 else -math.inf), high


def _gap(value: Any) -> tuple[float, float]:
    """Of an absolute value."""
    found = _two(value)
    if found is None or _has_negative(found):
        msg = "[lowest, highest], none negative"
        raise ValueError(msg)
    return found


def _has_negative(ends: tuple[float, float]) -> bool:
    return any(end < 0 for end in ends if end != -math.inf)


def _one_of(names: Iterable[str]) -> Callable[[Any], str]:
    def understood(value: Any) -> str:
        if not isinstance(value, str) or value not in names:
            msg = f"one of {', '.join(names)}"
            raise ValueError(msg)
        return value

    return understood


def _some_of(names: Iterable[str]) -> Callable[[Any], Iterable[str]]:
    def understood(value: Any) -> Iterable[str]:
        if (
            not isinstance(value, list | tuple)
            or not value
            or not all(isinstance(name, str) and name in names for name in value)
        ):
            msg = f"a list of some of {', '.join(names)}"
            raise ValueError(msg)
        return value

    return understood


def _tagger(value: Any) -> tuple[str, float]:
    """A working point, or a tagger with a cut of one's own."""
    if isinstance(value, str) and value in btagging.WORKING_POINTS:
        tagger, point = btagging.WORKING_POINTS[value]
        return tagger, btagging.TAGGERS[tagger].cuts[point]
    pairs = list(value.items()) if isinstance(value, Mapping) else []
    if len(pairs) != 1 or pairs[0][0] not in btagging.TAGGERS or not _is_number(pairs[0][1]):
        points, taggers = ", ".join(btagging.WORKING_POINTS), ", ".join(btagging.TAGGERS)
        msg = f"one of {points}, or {{tagger: value}} with one of the taggers {taggers}"
        raise ValueError(msg)
    return pairs[0][0], float(pairs[0][1])


def _yes_or_no(value: Any) -> bool:
    if not isinstance(value, bool):
        msg = "true or false"
        raise ValueError(msg)  # noqa: TRY004  # a definition that is not understood
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, Integral) or isinstance(value, bool) or value < 0:
        msg = "a whole number"
        raise ValueError(msg)
    return int(value)


def _whole_numbers(value: Any) -> list[int]:
    values = value if isinstance(value, list | tuple) else [value]
    if not values:
        msg = "a list of whole numbers"
        raise ValueError(msg)
    return [_whole(each) for each in values]


# --------------------------------------------------------------------------------------------------------------- cuts


def _pt(objects: ak.Array, ends: tuple[float, float]) -> Any:
    pt = objects["pt"]
    return (pt >= ends[0]) & (pt < ends[1])


def _within(eta: Any, ends: tuple[float, float]) -> Any:
    return (abs(eta) > ends[0]) & (abs(eta) <= ends[1])


def _outside(eta: Any, ends: tuple[float, float]) -> Any:
    return (abs(eta) < ends[0]) | (abs(eta) > ends[1])


def _cluster(cut: Callable[[Any, Any], Any]) -> Callable[[ak.Array, Any], Any]:
    return lambda objects, ends: cut(egamma.cluster_eta(objects), ends)


def _asked(function: Callable[[ak.Array], Any]) -> Callable[[ak.Array, bool], Any]:
    """Of a mask that can be asked for either way; what is missing passes neither way."""

    def passed(objects: ak.Array, wanted: bool) -> Any:
        mask = function(objects)
        return mask if wanted else ~mask & ~ak.is_none(objects["pt"], axis=-1)

    return passed


_KINEMATICS = {
    "pt": _Key(_pt, _from),
    "abs_eta": _Key(lambda objects, ends: _within(objects["eta"], ends), _up_to),
    "not_abs_eta": _Key(lambda objects, ends: _outside(objects["eta"], ends), _gap),
}
_CLUSTERS = {
    "abs_cluster_eta": _Key(_cluster(_within), _up_to),
    "not_abs_cluster_eta": _Key(_cluster(_outside), _gap),
    "good_quality": _Key(_asked(egamma.good_quality), _yes_or_no),
    "author": _Key(egamma.authored, _some_of(egamma.AUTHORS)),
}
_TRACK = {
    "d0_significance": _Key(lambda objects, most: muons.prompt(objects, d0_significance=most), _positive),
    "z0_sin_theta": _Key(lambda objects, most: muons.prompt(objects, z0_sin_theta=most), _positive),
}

# What can be asked, by the class of objects: the cuts of AsgPtEtaSelectionTool.cxx in Athena's
# PhysicsAnalysis/Algorithms/AsgAnalysisAlgorithms, and the functions of the modules of their class.
KEYS: dict[str, dict[str, _Key]] = {
    "Electron": {
        **_KINEMATICS,
        **_CLUSTERS,
        "identification": _Key(electrons.identified, _one_of(electrons.IDENTIFICATION)),
        "isolation": _Key(electrons.isolated, _one_of(electrons.ISOLATION)),
        "charge_identification": _Key(electrons.charge_identified, _one_of(electrons.CHARGE_IDENTIFICATION)),
        **_TRACK,
    },
    "Muon": {
        **_KINEMATICS,
        "identification": _Key(muons.identified, _one_of(muons.IDENTIFICATION)),
        "isolation": _Key(muons.isolated, _one_of(muons.ISOLATION)),
        **_TRACK,
    },
    "Photon": {
        **_KINEMATICS,
        **_CLUSTERS,
        "identification": _Key(photons.identified, _one_of(photons.IDENTIFICATION)),
        "isolation": _Key(photons.isolated, _one_of(photons.ISOLATION)),
        "cleaning": _Key(photons.clean, _one_of(photons.CLEANING)),
        "converted": _Key(_asked(photons.converted), _yes_or_no),
    },
    "TauJet": {
        **_KINEMATICS,
        "identification": _Key(taus.identified, _one_of(taus.IDENTIFICATION)),
        "electron_veto": _Key(taus.electron_vetoed, _one_of(taus.ELECTRON_VETO)),
        "n_tracks": _Key(taus.with_tracks, _whole_numbers),
        "abs_charge": _Key(taus.with_charge, _whole),
    },
    "Jet": {
        **_KINEMATICS,
        "jvt": _Key(jets.passed_jvt, _one_of(jets.JVT)),
        "fjvt": _Key(jets.passed_fjvt, _one_of(jets.FJVT)),
        "cleaning": _Key(jets.clean, _one_of(jets.CLEANING)),
        "btagging": _Key(lambda objects, value: btagging.above(objects, *value), _tagger),
    },
}
