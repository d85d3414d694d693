"""Numbers of random examples, for tests whose single example takes long."""

from hypothesis import settings

# Loaded by conftest.py, before any test module.
FEWER = settings(max_examples=max(settings.default.max_examples // 5, 10))
