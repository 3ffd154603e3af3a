"""What an error of RocksDB's means: the store is in use, it is damaged, or the machine could not serve it.

Only what is damaged is emptied and folded anew. Files without a fault are kept when there were too many open ones, no
space left or no right to them: at ten million numbers folding anew takes long, and would fail of the same.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from rocksdict import Rdict, ReadOptions

# "While lock file …", "lock hold by current process": a damaged *block* is something else.
_IN_USE = re.compile(r"\block (file|hold)")
_OF_CONTENT = ("Corruption:", "Invalid argument:", "Not implemented:")
"""Statuses that tell of what the files hold: damaged, or written with other families or by another version."""
_MISSING = "No such file or directory"
_MARK = "DAMAGED"


class StoreInUse(Exception):
    """Another process has the store open."""


class StoreFailed(Exception):
    """A store cannot be opened, read or written, and is left as it is.

    The text is RocksDB's status: what it was doing, a file's path, the system's error. It holds no keys and no values:
    those RocksDB leaves out unless `allow_data_in_errors` is set.
    """

    safe_to_log = True


def is_in_use(error: Exception) -> bool:
    """Whether RocksDB could not open a directory because somebody has it open."""
    return _IN_USE.search(str(error)) is not None


def is_damaged(error: Exception) -> bool:
    """Whether RocksDB says that files are damaged, not its own or missing.

    An I/O error tells nothing of them, also when it comes inside another status ("Invalid argument: … IO error: While
    open a file for random read: …/CURRENT: Too many open files").
    """
    text = str(error)
    return _MISSING in text if "IO error" in text else text.startswith(_OF_CONTENT)


def rows_from(database: Rdict, first: bytes, options: ReadOptions) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values in order. What RocksDB meets on its way is raised.

    Rdict.items() ends at a damaged block as if nothing came after it, and says nothing.
    """
    rows = database.iter(options)
    try:
        rows.seek(first)
        while rows.valid():
            yield rows.key(), rows.value()
            rows.next()
        rows.status()
    finally:
        del rows  # an error's traceback would keep it, and a database is in use as long as it lives


@contextlib.contextmanager
def named_failures(directory: Path) -> Iterator[None]:
    """What RocksDB raises within comes out as StoreFailed; `open_or_empty` will empty a store found damaged here."""
    try:
        yield
    except Exception as error:
        # rocksdict raises nothing narrower: any other error is not RocksDB's, and its text may repeat a record.
        if type(error) is not Exception:
            raise
        if is_damaged(error):
            with contextlib.suppress(OSError):
                (directory / _MARK).touch()
        raise StoreFailed(str(error)) from error


def open_or_empty(directory: Path, attempt: Callable[[], Rdict]) -> tuple[Rdict, str]:
    """The database that `attempt` opens in a directory, and why that was emptied before, "" if it was not.

    Raises StoreInUse, StoreFailed.
    """
    why = ""
    while True:
        try:
            directory.mkdir(parents=True, exist_ok=True)
            database = attempt()
        except Exception as error:
            if is_in_use(error):
                raise StoreInUse(f"another process uses {directory}") from error
            if why or not is_damaged(error):
                raise StoreFailed(f"{directory}: {error}") from error
            why = str(error)
        else:
            if why or not (directory / _MARK).exists():
                return database, why
            database.close()
            why = "a damaged file was met when it was used last"
        shutil.rmtree(directory)
