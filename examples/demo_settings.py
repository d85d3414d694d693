"""Where the demo notebook has its data and its servers: at CERN, or on this machine.

A cluster comes from the Dask Gateway of Dask's own configuration, as a JupyterHub sets it up, or from
`DASK_GATEWAY__ADDRESS`.
"""

from __future__ import annotations

import os
from typing import NamedTuple

__all__ = ["Site", "site"]


class Site(NamedTuple):
    """What differs from place to place.

    Attributes:
        rucio: the Rucio server.
        auth: the server that takes the proxy.
        account: the account there.
        rses: RSE expression of where files are read: those that give signed URLs.
        dataset: what is analysed.
        files: how many files of it.
        workers: of the cluster.
    """

    rucio: str
    auth: str
    account: str
    rses: str
    dataset: str
    files: int
    workers: int


def site(name: str) -> Site:
    """The settings of `cern`, to be changed to your account and your dataset, or of `local`, as the environment says.

    Raises:
        KeyError: a variable that `local` needs is not set, or another name.
    """
    return {"cern": _cern, "local": _local}[name]()


def _cern() -> Site:
    return Site(
        rucio="https://voatlasrucio-server-prod.cern.ch:443",
        auth="https://voatlasrucio-auth-prod.cern.ch:443",
        account=os.environ.get("RUCIO_ACCOUNT", "jdoe"),
        rses="sign_url=gcs",
        dataset="mc20_13TeV.410470.PhPy8EG_A14_ttbar_hdamp258p75_nonallhad.deriv.DAOD_PHYSLITE."
        "e6337_s3681_r13167_r13146_p6697",
        files=50,
        workers=50,
    )


def _local() -> Site:
    server = os.environ["PHYSLITE_DEMO_RUCIO"]
    return Site(
        rucio=server,
        auth=server,
        account=os.environ["RUCIO_ACCOUNT"],
        rses="sign_url=s3",
        dataset=os.environ["PHYSLITE_DEMO_DATASET"],
        files=6,
        workers=2,
    )
