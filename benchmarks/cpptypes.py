"""The C++ types that RDataFrame reads columns as."""

from __future__ import annotations

import re

import physlite

__all__ = ["cpp_types"]

_ENCODING = re.compile(r"(?:\d+\|)?(\**)(.*)")  # such as 6|**f4
_CPP = {"f4": "float", "i4": "int", "u4": "unsigned int"}
_LINK = ("m_persKey", "m_persIndex")


def cpp_types(path: str, names: list[str], kind: str) -> dict[str, str] | None:
    """Columns and their types; None where a tree would need a dictionary of classes for one of them."""
    found = {}
    with physlite.open(path) as file:
        for name in names:
            encoding = _ENCODING.fullmatch(file.manifest.columns[file.manifest.index[name]].encoding)
            assert encoding
            lists, item = encoding.groups()
            if item in _CPP:
                found[name] = _nested(len(lists), _CPP[item], kind)
            elif kind == "ntuple":  # the members of links are columns of their own
                found |= {f"{name}.:_0.{member}": _nested(len(lists), _CPP["u4"], kind) for member in _LINK}
            else:
                return None
    return found


def _nested(depth: int, item: str, kind: str) -> str:
    if kind == "tree" and depth > 1:  # what a tree has lists of lists as
        return "std::vector<" * depth + item + ">" * depth
    return "ROOT::RVec<" * depth + item + ">" * depth
