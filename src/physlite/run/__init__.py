"""Doing it a million times: what an analysis needs on many machines."""
