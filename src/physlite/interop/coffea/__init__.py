"""Events for coffea: its factory, processors and names, on columns that are read here.

Of coffea is relied on, from 2025.7 on:

- `NanoEventsFactory.from_root` takes a schema class and makes a factory with `events()`; it is replaced by a function
  that does the same for all other schemas. Whoever loads the schema, as a worker that unpickles it, loads this package.
- `processor.Runner` takes schemas that are subclasses of `BaseSchema`, calls `from_root` with a directory of uproot and
  a range of entries, and reads `branch` and `buffer_key` of what is in the `access_log`.
- `PHYSLITESchema` is an attribute of `coffea.nanoevents` and `coffea.nanoevents.schemas`.
"""

from __future__ import annotations

from physlite.interop.coffea import entrance, names

entrance.install()
names.register()
