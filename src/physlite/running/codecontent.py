"""What a function does, as its bytecode says: without line numbers, file names, docstrings, and places of constants."""

from __future__ import annotations

import dis
from bisect import bisect_left
from collections.abc import Iterator
from types import CodeType
from typing import Any

__all__ = ["content"]

_SILENT = {"CACHE", "EXTENDED_ARG", "NOP"}  # there for the interpreter, or for a line
_ABOUT = {"__doc__", "__firstlineno__", "__static_attributes__"}  # what a class says of itself
_NAMED = {*dis.hasconst, *dis.hasname, *dis.haslocal, *dis.hasfree, *dis.hascompare}
_JUMPS = {*dis.hasjrel, *dis.hasjabs}


def content(code: CodeType) -> tuple[Any, ...]:
    """Names, numbers and constants, nested: the same for code that does the same in the same way."""
    steps = list(_steps(code))
    offsets = [step.offset for step in steps]

    def place(offset: int) -> int:
        return bisect_left(offsets, offset)

    return (
        code.co_name,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
        code.co_varnames[: code.co_argcount + code.co_kwonlyargcount],
        code.co_freevars,
        tuple((step.opname, _argument(step, place)) for step in steps),
        tuple(
            (place(entry.start), place(entry.end), place(entry.target), entry.depth, entry.lasti)
            for entry in dis.Bytecode(code).exception_entries  # type: ignore[attr-defined]  # there since Python 3.11
        ),
    )


def _steps(code: CodeType) -> Iterator[dis.Instruction]:
    steps = [step for step in dis.get_instructions(code) if step.opname not in _SILENT]
    for at, step in enumerate(steps):
        after = steps[at + 1] if at + 1 < len(steps) else step
        if not any(each.opname == "STORE_NAME" and each.argval in _ABOUT for each in (step, after)):
            yield step


def _argument(step: dis.Instruction, place: Any) -> Any:
    if step.opcode in _JUMPS:
        return place(step.argval)
    if step.opcode not in _NAMED:
        return step.arg
    return content(step.argval) if isinstance(step.argval, CodeType) else step.argval
