"""ROOT files with an RNTuple of events, with the names and types that ATLAS has: `physlite.open` reads them as any.

The MetaData tree, whose classes need ROOT to be written as such, goes along as a text; see `formats.rootnotes`.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from physlite.exceptions import UnsupportedFormatError
from physlite.formats.manifest import EVENT_NTUPLE, HOLDS_NOTHING, IN_ITS_MEMBERS
from physlite.formats.notes import FACTS, METADATA, NOTES
from physlite.formats.rootnotes import containers_text
from physlite.interop.facts import facts_text
from physlite.interop.grouping import Grouping
from physlite.interop.metadatatrees import packed_tree
from physlite.interop.ntuplefields import NtupleSchema, problem_of, streams
from physlite.interop.ntuplefile import NtupleFile
from physlite.interop.rootcompression import root_compression
from physlite.interop.rootcontainer import RootContainer
from physlite.interop.writing import Chunk, Output, OutputColumn

__all__ = ["RNTupleWriter"]


class RNTupleWriter:
    """Writes an RNTuple; see `Writer`."""

    keeps_metadata_tree = True

    def __init__(self, output: Output) -> None:
        if output.links != "keys":
            msg = f"links={output.links!r}: in an RNTuple links are written as they are, with their keys: links='keys'"
            raise UnsupportedFormatError(msg)
        compression = root_compression(output.compression)
        self._output = output
        listed = [(row.name, row.type_name) for row in output.rows if _says_a_class(row.problem)]
        self._schema = NtupleSchema([(c.name, c.info.type_name, c.encoding) for c in output.columns], listed)
        self._grouping = Grouping(output)
        self._metadata = packed_tree(output.inputs.metadata_tree, output.inputs.who)
        self._entries = 0
        self._container = RootContainer(output.path, compression)
        self._ntuple = NtupleFile(self._container, EVENT_NTUPLE, self._schema, output.inputs.first.threads)

    @staticmethod
    def problem_of(column: OutputColumn) -> str:
        """Why a column cannot be written; empty when it can."""
        return problem_of(column.name, column.info.type_name, column.encoding)

    def write(self, chunk: Chunk) -> None:
        """Adds events, and writes clusters that are full."""
        for group in self._grouping.add(chunk):
            self._add_cluster(group)

    def close(self) -> None:
        """Writes what is left, what is known of the events, and the table of contents."""
        for group in self._grouping.rest():
            self._add_cluster(group)
        self._ntuple.close()
        self._container.add_text(NOTES, containers_text(self._output.containers))
        self._container.add_text(FACTS, facts_text(self._output.inputs.metadata, self._entries))
        if self._metadata:
            self._container.add_text(METADATA, self._metadata.decode())
        self._container.close()

    def abort(self) -> None:
        """Closes the file as it is."""
        self._ntuple.abort()
        self._container.abort()

    def _add_cluster(self, group: Chunk) -> None:
        elements: list[NDArray[Any]] = []
        for i in self._schema.order:
            elements += streams(self._output.columns[i].encoding.node, group.layouts[i])
        self._ntuple.add_cluster(group.num_entries, elements)
        self._entries += group.num_entries


def _says_a_class(problem: str) -> bool:
    """Whether a column without values says of what class others are."""
    return problem.startswith((HOLDS_NOTHING, IN_ITS_MEMBERS))
