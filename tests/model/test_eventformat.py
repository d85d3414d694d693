"""The table of containers that a file keeps of its own, whole and in columns."""

import warnings
from dataclasses import replace

import awkward as ak
import pytest

from physlite.exceptions import CorruptDataError
from physlite.model.eventformat import event_format
from physlite.model.store import ColumnStore
from support import data
from support.metadata_files import altered, numbers, texts
from support.patching import patched


def test_a_table_of_containers_in_columns():
    """As old releases wrote it: its members are branches."""
    with altered({}) as file:
        tree = file._store.metadata
        expected = event_format(tree)
        assert len(expected) == 1079
        donors = {
            "CutBookkeepersAux.name": ("m_branchNames", texts([row.name for row in expected])),
            "CutBookkeepersAux.inputStream": ("m_classNames", texts([row.class_name for row in expected])),
            "CutBookkeepersAux.cutLogic": ("m_branchHashes", numbers("I", [row.key for row in expected])),
        }
    for cut, error in ((0, None), (1, CorruptDataError)):
        bytes_of = {name: [content] for name, (_, content) in donors.items()}
        if cut:
            bytes_of["CutBookkeepersAux.cutLogic"] = [numbers("I", [row.key for row in expected[cut:]])]
        with altered(bytes_of | {"EventFormat": None}) as file:
            tree = file._store.metadata
            columns = [
                c._replace(name=donors[c.name][0], path=f"EventFormat/{donors[c.name][0]}") if c.name in donors else c
                for c in tree.manifest.columns
                if not c.name.startswith("no ")
            ]
            split = ColumnStore(tree.source, replace(tree.manifest, columns=tuple(columns)), 1, 0)
            if error:
                with pytest.raises(
                    error, match="EventFormat: an EventFormat of 1079 names, 1079 classes and 1078 keys"
                ):
                    event_format(split)
            else:
                assert event_format(split) == expected


def test_links_to_containers_that_only_the_file_knows():
    """A trigger container that PHYSLITE does not keep: its key is in the file's own table, so there is no warning."""

    def change(values):
        next(event for event in values if event)[0] = 568657021

    with patched(data.path_of(data.R21), "AnalysisMuonsAuxDyn.inDetTrackParticleLink.m_persKey", change) as file:
        assert file.link_target(568657021).container == "HLT_xAOD__TrigMissingETContainer_EFJetEtSum"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            z0 = file.events().Muons.inDetTrackParticle.z0
        assert ak.sum(ak.is_none(z0, axis=1)) == 1
