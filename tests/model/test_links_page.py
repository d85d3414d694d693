"""The page of links in the documentation is what the real files say."""

import importlib.util
from pathlib import Path

import pytest

from support import data

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.checkout


def test_the_page_is_up_to_date():
    spec = importlib.util.spec_from_file_location("make_links_page", ROOT / "tools" / "make_links_page.py")
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    page = tool.page([data.path_of(name) for name in (*data.REAL_TTREES, data.RNTUPLE)])
    assert (ROOT / "docs" / "reference" / "links.md").read_text() == page
