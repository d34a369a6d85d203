"""A database in the small: checksummed pages, of which a transaction always changes two, and the log that it writes first.

The amounts of all accounts add up to the header's total whenever no transaction is under way. Data file: a header page
and one page for each account, 512 bytes each; log: a header and one record for each transaction, 64 bytes each. Each page
and record ends with its CRC-32. The form is made up.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

PAGE = 512
RECORD = 64
_HEADER = struct.Struct("<4s16sQQqI")  # magic, database, sequence before and after the transaction, total, accounts
_ACCOUNT = struct.Struct("<4sIQq")  # magic, number, sequence, amount
_LOG = struct.Struct("<4s16sQQ")  # magic, database, sequence up to which it was cut, sequence of the last full backup
_CHANGE = struct.Struct("<4sQIIqq")  # magic, sequence, two accounts, their amounts afterwards
_CRC = struct.Struct("<I")

ACCOUNTS = 16
_AMOUNT = 1000


class InconsistentDataError(Exception):
    """Files that do not belong together: what a copy is that was made while a writer was at work."""


@dataclass(frozen=True, slots=True)
class DatabaseState:
    """What a consistent database holds.

    Attributes:
        database: which database.
        sequence: the number of its last transaction.
        amounts: what each account has.
    """

    database: UUID
    sequence: int
    amounts: tuple[int, ...]


class Change(NamedTuple):
    """A log record: a transaction, and what the two accounts have after it."""

    sequence: int
    accounts: tuple[int, int]
    amounts: tuple[int, int]


class Log(NamedTuple):
    """A log file's content: the transactions after ``base``, without a gap."""

    database: UUID
    base: int
    full: int
    changes: tuple[Change, ...]

    @property
    def last(self) -> int:
        return self.base + len(self.changes)


def _sealed(content: bytes, size: int) -> bytes:
    # filled, so that a torn page shows
    body = content + bytes([content[-1] ^ 0x5A]) * (size - _CRC.size - len(content))
    return body + _CRC.pack(zlib.crc32(body))


def _opened(page: bytes, size: int, magic: bytes, what: str) -> bytes:
    if len(page) != size or _CRC.unpack(page[-4:])[0] != zlib.crc32(page[:-4]) or page[:4] != magic:
        raise InconsistentDataError(f"{what} is damaged")
    return page


def _log_header(database: UUID, base: int, full: int) -> bytes:
    return _sealed(_LOG.pack(b"VSLG", database.bytes, base, full), RECORD)


def _account(number: int, sequence: int, amount: int) -> bytes:
    return _sealed(_ACCOUNT.pack(b"VSPG", number, sequence, amount), PAGE)


def _header(database: UUID, before: int, after: int, total: int, accounts: int) -> bytes:
    return _sealed(_HEADER.pack(b"VSDB", database.bytes, before, after, total, accounts), PAGE)


def read_log(path: str | PathLike[str]) -> Log:
    """Reads a log file. Raises ``InconsistentDataError``, ``OSError``."""
    content = Path(fspath(path)).read_bytes()
    parts = [content[i : i + RECORD] for i in range(0, len(content), RECORD)] or [b""]
    _, database, base, full = _LOG.unpack_from(_opened(parts[0], RECORD, b"VSLG", f"the head of {path}"))
    changes = []
    for number, part in enumerate(parts[1:], 1):
        _, sequence, *rest = _CHANGE.unpack_from(_opened(part, RECORD, b"VSLR", f"record {number} of {path}"))
        if sequence != base + number:
            raise InconsistentDataError(f"record {number} of {path} is transaction {sequence}, not {base + number}")
        changes.append(Change(sequence, (rest[0], rest[1]), (rest[2], rest[3])))
    return Log(UUID(bytes=database), base, full, tuple(changes))


