"""Names that are not there."""

import pickle

import pytest

from physlite.named import Named


def test_what_there_is_instead():
    named = Named("events.metadata", {"file": "a.root", "entry_start": 0})
    assert named["file"] == "a.root"
    assert named.get("files") is None
    with pytest.raises(KeyError, match=r"events.metadata has no 'files': it has file, entry_start"):
        named["files"]
    with pytest.raises(KeyError, match=r"by_dataset has no 'a': it has nothing"):
        Named("by_dataset", {})["a"]


def test_it_is_a_dict_that_pickles():
    named = pickle.loads(pickle.dumps(Named("x", {"a": 1})))  # noqa: S301  # of this test
    assert named == {"a": 1}
    with pytest.raises(KeyError, match="x has no 'b': it has a"):
        named["b"]
