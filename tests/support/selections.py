"""Masks as loops over single objects make them, and objects that are made up."""

import math

import awkward as ak
import numpy as np
from hypothesis import strategies as st

import physlite
from physlite.model import behaviors  # noqa: F401  # names of records have their classes
from support import data

REAL_FILES = (*data.REAL_TTREES, data.RNTUPLE)

NAN = math.nan


def events_of(name):
    return physlite.events(data.path_of(name))


def loop(passes, *columns):
    """What a function gives for each object, one after the other, from columns of lists of events."""
    lists = [ak.to_list(column) for column in columns]
    return [[passes(*objects) for objects in zip(*event, strict=True)] for event in zip(*lists, strict=True)]


def single(value):
    """A number in the precision of the columns, in which cuts are compared."""
    return float(np.float32(value))


def made(record, types, events):
    """Objects of a class from dictionaries, in lists of events; `types` has the NumPy type of each column."""
    flat = [each for event in events for each in event]
    columns = {name: np.array([each[name] for each in flat], dtype=kind) for name, kind in types.items()}
    return ak.unflatten(ak.zip(columns, with_name=record), np.array([len(event) for event in events], dtype=np.int64))


def lists_of(**values):
    """Some events with some objects each, of which every column is drawn from a strategy."""
    return st.lists(st.lists(st.fixed_dictionaries(values), max_size=3), max_size=4)


def numbers(*ties):
    """Single-precision numbers, these among them and those next to them, and what is no number."""
    values = [float(np.float32(tie)) for tie in ties]
    around = [float(np.nextafter(np.float32(tie), np.float32(to))) for tie in ties for to in (-1e9, 1e9)]
    return st.sampled_from([*values, *around, 0.0, -1.0, NAN])
