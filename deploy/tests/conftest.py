"""What is not there fails where everything must run."""

from support.unskipped import pytest_make_collect_report, pytest_runtest_makereport

__all__ = ["pytest_make_collect_report", "pytest_runtest_makereport"]  # pytest calls them
