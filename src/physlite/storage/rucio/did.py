"""Names of data in Rucio."""

from __future__ import annotations

import re
from typing import NamedTuple

from physlite.text import cut

__all__ = ["Did", "parse_did"]

# Rucio's own rules (SCOPE and NAME in rucio/common/schema/generic.py of Rucio 41) without `/`, for other experiments.
_SCOPE = re.compile(r"[A-Za-z0-9._-]{1,25}", re.ASCII)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,249}", re.ASCII)

_URL = "rucio://"
_SHOWN = 80  # characters of a name that is refused


class Did(NamedTuple):
    """Scope and name of a file, a dataset or a container; as text `scope:name`."""

    scope: str
    name: str

    def __str__(self) -> str:
        return f"{self.scope}:{self.name}"


def parse_did(text: str | Did) -> Did:
    """The data identifier in `scope:name`, `rucio://scope:name` or, as usual in ATLAS, `name` alone.

    Without a scope it is what stands before the first dot of the name (`data17_13TeV.00327265.…` is in `data17_13TeV`),
    before the second one for names of users and groups (`user.jdoe.…` is in `user.jdoe`). A `/` at the end, as
    containers used to have, is dropped. So does Rucio's command line (`extract_scope_default` in
    rucio/common/utils.py).

    Raises:
        ValueError: no name that Rucio would take.
    """
    rest = str(text)
    if rest[: len(_URL)].lower() == _URL:
        rest = rest[len(_URL) :]
    scope, colon, name = rest.rpartition(":")
    name = name.removesuffix("/")
    if not colon:
        parts = name.split(".")
        scope = ".".join(parts[: 2 if parts[0] in ("user", "group") else 1])
    if not _SCOPE.fullmatch(scope) or not _NAME.fullmatch(name):
        msg = (
            f"{cut(str(text), _SHOWN)!r} is no name in Rucio: give scope:name, of letters, digits and any of ._-, "
            "as in rucio://mc20_13TeV:DAOD_PHYSLITE.01234567._000001.pool.root.1"
        )
        raise ValueError(msg)
    return Did(scope, name)
