"""The user's code on its way to workers, and results on their way back.

What the user wrote goes by value: functions, classes and modules whose source is not installed, so that workers need
neither the files nor a common file system. Also modules that are imported inside functions, as long as the import is
written there. Installed packages go by name, and have to be installed on the workers.

On a worker, what arrived is seen by code that arrived with it, and by nobody else. `import helpers` in such code is the
module that was sent, whatever the worker has by that name; runs with different versions of it do not meet. What looks
modules up by a name that is made at run time (`importlib.import_module(text)`, `sys.modules[text]`) finds the
worker's own modules first, and what arrived last only if the worker has none of that name.

Pickles are programs: unpack and load only what comes from those you trust.
"""

from __future__ import annotations

import hashlib
import socket
import threading
from collections import OrderedDict
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from physlite.exceptions import CodeError
from physlite.running.codebehavior import register, registered
from physlite.running.codeblame import culprit
from physlite.running.codepickling import CodePickler, CodeUnpickler, ResultPickler, Soundness, pickled
from physlite.running.codepieces import Shipment
from physlite.running.codeversions import Versions, check_versions, versions
from physlite.storage.perprocess import PerProcess

__all__ = ["PackedCode", "check_versions", "dumps", "loads", "pack", "unpack", "versions"]

_NOT_SENT = "the analysis cannot be sent to workers"
_NOT_BACK = "the result cannot be sent back"
_MOST = 8  # shipments that a process keeps


class PackedCode(NamedTuple):
    """An analysis as it is sent.

    Attributes:
        code: its pickle.
        versions: of what it was made with.
        token: the SHA-256 of the pickle, in hexadecimal.
    """

    code: bytes
    versions: Versions
    token: str

    def __repr__(self) -> str:
        return f"<PackedCode {self.token[:12]}, {len(self.code)} bytes>"  # data of the user is in the pickle


def pack(analysis: object, extra: object = None) -> PackedCode:
    """An analysis, ready to be sent to other processes and machines.

    Modules of the user that functions import when they run are imported, as the analysis would do. What is registered
    in `ak.behavior` goes along.

    Args:
        analysis: a function, class, or any object that is called, with what it refers to.
        extra: what goes with it and shares its code.

    Raises:
        CodeError: something in it cannot be pickled, or is the user's own and compiled; the message names it.
    """
    try:
        code = pickled((analysis, extra, registered(Soundness())))
    except Exception as error:  # noqa: BLE001  # objects raise what they like
        value = analysis if Soundness()(extra) else extra
        # Not as its cause: what others say of a value may show it.
        raise _refusal(_NOT_SENT, value, error) from None
    return PackedCode(code, versions(), hashlib.sha256(code).hexdigest())


_unpacking = PerProcess(threading.RLock)
_unpacked: OrderedDict[str, tuple[object, object]] = OrderedDict()


def unpack(packed: PackedCode) -> Any:
    """The analysis, where it arrives: unpickled once, and kept for the next time by its token.

    All tasks and threads of a process share it, as they would share a module. In the process that has packed it, its
    functions, classes and modules are the originals.

    Returns:
        The analysis; if something extra was packed with it, the pair of both.

    Raises:
        CodeError: versions do not fit, or a package is missing.
    """
    check_versions(packed.versions, "the machine that has sent the analysis")
    with _unpacking.get():
        if packed.token not in _unpacked:
            analysis, extra, behavior = _load(packed.code, Shipment(packed.token, {}))
            register(behavior)
            _unpacked[packed.token] = analysis, extra
            while len(_unpacked) > _MOST:
                _unpacked.popitem(last=False)
        _unpacked.move_to_end(packed.token)
        analysis, extra = _unpacked[packed.token]
    return analysis if extra is None else (analysis, extra)


def dumps(value: object) -> bytes:
    """A result, as it is sent back. Classes and functions that came with the analysis are named in it, not sent.

    Raises:
        CodeError: it cannot be pickled; the message names the part.
    """
    try:
        return pickled(value, ResultPickler)
    except Exception as error:  # noqa: BLE001  # objects raise what they like
        raise _refusal(_NOT_BACK, value, error, ResultPickler) from None


# Of results: what code that was sent has made when it ran, such as classes that are defined in a function.
_made: WeakValueDictionary[str, Any] = WeakValueDictionary()


def loads(content: bytes) -> Any:
    """A result, where it arrives: its classes are those the analysis was packed with, or was unpacked with here.

    In a process that has done neither, they are looked up by name.

    Raises:
        CodeError: a class is not here, or a package is missing.
    """
    return _load(content, Shipment("", _made))


def _load(content: bytes, shipment: Shipment) -> Any:
    try:
        value = CodeUnpickler(content, shipment).load()
    except CodeError:
        raise
    except Exception as error:
        if shipment.absent:
            raise CodeError(shipment.absent[0].message) from error
        msg = f"what was sent cannot be made on {socket.gethostname()}: {type(error).__name__}, raised by a "
        msg += "`__reduce__` or `__setstate__` of what is in it"
        raise CodeError(msg) from error
    shipment.publish()
    return value


def _refusal(what: str, value: Any, error: Exception, pickler: type[CodePickler] = CodePickler) -> CodeError:
    if isinstance(error, CodeError):
        return CodeError(f"{what}: {error}")
    found = culprit(value, Soundness(pickler))
    remedy = "make it inside the function" if what == _NOT_SENT else "return numbers, histograms or arrays of it"
    return CodeError(f"{what}: {found} cannot be pickled: {remedy}")