class _Data:
    """A data file as it is read: pages that are damaged are None."""

    def __init__(self, path: Path) -> None:
        content = path.read_bytes()
        head = _opened(content[:PAGE], PAGE, b"VSDB", f"the head of {path}")
        _, database, self.before, self.after, self.total, count = _HEADER.unpack_from(head)
        self.database = UUID(bytes=database)
        self.pages: list[tuple[int, int] | None] = []  # sequence, amount
        for number in range(count):
            page = content[PAGE * (number + 1) : PAGE * (number + 2)]
            try:
                _, found, sequence, amount = _ACCOUNT.unpack_from(_opened(page, PAGE, b"VSPG", "a page"))
            except InconsistentDataError:
                self.pages.append(None)
            else:
                self.pages.append((sequence, amount) if found == number else None)

    def write(self, path: Path, sequence: int) -> None:
        pages = [_header(self.database, sequence, sequence, self.total, len(self.pages))]
        pages += [_account(number, *page) for number, page in enumerate(self.pages) if page is not None]
        path.write_bytes(b"".join(pages))


def check_pages(data: str | PathLike[str], log: str | PathLike[str] | None = None) -> DatabaseState:
    """Proves a data file consistent from what is in it: checksums, sequence numbers, the sum of all accounts.

    Args:
        data: the data file.
        log: its log, which has to end with the data file's last transaction; None: there is none to look at.

    Raises:
        InconsistentDataError: it is not; it says what is wrong.
        OSError: a file cannot be read.
    """
    path = Path(fspath(data))
    found = _Data(path)
    if found.before != found.after:
        raise InconsistentDataError(f"{path}: transaction {found.before} was under way")
    pages = []
    for number, page in enumerate(found.pages):
        if page is None:
            raise InconsistentDataError(f"{path}: page {number} is damaged")
        if page[0] > found.after:
            raise InconsistentDataError(f"{path}: page {number} is of transaction {page[0]}, behind the last one")
        pages.append(page)
    if (total := sum(amount for _, amount in pages)) != found.total:
        raise InconsistentDataError(f"{path}: the accounts add up to {total}, not to {found.total}")
    if log is not None:
        entries = read_log(log)
        if entries.database != found.database:
            raise InconsistentDataError(f"{log} is another database's")
        if entries.last != found.after:
            raise InconsistentDataError(f"{path} ends with transaction {found.after}, {log} with {entries.last}")
        latest = {account: change for change in entries.changes for account in change.accounts}
        for account, change in latest.items():
            if pages[account] != (change.sequence, change.amounts[change.accounts.index(account)]):
                raise InconsistentDataError(f"{path}: page {account} is not what {log} says")
    return DatabaseState(found.database, found.after, tuple(amount for _, amount in pages))


def recover_pages(
    data: str | PathLike[str],
    logs: Iterable[str | PathLike[str]],
    *,
    new_log: str | PathLike[str] | None = None,
    until: int | None = None,
) -> DatabaseState:
    """Rolls a data file forward by logs, and checks what it is then.

    Args:
        data: the data file; it is written.
        logs: logs without a gap between them, oldest first; each may begin before the data file's state.
        new_log: where an empty log is written that goes with the result; None: nowhere.
        until: the last transaction to roll forward; None: all.

    Raises:
        InconsistentDataError: a log is another database's, or misses transactions that the data file needs.
        OSError: a file cannot be read or written.
    """
    path = Path(fspath(data))
    found = _Data(path)
    read = [read_log(log) for log in logs]
    reached = found.after  # all up to here is in the pages
    for log in read:
        if log.database != found.database:
            raise InconsistentDataError(f"{path}: a log of another database")
        if log.base > reached and (until is None or reached < until):
            raise InconsistentDataError(f"{path} stands at transaction {reached}, the next log begins after {log.base}")
        for change in log.changes:
            if until is not None and change.sequence > until:
                continue
            for account, amount in zip(change.accounts, change.amounts, strict=True):
                page = found.pages[account]
                if page is None or page[0] < change.sequence:
                    found.pages[account] = (change.sequence, amount)
            reached = max(reached, change.sequence)
    for number, page in enumerate(found.pages):
        if page is None or page[0] > reached:
            raise InconsistentDataError(f"{path}: page {number} cannot be recovered by the log")
    found.write(path, reached)
    state = check_pages(path)
    if new_log is not None:
        full = max((log.full for log in read), default=0)
        Path(fspath(new_log)).write_bytes(_log_header(found.database, state.sequence, full))
    return state


