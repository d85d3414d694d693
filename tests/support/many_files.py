"""As many files as are wanted, of which none is another one."""

import hashlib
import shutil
from pathlib import Path

import physlite
from support import data


def many_files(folder, number, name="sample"):
    """Copies of a packaged sample with UUIDs of their own, as `folder/000.root` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    original = data.path_of(name) if name != "sample" else Path(physlite.sample())
    uuid = physlite.open(original).uuid.bytes
    at = original.read_bytes()[:200].index(uuid)
    paths = []
    for i in range(number):
        path = folder / f"{i:03d}.root"
        shutil.copyfile(original, path)
        with path.open("r+b") as file:
            file.seek(at)
            file.write(hashlib.sha256(f"{i}".encode()).digest()[:16])
        paths.append(path)
    return paths
