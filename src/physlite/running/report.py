"""What a run took, to be looked at: in a notebook, on a terminal, as JSON and as a picture."""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

from physlite.running.account import Account

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["Report"]


class Report(Account):
    """What a run took, and what it could not do.

    Its numbers are those of `Account`; args as there. Nothing in it gives access to files.
    """

    def _repr_html_(self) -> str:
        from physlite.running.reporthtml import html

        return html(self)

    def show(self) -> None:
        """Prints tables of datasets, stages, failures and the slowest files.

        On a terminal they are as wide as that; elsewhere names and errors are printed in full.
        """
        from physlite.running.reportshow import show

        show(self)

    def to_json(self) -> str:
        """Everything, as JSON, with all files.

        An object with the keys `wall`, `workers`, `resumed`, `total`, `datasets` (sums by name), `columns` (the
        different sets of columns that were read), `files` and `failures`. What is in them has the names of its
        attributes here, but that a file's `columns` says which set, counted from 0, and stages are objects by name with
        `wall` and `cpu`. Times are in seconds, to the microsecond.
        """
        from physlite.running.reportjson import to_json

        return to_json(self)

    def plot(self, path: str | PathLike[str] | None = None) -> Figure:
        """Draws where the time went in each dataset, and how fast files were. Needs `pip install 'physlite[plot]'`.

        Args:
            path: where to write the picture; its suffix is the format. Without, a notebook shows it when the cell ends.

        Returns:
            The figure, as of matplotlib. It is not one of pyplot's: nothing has to be closed.

        Raises:
            ImportError: there is no matplotlib.
        """
        from physlite.running.reportplot import draw

        figure = draw(self)
        if path is None:
            figure.show_when_the_cell_ends()
        else:
            figure.savefig(path)
        return figure