class PageStore:
    """A database that is being worked on. Files are opened for each write, as little as one can be in the way.

    Args:
        data: the data file.
        log: the log file.
        database: its id; by the data file where that exists.
    """

    def __init__(self, data: Path, log: Path, database: UUID) -> None:
        self.data = data
        self.log = log
        self.database = database
        self._turn = 0

    def open(self) -> None:
        """Make the files, or bring what is there into one piece, as a database does when it starts."""
        if not self.data.exists():
            for file in (self.data, self.log):
                file.parent.mkdir(parents=True, exist_ok=True)
            pages = [_header(self.database, 0, 0, ACCOUNTS * _AMOUNT, ACCOUNTS)]
            pages += [_account(number, 0, _AMOUNT) for number in range(ACCOUNTS)]
            self.data.write_bytes(b"".join(pages))
            self.log.write_bytes(_log_header(self.database, 0, 0))
        self.attach()

    def attach(self) -> DatabaseState:
        """Take the files as they are now. Raises ``InconsistentDataError``."""
        try:
            state = check_pages(self.data, self.log)
        except InconsistentDataError:
            state = recover_pages(self.data, [self.log], new_log=self.log)
        self.database = state.database
        self._sequence = state.sequence
        self._amounts = list(state.amounts)
        return state

    @property
    def sequence(self) -> int:
        """The last transaction's number."""
        return self._sequence

    def transaction(self) -> Generator[None, None, None]:
        """Moves an amount from one account to another; stops where its second page is still to be written, too."""
        sequence = self._sequence + 1
        self._turn += 1
        source, target = self._turn % ACCOUNTS, (self._turn * 7 + 3) % ACCOUNTS
        if source == target:
            target = (target + 1) % ACCOUNTS
        moved = 1 + self._turn % 9
        self._amounts[source] -= moved
        self._amounts[target] += moved
        after = (self._amounts[source], self._amounts[target])
        with self.log.open("ab") as log:
            log.write(_sealed(_CHANGE.pack(b"VSLR", sequence, source, target, *after), RECORD))
        self._put(0, _header(self.database, sequence, sequence - 1, ACCOUNTS * _AMOUNT, ACCOUNTS))
        self._put(source + 1, _account(source, sequence, after[0]))
        yield
        self._put(target + 1, _account(target, sequence, after[1]))
        self._put(0, _header(self.database, sequence, sequence, ACCOUNTS * _AMOUNT, ACCOUNTS))
        self._sequence = sequence

    def truncate(self, up_to: int, *, full: bool) -> None:
        """Forgets the log up to a transaction that was saved.

        Args:
            up_to: the transaction's number.
            full: True where that was a full backup, which differential ones build on.
        """
        log = read_log(self.log)
        kept = [change for change in log.changes if change.sequence > up_to]
        parts = [_log_header(self.database, max(up_to, log.base), up_to if full else log.full)]
        parts += [
            _sealed(_CHANGE.pack(b"VSLR", change.sequence, *change.accounts, *change.amounts), RECORD)
            for change in kept
        ]
        self.log.write_bytes(b"".join(parts))

    def changed_since(self, sequence: int) -> str:
        """The ranges of the data file that were written after a transaction, as partial files have them."""
        found = _Data(self.data)
        numbers = [0] + [n + 1 for n, page in enumerate(found.pages) if page is None or page[0] > sequence]
        return ", ".join(f"{start * PAGE}:{count * PAGE}" for start, count in _runs(numbers))

    def _put(self, number: int, page: bytes) -> None:
        with self.data.open("r+b") as data:
            data.seek(number * PAGE)
            data.write(page)


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Consecutive numbers as (first, count)."""
    runs: list[tuple[int, int]] = []
    for number in numbers:
        if runs and sum(runs[-1]) == number:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((number, 1))
    return runs
