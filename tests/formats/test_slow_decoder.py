"""The columns again, beside a decoder in plain Python that shares nothing with the package."""

import re

import pytest

import physlite
from support import data, slow_decoder

A_KIND = 2

# Their members stand in the file's class descriptions, not in the name of the type.
PLAIN_CLASS = re.compile(r"^xAOD::(TrigConfKeys|BunchConfKey)_v\d+$")


def _kinds(manifest):
    """Some columns of each type, the largest too: those with the most to get wrong."""
    found = {}
    for i, column in enumerate(manifest.columns):
        own = column.encoding and not column.members and not column.encoding.startswith(".")
        if own and not PLAIN_CLASS.match(column.type_name):
            found.setdefault((column.type_name, column.encoding), []).append(i)
    for columns in found.values():
        columns.sort(key=lambda i: -manifest.columns[i].uncompressed_bytes)
        yield from columns[:A_KIND]


@pytest.mark.parametrize("name", data.parameters([*data.REAL_TTREES, data.SAMPLE]))
def test_columns_of_each_type_equal_the_slow_decoder(name):
    path = data.path_of(name)
    content = path.read_bytes()
    with physlite.open(path) as file:
        for i in _kinds(file.manifest):
            column = file.manifest.columns[i]
            # As text, because NaN is not equal to itself.
            expected = slow_decoder.column_values(content, file.manifest, i, page_limit=1)
            ours = file.array(column.path, entry_stop=len(expected)).to_list()
            assert repr(ours) == repr(expected), column.path


def test_members_of_objects_streamed_whole_equal_the_slow_decoder():
    """Release 22 wrote some stores so; uproot reads none of them."""
    path = data.path_of(data.R22)
    content = path.read_bytes()
    with physlite.open(path) as file:
        stores = {}
        for column in file.manifest.columns:
            if column.encoding.startswith("."):
                stores.setdefault(column.path.partition("/")[0], []).append(column)
        assert {"xTrigDecisionAux.", "METAssoc_AnalysisMETAux."} <= stores.keys()
        for store, columns in stores.items():
            description = file.streamers[file.columns[store].type_name]
            members = [(m.name, m.type_name) for m in description.members if m.element_class != "TStreamerBase"]
            assert len(description.members) == len(members) + 1, "one base class"
            i = file.columns.index(store)
            entries = [slow_decoder.object_members(e, members) for e in slow_decoder.entries(content, file.manifest, i)]
            assert len(columns) == len(members)
            for column in columns:
                expected = [entry[column.name.removeprefix(store)] for entry in entries]
                assert repr(file.array(column.path).to_list()) == repr(expected), column.path
                assert repr(file.array(column.path, 3, 57).to_list()) == repr(expected[3:57]), column.path
