"""Where everything must run, as in continuous integration ($CI is true), a test that skips itself has failed."""

import os

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport():
    return _judged((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report():
    return _judged((yield))


def _judged(report):
    if report.outcome == "skipped" and os.environ.get("CI") == "true":
        report.outcome = "failed"
        _, _, reason = report.longrepr
        report.longrepr = f"{reason} (and CI=true: nothing may be skipped)"
    return report
