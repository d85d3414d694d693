"""Files with secrets: only their owner may read them."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from physlite.exceptions import CredentialError

__all__ = ["own_folder", "private_folder", "read_small", "require_private", "write_private"]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_small(path: Path, most: int) -> tuple[bytes, os.stat_result]:
    """The content of a file, and whose it is and who may use it.

    Args:
        path: where it is.
        most: bytes; a larger one is not read.

    Raises:
        CredentialError: it is not a file, or too large.
        OSError: it cannot be opened.
    """
    # A pipe would wait for its writer.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        problem = ""
        if not stat.S_ISREG(status.st_mode):
            problem = "is not a file"
        elif status.st_size > most:
            problem = f"has {status.st_size} bytes, more than any proxy ({most}): is it the right file?"
        if problem:
            msg = f"{path}: {problem}"
            raise CredentialError(msg)
        with open(descriptor, "rb", closefd=False) as file:
            return file.read(most), status
    finally:
        os.close(descriptor)


def require_private(path: Path, status: os.stat_result) -> None:
    """Raises CredentialError for a file that others than its owner can use, as Globus and VOMS tools do."""
    if status.st_uid not in (os.geteuid(), 0):  # what administrators put there is as good as one's own
        problem = f"belongs to another user (uid {status.st_uid}): use a copy of your own"
    elif status.st_mode & _OTHERS:
        problem = f"can be used by others (mode {stat.S_IMODE(status.st_mode):04o}): `chmod 600 {path}`"
    else:
        return
    msg = f"{path}: {problem}"
    raise CredentialError(msg)


def private_folder() -> Path:
    """A folder of this user alone (mode 0700), made when it is not there.

    It is `physlite` in $XDG_RUNTIME_DIR, which systems with systemd make for each user and keep in memory, if that is
    this user's own (XDG Base Directory Specification; behind `su` it is not). Else it is `physlite-$UID` in the folder
    for temporary files.

    Raises:
        CredentialError: it is there, but a link, another user's, or open to others.
    """
    runtime = Path(os.environ.get("XDG_RUNTIME_DIR") or ".")
    if runtime.is_absolute() and runtime.is_dir() and runtime.stat().st_uid == os.geteuid():
        folder = runtime / "physlite"
    else:
        folder = Path(tempfile.gettempdir()) / f"physlite-{os.geteuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    # Others can write where temporary files are, so it may be theirs.
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid() or status.st_mode & _OTHERS:
        msg = f"{folder}: not a folder of yours with mode 0700, no place for secrets: remove it, or set XDG_RUNTIME_DIR"
        raise CredentialError(msg)
    return folder


def own_folder(folder: Path) -> Path:
    """A folder for what others should not change, made for this user alone (mode 0700) when it is not there.

    One that is there may be open to others, if it is this user's own.

    Raises:
        CredentialError: it is there, but somebody else's, or somebody else's link.
        OSError: it cannot be made.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    me = os.geteuid()
    # Administrators put links where disks are large.
    if folder.stat().st_uid != me or folder.lstat().st_uid not in (me, 0):
        msg = f"{folder}: this folder is somebody else's, who could read and change what is kept in it: name another"
        raise CredentialError(msg)
    return folder


def write_private(path: Path, content: bytes) -> Path:
    """Writes a file that its owner alone can read (mode 0600); it is there whole, or as it was before.

    Returns:
        Its absolute path.

    Raises:
        OSError: it cannot be written.
    """
    path = path.absolute()
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with open(descriptor, "wb") as file:  # noqa: PTH123  # as above
            file.write(content)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
