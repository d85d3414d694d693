"""A report as JSON, for programs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from physlite.running.records import STAGES, FileRecord
from physlite.running.recordtable import Sums

if TYPE_CHECKING:
    from physlite.running.account import Account

__all__ = ["to_json"]

_DECIMALS = 6  # of seconds


def to_json(report: Account) -> str:
    """The report, as `Report.to_json` says."""
    # Line by line: all files as dictionaries at once would take gigabytes.
    which = report.files.numbers["columns"].tolist()
    files = (_text(_plain(record) | {"columns": n}) for record, n in zip(report.files, which, strict=True))
    parts = {
        "wall": _text(round(report.wall, _DECIMALS)),
        "workers": _text(report.workers),
        "resumed": _text(report.resumed),
        "total": _text(_plain(report.total)),
        "datasets": _text({name: _plain(sums) for name, sums in report.by_dataset.items()}),
        "columns": _lines(_text(columns) for columns in report.files.columns),
        "files": _lines(files),
        "failures": _lines(_text(asdict(failure)) for failure in report.failures),
    }
    return "{\n" + ",\n".join(f'"{name}": {text}' for name, text in parts.items()) + "\n}\n"


def _plain(item: FileRecord | Sums) -> dict[str, Any]:
    plain = {field.name: getattr(item, field.name) for field in fields(item)}
    plain["wall"] = round(item.wall, _DECIMALS)
    plain["stages"] = {
        name: {"wall": round(stage.wall, _DECIMALS), "cpu": round(stage.cpu, _DECIMALS)}
        for name, stage in zip(STAGES, item.stages, strict=True)
    }
    return plain


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _lines(items: Iterable[str]) -> str:
    return "[\n" + ",\n".join(items) + "\n]"
