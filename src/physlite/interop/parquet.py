"""Parquet files of events: what `physlite.formats.parquet` reads, and anybody else who knows Parquet."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from physlite.exceptions import ConversionError, UnsupportedFormatError
from physlite.formats.arrowcolumns import LinkNames, arrow_field, to_arrow
from physlite.formats.manifest import ManifestColumn
from physlite.formats.notes import FACTS, METADATA, NOTES
from physlite.formats.parquet import Notes, parquet_name
from physlite.formats.parquetseal import pyarrow_parquet, seal
from physlite.interop.facts import facts_text
from physlite.interop.metadatatrees import packed_tree
from physlite.interop.writing import Chunk, Output, OutputColumn

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow.parquet import FileMetaData

__all__ = ["ParquetWriter"]

# Compressions by name: what ROOT counts the algorithm as, and the level without which it is meant.
_COMPRESSIONS = {"zstd": (5, 1), "lz4": (4, 1), "gzip": (1, 6)}
_HIGHEST_LEVEL = 22  # of zstd, which has the most

# What a row group has in memory. Larger ones pack better, but are read as a whole, and take more memory to write.
_GROUP_BYTES = 64_000_000
_GROUPS = 5  # at most so much of the memory, for one that is collected while chunks are read

# pyarrow reads texts in the footer up to 100 MB.
_MOST_FOOTER = 60_000_000


class ParquetWriter:
    """Writes a Parquet file; see `Writer`."""

    keeps_metadata_tree = True

    def __init__(self, output: Output) -> None:
        import pyarrow as pa

        parquet = pyarrow_parquet()
        self._output = output
        resolved = output.links == "resolved"
        self._link_names = LinkNames({key: name for name, _, key in output.containers}) if resolved else None
        self._names = [""] * len(output.rows)
        self._items = [-1] * len(output.rows)
        schema = []
        for column in output.columns:
            name = self._free_name(column)
            schema.append(arrow_field(name, column.encoding.node, resolved=resolved))
            self._names[column.row] = name
            if column.encoding.is_list:
                self._items[column.row] = 0
        self._schema = pa.schema(schema)
        self._metadata = packed_tree(output.inputs.metadata_tree, output.inputs.who)
        if len(self._metadata) > _MOST_FOOTER:
            msg = (
                f"{output.inputs.who}: in all the MetaData trees have {len(self._metadata)} bytes, too many for the "
                "footer of one Parquet file: convert fewer files at a time"
            )
            raise ConversionError(msg)
        algorithm, level, self._setting = _compression(output.compression)
        self._group_bytes = min(_GROUP_BYTES, output.memory // _GROUPS)
        self._pending: list[pa.Table] = []
        self._entries = 0
        self._footer: list[FileMetaData] = []  # of the file, once it is complete
        self._writer = parquet.ParquetWriter(
            output.path,
            self._schema,
            compression=algorithm,
            compression_level=level,
            use_dictionary=_with_dictionaries(self._schema),
            write_statistics=[field.name for field in self._schema if pa.types.is_integer(field.type)],
            metadata_collector=self._footer,
        )

    @staticmethod
    def problem_of(column: OutputColumn) -> str:
        """Why a column cannot be written; empty when it can."""
        try:
            arrow_field(column.name, column.encoding.node, resolved=False)
        except UnsupportedFormatError as error:
            return str(error)
        return ""

    def _free_name(self, column: OutputColumn) -> str:
        """What a column is called; a name that was given already is made another."""
        name = parquet_name(column.name)
        while name in self._names:
            name += ":"
        return name

    # --------------------------------------------------------------------------------------------------------- chunks

    def write(self, chunk: Chunk) -> None:
        """Adds events, and writes row groups that are full."""
        if not chunk.num_entries:
            return
        import pyarrow as pa

        arrays = []
        for column, layout in zip(self._output.columns, chunk.layouts, strict=True):
            arrays.append(to_arrow(layout, column.encoding.node, self._link_names))
            if column.encoding.is_list:
                self._items[column.row] += len(layout.content)
        self._pending.append(pa.Table.from_arrays(arrays, schema=self._schema))
        self._entries += chunk.num_entries
        self._flush()

    def _flush(self, *, everything: bool = False) -> None:
        """Writes what is there, as whole row groups."""
        import pyarrow as pa

        if not self._pending:
            return
        rows = sum(table.num_rows for table in self._pending)
        entries = self._output.group_entries
        if entries is None:
            if everything or sum(table.nbytes for table in self._pending) >= self._group_bytes:
                self._write_group(pa.concat_tables(self._pending))
                self._pending = []
            return
        if rows < entries and not everything:
            return
        table = pa.concat_tables(self._pending)
        whole = rows if everything else rows - rows % entries
        for start in range(0, whole, entries):
            self._write_group(table.slice(start, min(entries, whole - start)))
        self._pending = [table.slice(whole)] if whole < rows else []

    def _write_group(self, table: pa.Table) -> None:
        self._writer.write_table(table, row_group_size=table.num_rows)

    # ------------------------------------------------------------------------------------------------------------ end

    def close(self) -> None:
        """Writes what is left, and the footer."""
        import pyarrow as pa

        self._flush(everything=True)
        notes = Notes(
            uuid=str(uuid.uuid4()),
            tree=self._output.inputs.first.manifest.tree,
            num_entries=self._entries,
            compression=self._setting,
            columns=[_row(row) for row in self._output.rows],
            names=self._names,
            items=self._items,
            resolved=self._link_names is not None,
            containers=[list(container) for container in self._output.containers],
        )
        texts = {NOTES: notes.text(), FACTS: facts_text(self._output.inputs.metadata, self._entries)}
        if self._metadata:
            texts[METADATA] = self._metadata.decode()
        # Arrow copies what it knows of all row groups to write the footer: in place of the events, not beside them.
        pa.default_memory_pool().release_unused()
        self._writer.add_key_value_metadata(texts)
        self._writer.close()
        seal(self._output.path, *self._footer)

    def abort(self) -> None:
        """Closes the file as it is."""
        self._pending = []
        with suppress(Exception):  # whatever state it is in
            self._writer.close()


def _row(row: ManifestColumn) -> list[Any]:
    """What `Notes` has of a column."""
    return [row.name, row.path, row.title, row.type_name, row.encoding, row.problem, list(row.members)]


def _compression(name: str) -> tuple[str, int | None, int]:
    """Algorithm and level as pyarrow names them, and both as ROOT numbers them.

    Raises:
        UnsupportedFormatError: there is no such compression.
    """
    if name == "none":
        return "none", None, 0
    algorithm, hyphen, level = name.partition("-")
    is_level = level.isascii() and level.isdigit() and 1 <= int(level) <= _HIGHEST_LEVEL
    if algorithm not in _COMPRESSIONS or (hyphen and not is_level):
        msg = f"compression={name!r}: Parquet files are written with none, {', '.join(_COMPRESSIONS)}, or as zstd-5"
        raise UnsupportedFormatError(msg)
    number, usual = _COMPRESSIONS[algorithm]
    wanted = int(level) if hyphen and algorithm != "lz4" else None  # lz4 has no levels
    return algorithm, wanted, 100 * number + (wanted or usual)


def _with_dictionaries(schema: pa.Schema) -> list[str]:
    """The paths of texts. Of numbers dictionaries take as long as all the rest, and zstd packs them as well without."""
    import pyarrow as pa

    return [path for field in schema for path, kind in _leaves(field.name, field.type) if pa.types.is_string(kind)]


def _leaves(path: str, kind: pa.DataType) -> Iterator[tuple[str, pa.DataType]]:
    """Path and type of the numbers and texts in a column."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path, kind
