"""`python -m physlite` is `physlite`, also where the script is not on the path."""

from __future__ import annotations

from physlite.cli import main

main()
