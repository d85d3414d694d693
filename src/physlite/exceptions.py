"""What can go wrong, as few classes as will do; each is also the builtin exception that fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from physlite.running.records import FileFailure
    from physlite.running.report import Report

__all__ = [
    "AddingError",
    "AnalysisError",
    "BadFilesError",
    "BadLinkError",
    "CodeError",
    "ColumnNotFoundError",
    "ConfigurationError",
    "ConversionError",
    "CorruptDataError",
    "CredentialError",
    "DatasetNotFoundError",
    "EntryRangeError",
    "FileChangedError",
    "FriendError",
    "JournalError",
    "MetadataNotFoundError",
    "MissingFieldWarning",
    "MixedTagsWarning",
    "NoFriendWarning",
    "NotAnEventFileError",
    "PhysliteError",
    "SameFileWarning",
    "ScaleFactorError",
    "SelectionError",
    "StaleManifestError",
    "TransferError",
    "TriggerNotFoundError",
    "UnknownLinkWarning",
    "UnreadableColumnError",
    "UnsupportedFormatError",
    "WorkingPointWarning",
]


_LINE_BREAKS = str.maketrans({"\n": "\\n", "\r": "\\r"})


class PhysliteError(Exception):
    """Base of all errors that are about files and their content. Their messages are one line."""

    def __str__(self) -> str:
        # Names come from the file.
        return str(self.args[0] if self.args else "").translate(_LINE_BREAKS)


class CorruptDataError(PhysliteError, ValueError):
    """Bytes contradict their format: the file is truncated, damaged, or not what it claims to be."""


class UnsupportedFormatError(PhysliteError, NotImplementedError):
    """The file is sound, but of a version or variant that is not known here."""


class NotAnEventFileError(PhysliteError, ValueError):
    """A ROOT file without the event tree."""


class UnreadableColumnError(PhysliteError, NotImplementedError):
    """A column that can be listed but not read."""


class ColumnNotFoundError(PhysliteError, KeyError):
    """No column of this name."""


class ConfigurationError(PhysliteError, ValueError):
    """Nothing says which server to ask; the message tells where that can be said."""


class ConversionError(PhysliteError, ValueError):
    """A conversion that cannot be made: files that do not fit together, or masks that do not fit the events."""


class EntryRangeError(PhysliteError, IndexError):
    """An entry range that does not lie in the file."""


class MetadataNotFoundError(PhysliteError, LookupError):
    """The file does not say what was asked about it."""


class SelectionError(PhysliteError, ValueError):
    """A working point that does not exist, or a definition of objects that cannot be understood."""


class StaleManifestError(PhysliteError, ValueError):
    """A saved manifest that belongs to another file, or to another version of this package."""


class TriggerNotFoundError(PhysliteError, KeyError):
    """No trigger chain, item or menu of this name or key."""


class BadLinkError(PhysliteError, IndexError):
    """An element link whose index its target container does not have."""


class TransferError(PhysliteError, ConnectionError):
    """A server that cannot be reached, or that does not answer as it should, after all attempts."""


class FileChangedError(PhysliteError, OSError):
    """The file was replaced while it was read."""


class CredentialError(PhysliteError, PermissionError):
    """No credential, or one that has expired, is incomplete or is not accepted."""


class DatasetNotFoundError(PhysliteError, FileNotFoundError):
    """No such dataset or file in the catalogue, or no replica of it that can be read."""


class AddingError(PhysliteError, TypeError):
    """Results of an analysis that do not add up."""


class AnalysisError(PhysliteError, RuntimeError):
    """An analysis that fails on some events; the message says on which, a note has the traceback."""


class BadFilesError(PhysliteError, OSError):
    """Files that could not be processed.

    Attributes:
        failures: of each, which one and why.
        report: what the run took; None where it did not come so far.
    """

    def __init__(self, message: str, failures: Sequence[FileFailure] = (), report: Report | None = None) -> None:
        super().__init__(message)
        self.failures = tuple(failures)
        self.report = report

    def __reduce__(self) -> tuple[type[BadFilesError], tuple[str, tuple[FileFailure, ...], Report | None]]:
        return BadFilesError, (str(self.args[0]), self.failures, self.report)


class JournalError(PhysliteError, ValueError):
    """A journal that belongs to another analysis or other files, or that somebody else is using."""


class CodeError(PhysliteError, RuntimeError):
    """An analysis that cannot be sent to workers, or that does not fit what is installed there."""


class ScaleFactorError(PhysliteError, ValueError):
    """A scale factor that these objects do not have: they are out of its range, or there is no such variation."""


class FriendError(PhysliteError, ValueError):
    """Columns from elsewhere that do not fit the events: the message names the event, or the key."""


class UnknownLinkWarning(UserWarning):
    """Element links to a container whose name is not known: they come out as None."""


class MixedTagsWarning(UserWarning):
    """Metadata of files that were processed differently are added up."""


class MissingFieldWarning(UserWarning):
    """A field of linked objects that those in their container do not have: it comes out as None."""


class WorkingPointWarning(UserWarning):
    """A working point that nothing passes, since the file seems not to store it."""


class NoFriendWarning(UserWarning):
    """A friend that has none of the events for which its columns are asked, but those of other runs."""


class SameFileWarning(UserWarning):
    """A file is in a run under two names, or two that were made of it are in a sum or a dataset: it counts twice."""
