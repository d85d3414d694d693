"""The sample that is part of the package, in each of the formats, in place of a file of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from importlib import resources

import typer

import physlite

__all__ = ["Sample", "chosen"]


class Sample(StrEnum):
    """The same events, as a tree and as an RNTuple."""

    TREE = "tree"
    RNTUPLE = "rntuple"


_FILES = {Sample.TREE: "sample.root", Sample.RNTUPLE: "sample_rntuple.root"}


@contextmanager
def chosen(file: str | None, sample: Sample | None) -> Iterator[str]:
    """The path of the user's file or of the sample, which may have to come out of an archive first."""
    if file is not None and sample is not None:
        msg = "it is there beside --sample: give one of the two"
        raise typer.BadParameter(msg, param_hint="FILE")
    if file is not None:
        yield file
        return
    if sample is None:
        msg = "missing: give a file, or --sample tree or --sample rntuple"
        raise typer.BadParameter(msg, param_hint="FILE")
    with resources.as_file(resources.files(physlite) / "data" / _FILES[sample]) as inside:
        yield str(inside)
