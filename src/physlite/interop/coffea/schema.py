"""The schema that stands for our events, where coffea asks for one."""

from __future__ import annotations

from coffea.nanoevents import PHYSLITESchema as CoffeaSchema

__all__ = ["CoffeaSchema", "PHYSLITESchema"]


class PHYSLITESchema(CoffeaSchema):
    """Events of DAOD_PHYSLITE for `NanoEventsFactory.from_root(…, schemaclass=PHYSLITESchema)` and coffea's `Runner`.

    They are those of `physlite.events`, with the names of coffea's schema where it has others. Trees and RNTuples are
    read alike, a link to what is not in the file is None. The class says no more than that: files say themselves of
    which classes their objects are, so that `mixins` and `truth_collections` are not asked.

    Arguments of `from_root` mean what they mean in coffea: `mode`, `entry_start`, `entry_stop`, `metadata`, `preload`,
    `access_log`, `treepath`, `steps_per_file`; of `uproot_options` only `num_workers`, the threads that decode. The
    others say how uproot reads, which does not read here. `from_parquet` and `from_preloaded` are coffea's own.
    """
