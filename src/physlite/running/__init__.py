"""Doing it a million times: what an analysis needs on many files and many machines."""
