"""uproot as the oracle: every column of a file as uproot reads it, and which columns it cannot be asked about."""

from __future__ import annotations

import functools
import re

import awkward as ak
import uproot

from support.data import R24, SAMPLE, TIMES_50, TREE_ONLY, path_of

# Columns that uproot fails on or gets wrong: which, in which files (None: all), and what goes wrong.
# Each kind has a test of its own in test_uncommon_columns.py.
JET_LINK = "METAssoc_AnalysisMETAux.jetLink"
HARD_SCATTER = "EventInfoAuxDyn.hardScatterVertexLink"
NOT_ASKED = {
    JET_LINK: (
        {R24, TREE_ONLY, TIMES_50, SAMPLE},
        "a vector of links streamed member by member (uproot5#951): numbers from the wrong bytes, or an error",
    ),
    HARD_SCATTER: (None, "a single link in a branch (uproot5#1177): UnknownInterpretation"),
}

# Objects whose members are all in the auxiliary stores: the file keeps no description of their bytes, and uproot's
# guess fails. Of containers we read how many objects there are; of the others nothing.
SIZED = re.compile(r"^(DataVector<.*>|xAOD::MissingET(Container|AssociationMap)_v\d+)$")

# Types that are left to uproot.
LEFT_TO_UPROOT = re.compile(
    r"^(xAOD::\w*(AuxContainerBase|AuxInfoBase)"
    r"|xAOD::(EventInfo|TrigDecision|EventShape)_v\d+"
    r"|xAOD::(TrigDecisionAuxInfo|MissingETAuxAssociationMap|JetAuxContainer)_v\d+"
    r"|PileUpEventInfo_p5)$"
)


def reason_not_asked(name, column) -> str:
    """Why uproot cannot check this column of the file called `name`; empty when it can."""
    files, reason = NOT_ASKED.get(column.name, (set(), ""))
    if files is None or name in files:
        return reason
    if SIZED.match(column.type_name):
        return "an interface container"
    if column.encoding.startswith("."):
        return "a member of an object streamed whole, which uproot reads all or not at all: not at all"
    if not column.encoding:
        return "read through uproot, not by us"
    return ""


@functools.cache
def tree(name):
    return uproot.open(path_of(name))["CollectionTree"]


@functools.cache
def column(name, path):
    """One whole column as uproot reads it. A group of split branches comes as a list of records, as ours do."""
    branch = tree(name)[path]
    array = ak.to_layout(branch.array())
    prefix = f"{branch.name}."
    if array.is_record and array.fields and all(field.startswith(prefix) for field in array.fields):
        members = {field.removeprefix(prefix): array.content(field) for field in array.fields}
        array = ak.to_layout(ak.zip(members, depth_limit=2))
    return array
