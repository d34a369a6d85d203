"""The staging folder: a backup becomes visible whole or not at all.

Everything is written to `DIR/.vsspy-staging` and moved into DIR by renames at the very end. A lock is held on a file in the staging folder
for as long as the run lives; the system drops it when the process dies, whatever the way. So a staging folder whose lock is free is
what a killed run left, and the next run deals with it; one whose lock is held belongs to somebody and is not touched.

Before the first rename everything is made durable and a journal says what goes where. From then on the backup is good: a run that is killed
among its renames is finished by the next one. A rename that fails is undone, with all before it.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import stat
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Self

from .._filecopy import reason
from .._roots import PRIVATE, Root, shown
from .errors import CommandError

__all__ = ["STAGING", "Staging", "remove_tree"]

STAGING = ".vsspy-staging"
_LOCK, _JOURNAL, _TREE, _OLD = "lock", "journal", "tree", "old"


@dataclass(frozen=True, slots=True)
class _Move:
    """One rename of the commit: the name below DIR, the mode of what moves in, and the name under which what was there waits."""

    final: str
    mode: int
    old: str


def remove_tree(root: Root, name: str) -> None:
    """Removes a file or folder and all below it, without following links; read-only ones too. A missing one is fine."""
    stack: list[tuple[str, bool]] = [(name, False)]
    while stack:
        name, emptied = stack.pop()
        try:
            if emptied:
                root.rmdir(name)
                continue
            st = root.lstat(name)
            if not stat.S_ISDIR(st.st_mode) or getattr(st, "st_reparse_tag", 0) & 0x20000000:
                if sys.platform == "win32" and st.st_file_attributes & stat.FILE_ATTRIBUTE_READONLY:
                    root.chmod(name, stat.S_IWRITE)
                (root.rmdir if stat.S_ISDIR(st.st_mode) else root.unlink)(name)
                continue
            if st.st_mode & 0o700 != 0o700:
                root.chmod(name, 0o700)
            stack.append((name, True))
            stack.extend((os.sep.join((name, entry)), False) for entry in root.listing(name))
        except FileNotFoundError:
            pass


def sync_all(root: Root) -> None:
    """Makes everything written to the file system of `root` durable, in one call. On Windows each file was flushed when it was written."""
    if sys.platform != "win32":
        descriptor = root.open("", os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                syncfs = ctypes.CDLL(None, use_errno=True).syncfs
            except (AttributeError, OSError):
                os.sync()
                return
            if syncfs(descriptor) != 0:
                code = ctypes.get_errno()
                raise OSError(code, os.strerror(code))
        finally:
            os.close(descriptor)


class _Lock:
    """A file held by this process; free again when it ends, however it ends."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._descriptor = -1

    def take(self) -> bool:
        """Whether it is held now; False where another process holds it or the file went away meanwhile."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | PRIVATE, 0o600)
        except (FileNotFoundError, PermissionError):
            if sys.platform == "win32" or not os.path.isdir(os.path.dirname(self.path)):
                return False
            raise
        held = False
        try:
            if sys.platform == "win32":
                import msvcrt

                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            else:
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Its owner may have removed the file between our open and our lock.
            held = os.path.samestat(os.fstat(descriptor), os.stat(self.path))
        except OSError as error:
            # On Windows every refusal of a byte range is the same; the C library's number for it differs.
            if sys.platform != "win32" and error.errno not in {errno.EAGAIN, errno.EACCES, errno.ENOENT}:
                raise
        finally:
            if held:
                self._descriptor = descriptor
            else:
                os.close(descriptor)
        return held

    def free(self, *, keep: bool) -> None:
        """Lets go and removes the file, unless it is to be kept. POSIX removes first, so that nobody locks what is about to vanish."""
        if self._descriptor < 0:
            return
        descriptor, self._descriptor = self._descriptor, -1
        if sys.platform != "win32" and not keep:
            os.unlink(self.path)
        os.close(descriptor)
        if sys.platform == "win32" and not keep:
            try:
                os.unlink(self.path)
            except OSError:
                pass  # the next run has it already


def check_empty(directory: str, note: str = "") -> None:
    """Refuses a DIR that holds anything but a staging folder; a missing one is fine.

    Raises:
        CommandError: It is not empty.
    """
    if not os.path.isdir(directory):
        return
    names = sorted(os.listdir(directory))
    if STAGING in names and not note:
        return  # of a killed run, it may be: what else is there is looked at when that has been dealt with
    names = [name for name in names if name != STAGING]
    if names:
        raise CommandError(
            f"{shown(directory)} is not empty: it holds {shown(names[0])}{note}; choose another folder, or --overwrite to replace "
            "what this backup writes"
        )


class Staging:
    """The place where one backup is put together; a context manager that leaves nothing behind unless `commit` was called.

    Args:
        directory: DIR, absolute. Made, with the folders above it, if it is missing, and removed again if nothing comes of it.
        overwrite: Whether it may hold something already.

    Raises:
        CommandError: DIR is in use, not empty, no folder, or cannot be made or written.
    """

    def __init__(self, directory: str, *, overwrite: bool) -> None:
        self.directory = directory
        self._overwrite = overwrite
        self._made: list[str] = []
        self._lock: _Lock | None = None
        self._times: tuple[int, int] | None = None
        self._root: Root | None = None
        self._done = False
        self._halfway = False  # between the first rename and the last: only a journal can tell what is what
        self.recovered = False  # whether a killed run's backup was finished on the way
        try:
            self._open()
        except OSError as error:
            self.discard()
            raise CommandError(f"{shown(error.filename or directory)}: {reason(error)}") from error
        except BaseException:
            self.discard()
            raise

    @property
    def root(self) -> Root:
        """DIR."""
        assert self._root is not None, "the staging folder is closed"
        return self._root

    @property
    def tree(self) -> str:
        """The folder (below DIR) that mirrors what DIR will get."""
        return os.sep.join((STAGING, _TREE))

    def _open(self) -> None:
        self._make_directory()
        st = os.stat(self.directory)
        self._times = (st.st_atime_ns, st.st_mtime_ns)
        self._root = Root(self.directory)
        self._take()
        self._recover()
        if not self._overwrite:
            finished = " (the backup of a run that was killed while it was finishing was completed just now)"
            check_empty(self.directory, finished if self.recovered else " already")
        self.root.mkdir(self.tree)

    def _make_directory(self) -> None:
        missing: list[str] = []
        folder = self.directory
        while not os.path.lexists(folder):
            missing.append(folder)
            folder = os.path.dirname(folder)
        for folder in reversed(missing):
            os.mkdir(folder)
            self._made.append(folder)

    def _take(self) -> None:
        folder = self.root.full(STAGING)
        lock = _Lock(os.path.join(folder, _LOCK))
        for _ in range(20):  # a run that is just ending takes its folder away under our hands
            try:
                os.mkdir(folder, 0o700)
            except FileExistsError:
                if os.path.islink(folder) or not os.path.isdir(folder):
                    raise CommandError(f"{shown(folder)} is no folder; it is in the way of the backup's own") from None
                if not os.path.lexists(lock.path) and os.listdir(folder):
                    raise CommandError(
                        f"{shown(folder)} was not made by vsspy; it is in the way of the backup's own"
                    ) from None
            if lock.take():
                self._lock = lock
                return
            time.sleep(0.01)
        raise CommandError(f"{shown(self.directory)} is in use: another backup is being written into it")

    def _recover(self) -> None:
        """Finishes or removes what a killed run left."""
        try:
            with open(self.root.full(os.sep.join((STAGING, _JOURNAL))), encoding="ascii") as stream:
                moves = [_Move(**move) for move in json.load(stream)]
        except FileNotFoundError:
            moves = []
        except (ValueError, TypeError) as error:
            raise CommandError(
                f"{shown(self.directory)}: the journal in {STAGING} is damaged; look at both and remove it"
            ) from error
        if moves:
            self._halfway = True
            for move in moves:
                self._forward(move)
            sync_all(self.root)
            self._halfway = False
            self.recovered = True
        self._empty()

    def _empty(self) -> None:
        # The journal goes last: it is harmless once everything is in place, and without it the rest is rubbish in any case.
        names = [name for name in self.root.listing(STAGING) if name != _LOCK]
        for name in sorted(names, key=lambda name: name == _JOURNAL):
            remove_tree(self.root, os.sep.join((STAGING, name)))

    def conflicts(self, finals: Iterable[str]) -> None:
        """Refuses names whose folders in DIR cannot be used.

        Raises:
            CommandError: A folder above one of them is a file or a link.
        """
        for final in finals:
            parts = final.split(os.sep)
            for depth in range(1, len(parts)):
                name = os.sep.join(parts[:depth])
                if self.root.exists(name) and not stat.S_ISDIR(self.root.lstat(name).st_mode):
                    raise CommandError(
                        f"{shown(self.root.full(name))} is no folder, and {shown(final)} has to go below it"
                    )

    def commit(self, finals: Iterable[str]) -> None:
        """Makes what was staged durable and moves it into DIR; then nothing of it is removed any more.

        Args:
            finals: The names below DIR that this backup writes; those of which nothing was staged are passed over.

        Raises:
            CommandError: It could not be done, and DIR is as it was.
        """
        moves = [
            _Move(final, self._mode(self._staged(final)), os.sep.join((STAGING, _OLD, str(number))))
            for number, final in enumerate(finals)
            if self.root.exists(self._staged(final))
        ]
        try:
            self.conflicts(move.final for move in moves)
            sync_all(self.root)
            self._write_journal(moves)
        except OSError as error:
            raise CommandError(f"{shown(self.directory)}: {reason(error)}; nothing was made") from error
        self._halfway = True
        made: list[str] = []
        try:
            for move in moves:
                self._forward(move, made)
            sync_all(self.root)
        except OSError as error:
            self._undo(moves, made)
            raise CommandError(f"{shown(self.directory)}: {reason(error)}; nothing was made") from error
        self._halfway = False
        self._done = True

    def _undo(self, moves: list[_Move], made: list[str]) -> None:
        try:
            for move in reversed(moves):
                self._back(move)
            for folder in reversed(made):
                self.root.rmdir(folder)
            self.root.unlink(os.sep.join((STAGING, _JOURNAL)))
        except OSError as error:
            raise CommandError(
                f"{shown(self.directory)}: {reason(error)}; moving the backup into place could be neither finished nor undone, and "
                f"{STAGING} holds what is missing: the next backup into this folder finishes it first"
            ) from error
        self._halfway = False

    def _write_journal(self, moves: list[_Move]) -> None:
        name = os.sep.join((STAGING, _JOURNAL))
        descriptor = self.root.open(name + ".new", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        with open(descriptor, "w", encoding="ascii") as stream:
            json.dump([asdict(move) for move in moves], stream)
            stream.flush()
            os.fsync(stream.fileno())
        self.root.rename(name + ".new", name)
        self.root.sync_folder(STAGING)

    def _staged(self, final: str) -> str:
        return os.sep.join((self.tree, final))

    def _mode(self, name: str) -> int:
        return stat.S_IMODE(self.root.lstat(name).st_mode)

    def _rename(self, old: str, new: str, mode: int) -> None:
        """Renames; a folder that its owner may not write cannot change its parent on Linux, so it is made writable for that moment."""
        is_folder = stat.S_ISDIR(self.root.lstat(old).st_mode)
        if is_folder and not mode & 0o200:
            self.root.chmod(old, mode | 0o700)
        self.root.rename(old, new)
        if is_folder and not mode & 0o200:
            self.root.chmod(new, mode)

    def _forward(self, move: _Move, made: list[str] | None = None) -> None:
        """Moves one in, and what was there before out. Can be repeated after any interruption."""
        staged = self._staged(move.final)
        if not self.root.exists(staged):
            # In place already; a run that was killed right after the rename may not have got to the mode.
            st = self.root.lstat(move.final) if self.root.exists(move.final) else None
            if st is not None and stat.S_ISDIR(st.st_mode) and stat.S_IMODE(st.st_mode) != move.mode:
                self.root.chmod(move.final, move.mode)
            return
        if self.root.exists(move.final):
            if not self.root.exists(os.path.dirname(move.old)):
                self.root.mkdir(os.path.dirname(move.old))
            self._rename(move.final, move.old, self._mode(move.final))
        parts = move.final.split(os.sep)
        for depth in range(1, len(parts)):
            folder = os.sep.join(parts[:depth])
            if not self.root.exists(folder):
                os.mkdir(self.root.full(folder))
                if made is not None:
                    made.append(folder)
        self._rename(staged, move.final, move.mode)

    def _back(self, move: _Move) -> None:
        staged = self._staged(move.final)
        if not self.root.exists(staged):
            self._rename(move.final, staged, move.mode)
        if self.root.exists(move.old):
            self._rename(move.old, move.final, self._mode(move.old))

    def discard(self) -> None:
        """Removes the staging folder, and DIR too if this made it and nothing was committed. Can be called again after an interruption.

        A commit that was broken off and could not be undone is left to the next run: its journal says how to finish it.
        """
        if self._root is not None:
            if self._lock is not None:
                if not self._halfway:
                    self._empty()
                self._lock.free(keep=self._halfway)
                self._lock = None
                try:
                    self._root.rmdir(STAGING)
                except OSError:
                    pass  # the next run has it already
            if (
                not self._done
                and not self._halfway
                and not self.recovered
                and self._times is not None
                and not self._made
            ):
                os.utime(self.directory, ns=self._times)
            self._root.close()
            self._root = None
        while self._made and not self._done:
            try:
                os.rmdir(self._made[-1])
            except OSError:
                break  # somebody has put something there
            self._made.pop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.discard()
