"""What comes back for a request of ranges: one part, several, or everything. All of it is to be distrusted.

Ranges and multipart answers are those of RFC 9110, sections 14 and 15.3.7.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

__all__ = [
    "MOST_RANGES",
    "BadAnswerError",
    "ContentRange",
    "content_range",
    "is_multipart",
    "parts",
    "range_header",
    "retry_after",
    "size_of_unsatisfied",
]

_CONTENT_RANGE = re.compile(r"\s*bytes\s+(\d{1,18})-(\d{1,18})/(\d{1,18}|\*)\s*", re.ASCII | re.IGNORECASE)
_BOUNDARY = re.compile(r"multipart/byteranges\s*;.*?\bboundary=(?:\"([^\"]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_MOST_LINES = 100  # before and in the headers of a part
_MOST_OF_A_LINE = 8192

# Servers take header lines of 8 kB (nginx, Apache) or 4 kB; one range is at most 2 × 18 digits, a dash and a comma.
_MOST_OF_A_HEADER = 4000
_A_RANGE = 38
MOST_RANGES = _MOST_OF_A_HEADER // _A_RANGE


class BadAnswerError(Exception):
    """An answer that is none; the message says what is wrong."""


class ContentRange(NamedTuple):
    """Which bytes a part of an answer is: `start` ≤ i < `stop` of `total`."""

    start: int
    stop: int
    total: int


def range_header(ranges: list[tuple[int, int]]) -> str:
    """The value of `Range` for ranges `start` ≤ i < `stop`."""
    return "bytes=" + ",".join(f"{start}-{stop - 1}" for start, stop in ranges)


def content_range(text: str | None) -> ContentRange:
    """What a `Content-Range` says.

    Raises:
        BadAnswerError: it is not there, or contradicts itself, or does not tell the size of the file.
    """
    match = _CONTENT_RANGE.fullmatch(text or "")
    if match is None:
        msg = f"a part with Content-Range {text!r}"
        raise BadAnswerError(msg)
    start, last, total = match.groups()
    if total == "*":
        msg = "a part of a file whose size the server does not tell"
        raise BadAnswerError(msg)
    out = ContentRange(int(start), int(last) + 1, int(total))
    if not out.start < out.stop <= out.total:
        msg = f"a part with Content-Range {text!r}"
        raise BadAnswerError(msg)
    return out


def size_of_unsatisfied(text: str | None) -> int | None:
    """The size of a file that an answer with status 416 tells in its `Content-Range`, if it does."""
    match = re.fullmatch(r"\s*bytes\s+\*/(\d{1,18})\s*", text or "", re.ASCII | re.IGNORECASE)
    return int(match[1]) if match else None


def retry_after(text: str | None) -> float:
    """Seconds that a `Retry-After` asks for, in either of its forms (RFC 9110, section 10.2.3); 0 without one."""
    if not text:
        return 0.0
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        then = parsedate_to_datetime(text)
        now = datetime.now(UTC) if then.tzinfo else datetime.now(UTC).replace(tzinfo=None)
        return max((then - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return 0.0


def is_multipart(headers: Mapping[str, str]) -> bool:
    """Whether an answer says that it has several parts."""
    return headers.get("Content-Type", "").lstrip().lower().startswith("multipart/byteranges")


async def parts(answer: aiohttp.ClientResponse) -> AsyncIterator[ContentRange]:
    """The parts of an answer with status 206, each before its bytes, which then have to be read from `answer.content`.

    Raises:
        BadAnswerError: the answer is not made as it should be.
    """
    if not is_multipart(answer.headers):
        yield content_range(answer.headers.get("Content-Range"))
        return
    found = _BOUNDARY.match(answer.headers["Content-Type"].lstrip())
    if found is None:
        msg = "several parts without a boundary"
        raise BadAnswerError(msg)
    boundary = b"--" + (found[1] or found[2]).encode()
    while True:
        for _ in range(_MOST_LINES):
            line = await _line(answer.content)
            if line in (boundary, boundary + b"--"):
                break
        else:
            msg = "parts without the boundary between them"
            raise BadAnswerError(msg)
        if line != boundary:
            return
        yield content_range(await _its_range(answer.content))


async def _its_range(content: aiohttp.StreamReader) -> str | None:
    """The Content-Range of a part; reads its headers, and the empty line behind them."""
    out = None
    for _ in range(_MOST_LINES):
        line = await _line(content)
        if not line:
            return out
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-range":
            out = value.decode("latin-1")
    msg = "a part with too many headers"
    raise BadAnswerError(msg)


async def _line(content: aiohttp.StreamReader) -> bytes:
    """A line without its end."""
    try:
        line = await content.readuntil(b"\n")
    except (ValueError, HttpProcessingError):  # more than it keeps in memory
        line = b"." * (_MOST_OF_A_LINE + 1)
    if len(line) > _MOST_OF_A_LINE:
        msg = "a part with a header that does not end"
        raise BadAnswerError(msg)
    if not line.endswith(b"\n"):
        msg = "an answer that ends within its parts"
        raise BadAnswerError(msg)
    return line.rstrip(b"\r\n")
