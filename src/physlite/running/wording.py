"""Times, numbers, rates and names in few characters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from physlite.text import cut

__all__ = ["count", "distinct", "duration", "frequency"]

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_TENTHS_BELOW = 9.95  # seconds: what rounds to 10 has no decimals


def duration(seconds: float) -> str:
    """A time: `1.2s`, `12s`, `1m23s`, `1h23m`, `2d3h`."""
    if seconds < _TENTHS_BELOW:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR}h"


def count(number: float) -> str:
    """A number with three digits: `123`, `1.23k`, `12.3M`."""
    return _scaled(number, ("", "k", "M", "G", "T"))


def frequency(per_second: float) -> str:
    """A rate with three digits: `123 Hz`, `1.23 kHz`."""
    return _scaled(per_second, (" Hz", " kHz", " MHz", " GHz"))


def _scaled(number: float, units: Sequence[str]) -> str:
    unit, *larger = units
    if number < 999.5:  # noqa: PLR2004  # what rounds to 1000 is of the next unit
        return f"{number:.0f}{unit}"
    for unit in larger:  # noqa: B007  # the last one is for all that is larger
        number /= 1000
        if number < 999.5:  # noqa: PLR2004  # as above
            break
    # As many decimals as make three digits.
    decimals = 2 if number < 9.995 else 1 if number < 99.95 else 0  # noqa: PLR2004
    return f"{number:.{decimals}f}{unit}"


def distinct(names: Sequence[str], width: int) -> list[str]:
    """Names of at most `width` characters; where that would make some the same, what the long ones begin with goes."""
    shown = [cut(name, width) for name in names]
    if len(set(shown)) == len(set(names)):
        return shown
    long = [name for name in names if len(name) > width]
    alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(min(long), max(long), strict=False))
    common = "".join(letter for letter, _ in alike)
    begin = max(common.rfind(mark) for mark in ".:_/") + 1
    return [cut(f"…{name[begin:]}" if len(name) > width else name, width) for name in names]
