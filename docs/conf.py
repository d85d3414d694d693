"""Sphinx configuration: Markdown pages, the API from docstrings, nothing from the network."""

import inspect
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import physlite

project = "physlite"
author = "the physlite developers"
copyright = f"2026, {author}"
version = release = physlite.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build", "explanation/last-run.md"]  # part of another page
html_theme = "furo"
html_title = f"physlite {release}"

autodoc_member_order = "bysource"
napoleon_use_ivar = True  # an attribute in a docstring is not documented a second time
# Optional, and large: nothing of them is shown.
autodoc_mock_imports = ["cryptography", "distributed", "ipywidgets", "rucio"]
autodoc_typehints_format = "short"
default_role = "code"  # docstrings write `name`, as Markdown does
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# What the commands' help marks as lines to keep: those behind a line with a backspace, up to an empty one.
_KEPT_LINES = re.compile(r"^ *\x08\n((?: +\S.*\n)+)", re.MULTILINE)


def write_cli_page(_app: object) -> None:
    """The command line's reference, from the commands themselves."""
    page = Path(__file__).parent / "_build" / "cli.md"
    page.parent.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "typer", "physlite.cli", "utils", "docs", "--name", "physlite"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    page.write_text(_KEPT_LINES.sub(lambda match: f"```sh\n{textwrap.dedent(match[1])}```\n", text))


def keep_prose(_app: object, what: str, _name: str, obj: object, _options: object, lines: list[str]) -> None:
    """Napoleon takes what stands in front of a property's first colon for its type; here it is prose."""
    if what == "property" and obj.__doc__:
        lines[:] = [*inspect.cleandoc(obj.__doc__).splitlines(), ""]


def setup(app: object) -> None:
    """Called by Sphinx."""
    app.connect("builder-inited", write_cli_page)  # type: ignore[attr-defined]
    app.connect("autodoc-process-docstring", keep_prose, priority=900)  # type: ignore[attr-defined]  # after napoleon
