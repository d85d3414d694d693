"""Sphinx configuration: Markdown pages, the API from docstrings, nothing from the network."""

import subprocess
import sys
from pathlib import Path

import physlite

project = "physlite"
author = "the physlite developers"
copyright = f"2026, {author}"
version = release = physlite.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"physlite {release}"

autodoc_member_order = "bysource"
napoleon_use_ivar = True  # an attribute in a docstring is not documented a second time
autodoc_typehints_format = "short"
default_role = "code"  # docstrings write `name`, as Markdown does
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3


def write_cli_page(_app: object) -> None:
    """The command line's reference, from the commands themselves."""
    page = Path(__file__).parent / "_build" / "cli.md"
    page.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "typer", "physlite.cli", "utils", "docs", "--name", "physlite"]
    page.write_text(subprocess.run(command, check=True, capture_output=True, text=True).stdout)  # noqa: S603


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", write_cli_page)  # type: ignore[attr-defined]
