"""As many files as are wanted, of which none is another one."""

import hashlib
from pathlib import Path

import physlite
from support import data


def another(content, number):
    """A file like that of these bytes, with a UUID of its own."""
    with physlite.open(content) as file:
        uuid = file.uuid.bytes
    at = content[:200].index(uuid)
    return content[:at] + hashlib.sha256(f"{number}".encode()).digest()[:16] + content[at + 16 :]


def many_files(folder, number, name="sample"):
    """Copies of a packaged sample with UUIDs of their own, as `folder/000.root` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    original = data.path_of(name) if name != "sample" else Path(physlite.sample())
    content = original.read_bytes()
    paths = [folder / f"{i:03d}.root" for i in range(number)]
    for i, path in enumerate(paths):
        path.write_bytes(another(content, i))
    return paths
