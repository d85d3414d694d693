"""`physlite info`: a file in numbers."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import typer

from physlite.cli.output import Head, print_json, print_table, print_title
from physlite.cli.wanted import WantedFile
from physlite.exceptions import MetadataNotFoundError
from physlite.model.facts import Facts
from physlite.model.file import File
from physlite.model.metadata import Metadata
from physlite.model.naming import short_class
from physlite.model.summary import CollectionSummary, Size, Summary, summarize
from physlite.storage.redaction import short_name
from physlite.text import human_bytes

_SUM = "sum of weights"

_COLLECTION_HEADS = (
    Head("collection", weight=2),
    Head("class", weight=1),
    Head("fields", number=True),
    Head("objects/event", number=True),
    Head("on disk", number=True),
    Head("uncompressed", number=True),
    Head("share", number=True),
)
_COLUMN_HEADS = (
    Head("column", weight=2),
    Head("type of an entry", weight=1),
    Head("on disk", number=True),
    Head("uncompressed", number=True),
    Head("share", number=True),
)


def run(wanted: WantedFile, *, plot: Path | None, top: int, as_json: bool) -> None:
    """Prints a file's properties, its largest collections and columns, and draws them when asked to."""
    with wanted.open() as file:
        summary = summarize(file)
        if plot is not None:
            from physlite.cli.plots import draw_sizes

            draw_sizes(summary, plot, title=f"{short_name(file.name)}: {file.num_entries:,} events", top=top)
        if as_json:
            print_json(_as_json(file, summary))
        else:
            _print(file, summary, top or None)
    if plot is not None and not as_json:
        typer.echo(f"\nPicture: {plot}")


def _as_json(file: File, summary: Summary) -> dict[str, Any]:
    return {
        "file": file.name,
        "events": file.num_entries,
        "format": file.format,
        "tree": file.manifest.tree,
        "compression": file.compression,
        "uuid": str(file.uuid),
        "file_bytes": file.source.size(),
        **_bytes(summary.size),
        "shared_bytes": summary.shared_bytes,
        "columns": len(file.columns),
        "unreadable": list(summary.unreadable),
        "without_values": list(summary.without_values),
        "collections": [
            {"name": c.name, "class": c.class_name, "fields": c.fields, "objects": c.objects, **_bytes(c.size)}
            for c in summary.collections
        ],
        "outside_collections": _bytes(summary.outside),
        "metadata": _metadata(file.metadata),
    }


def _metadata(metadata: Metadata) -> dict[str, Any]:
    """For JSON; without what cannot be had, as the sums of a file without a MetaData tree."""
    out: dict[str, Any] = {field.name: getattr(metadata, field.name) for field in fields(Facts)}
    del out["num_events"]  # stands beside the metadata
    try:
        out["sums"] = {str(variation): asdict(total) for variation, total in metadata.sums.items()}
    except MetadataNotFoundError:
        out["sums"] = None
    try:
        out["tag_info"] = dict(metadata.tag_info)
    except MetadataNotFoundError:
        out["tag_info"] = None
    return out


def _bytes(size: Size) -> dict[str, int]:
    return {"compressed_bytes": size.compressed, "uncompressed_bytes": size.uncompressed}


def _print(file: File, summary: Summary, top: int | None) -> None:
    size = summary.size
    facts = {
        "file": file.name,
        "events": f"{file.num_entries:,}",
        "format": f"{file.format} {file.manifest.tree}",
        "compression": file.compression,
        "UUID": str(file.uuid),
        "file size": human_bytes(file.source.size()),
        "event data": f"{human_bytes(size.compressed)}, {human_bytes(size.uncompressed)} uncompressed",
        "shared": f"{human_bytes(summary.shared_bytes)} of these, equal pages that the file has once",
        "columns": f"{len(file.columns)} in {len(summary.collections)} collections",
    }
    if not summary.shared_bytes:
        del facts["shared"]
    if empty := len(summary.without_values):
        facts["of these"] = f"{empty} are C++ objects without values of their own: nothing is missing"
    _print_facts(facts)
    _print_unreadable(file, summary)
    typer.echo()
    _print_metadata(file.metadata)
    typer.echo()
    _print_collections(file, summary, top)
    typer.echo()
    _print_columns(file, summary, top)


def _print_metadata(metadata: Metadata) -> None:
    facts = {name: text for name, text in metadata.rows() if name != "events"}
    if _SUM not in facts:
        try:
            metadata.sum_of()
        except MetadataNotFoundError as error:
            facts = {_SUM: f"unknown ({str(error).partition(': ')[2].partition(',')[0]})"} | facts
    print_title("Metadata")
    _print_facts(facts)


def _print_unreadable(file: File, summary: Summary) -> None:
    """A line for each reason, with the column that it holds for, or how many."""
    by_reason: dict[str, list[str]] = {}
    for name in summary.unreadable:
        by_reason.setdefault(file.columns[name].problem, []).append(name)
    for reason, names in by_reason.items():
        which = names[0] if len(names) == 1 else f"{len(names)} columns, as {names[0]}"
        typer.echo(f"unreadable: {which}: {reason}")


def _print_facts(facts: dict[str, str]) -> None:
    width = max(map(len, facts))
    for name, value in facts.items():
        typer.echo(f"{name.ljust(width)}  {value}")


def _print_collections(file: File, summary: Summary, top: int | None) -> None:
    listed, others = summary.collections[:top], summary.collections[top:] if top else ()
    rows = [_collection_row(c, file.num_entries, summary.size) for c in listed]
    if others:
        rows.append(_rest_row(f"{len(others)} smaller collections", [c.size for c in others], summary.size))
    rows.append(_rest_row("outside of collections", [summary.outside], summary.size))
    print_title("Collections, largest first")
    print_table(_COLLECTION_HEADS, rows)


def _collection_row(collection: CollectionSummary, events: int, total: Size) -> tuple[str, ...]:
    known = collection.objects is not None and events > 0
    return (
        collection.name,
        short_class(collection.class_name),
        str(collection.fields),
        f"{(collection.objects or 0) / events:.2f}" if known else "",
        *_size_cells(collection.size, total),
    )


def _rest_row(name: str, sizes: list[Size], total: Size) -> tuple[str, ...]:
    size = Size(sum(s.compressed for s in sizes), sum(s.uncompressed for s in sizes))
    return (name, "", "", "", *_size_cells(size, total))


def _size_cells(size: Size, total: Size) -> tuple[str, str, str]:
    share = size.compressed / max(total.compressed, 1)
    return human_bytes(size.compressed), human_bytes(size.uncompressed), f"{share:.1%}"


def _print_columns(file: File, summary: Summary, top: int | None) -> None:
    columns = [file.columns.at(i) for i in range(len(file.columns))]
    columns.sort(key=lambda c: c.compressed_bytes, reverse=True)
    rows = [(c.name, c.type, *_size_cells(Size(c.compressed_bytes, c.uncompressed_bytes), summary.size))
            for c in columns[:top]]  # fmt: skip
    print_title("Columns, largest first")
    print_table(_COLUMN_HEADS, rows)
