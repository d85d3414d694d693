"""What is printed: the cutflow of each process, and the fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import peak

from physlite.analysis import CutflowTable

__all__ = ["cutflow_table", "fit_table", "with_error"]

FIRST, OTHERS = 30, 22  # characters
# Formulas of the plots, as text.
PLAIN = ((r"\to", "→"), (r"\mu", "μ"), (r"\bar{t}", "t̄"), ("$", ""), (" ", ""))


def cutflow_table(channel: str, processes: Mapping[str, Any]) -> str:
    """How many events of each process are left after each step."""
    table = CutflowTable({_plain(name): value["cutflow"][channel] for name, value in processes.items()})
    return f"{channel}: events\n{table}\n"


def fit_table(fits: Mapping[str, peak.Fit]) -> str:
    """The parameters of each fit, with their uncertainties."""
    rows = [_row("fit of the peak", list(fits))]
    rows += [_row(name, [with_error(fit, name) for fit in fits.values()]) for name in peak.PARAMETERS]
    rows.append(_row("chi2 / degrees of freedom", [f"{fit.chi2:.1f} / {fit.degrees}" for fit in fits.values()]))
    rows.append(_row("converged", ["yes" if fit.converged else "NO" for fit in fits.values()]))
    return "".join(rows)


def with_error(fit: peak.Fit, name: str) -> str:
    """A parameter and its uncertainty, if it has one."""
    error = fit.errors[name]
    return f"{fit.values[name]:.2f} {f'± {error:.2f}' if error else '(fixed)'}"


def _row(first: str, others: list[str]) -> str:
    return first.ljust(FIRST) + "".join(other.rjust(OTHERS) for other in others) + "\n"


def _plain(name: str) -> str:
    for formula, text in PLAIN:
        name = name.replace(formula, text)
    return name
