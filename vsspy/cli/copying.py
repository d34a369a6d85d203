"""Copies files and folders out of shadow copies into the backup, several at a time.

One thread walks, a few copy, and what cannot be kept, read or copied is told and never silently missing. The source is a shadow copy, so
nothing in it changes; a file that does all the same is not called good.
"""

from __future__ import annotations

import errno
import os
import queue
import stat
import sys
import threading
from collections.abc import Callable, Iterable

from .._filecopy import (
    Stopped,
    TargetError,
    TornError,
    copy_contents,
    copy_ranges,
    is_fatal,
    keep_link_metadata,
    keep_metadata,
    reason,
)
from .._roots import Root
from .copy_jobs import File, Single, Twin
from .copy_result import CopyResult, NotKept, Parts, Progress, Trouble

__all__ = ["Copier", "TargetError"]

# Nothing about these is read on Windows, so no file of it is listed by itself.
NOT_KEPT_ON_WINDOWS = ("access control lists", "alternate data streams", "sparse ranges", "compression and encryption")


class Copier:
    """Copies into one folder; `add` or `add_singles` what is to be copied, then `run` once.

    Args:
        target: An empty folder that nobody else writes to.
        threads: How many files are copied at a time.
        on_progress: Called from any of the copying threads, one at a time.
    """

    def __init__(
        self, target: Root, *, threads: int | None = None, on_progress: Callable[[Progress], None] | None = None
    ) -> None:
        self._target = target
        self._threads = threads or min(4, os.cpu_count() or 1)
        self._on_progress = on_progress
        self._result = CopyResult()
        self._trees: list[tuple[Root, str, str, str]] = []
        self._singles: Iterable[Single] = ()
        self._last: list[Single] = []
        self._made: set[str] = set()
        self._jobs: queue.Queue[File | None] = queue.Queue(maxsize=1000)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._fatal: BaseException | None = None
        self._moved = self._total_files = self._total_bytes = 0
        self._counted = False
        self._first: dict[tuple[int, int], File] = {}
        self._twins: list[Twin] = []
        self._folders: list[File] = []
        self._bad: set[str] = set()

    def add(self, source: Root, name: str, new: str, path: str) -> None:
        """Adds the folder or file `name` of a source (a volume's shadow copy; "" is its root).

        Args:
            new: Its name below the target; the folders above it are made.
            path: Its full name on the live system, for the report.
        """
        self._trees.append((source, name, new, path))

    def add_singles(self, files: Iterable[Single]) -> None:
        """Adds files that are looked up while the trees are copied; none of them may be in a tree, but the last ones."""
        self._singles = files

    def run(self) -> CopyResult:
        """Copies everything.

        Returns:
            What was copied and what was not. Files of the target that are not whole have been removed.

        Raises:
            TargetError: The target is full or gone: the target's contents are of no use.
            BaseException: Whatever was raised in the calling thread (KeyboardInterrupt), after the copying threads have ended.
        """
        workers = [threading.Thread(target=self._work, name=f"vsspy-copy-{n}") for n in range(self._threads)]
        try:
            for worker in workers:
                worker.start()
            for source, name, new, path in self._trees:
                self._make_parents(new)
                self._walk(source, name, new, path)
            for single in self._singles:
                self._check()
                if single.is_last:
                    self._last.append(single)
                else:
                    self._single(single)
            self._counted = True
            self._tell()
            for _ in workers:
                self._put(None)
            for worker in workers:
                # In slices, so that a signal's handler gets its turn on Windows too.
                while worker.is_alive():
                    worker.join(0.1)
            self._check()
            for twin in self._twins:
                self._check()
                self._link(twin)
            for single in self._last:
                self._check()
                self._replace(single)
            for folder in reversed(self._folders):
                self._check()
                self._finish_folder(folder)
        except Stopped:
            pass
        finally:
            self._stop.set()
            for worker in workers:
                if worker.ident is not None:
                    worker.join()
        if self._fatal is not None:
            raise self._fatal
        for troubles in (self._result.failed, self._result.left_out):
            troubles.sort(key=lambda trouble: trouble.path)
        self._result.not_kept.sort(key=lambda lost: (lost.path, lost.what))
        self._result.partial.sort(key=lambda part: part.path)
        return self._result

    # The walk, in the calling thread.

    def _check(self) -> None:
        if self._stop.is_set():
            raise Stopped

    def _put(self, job: File | None) -> None:
        while True:
            self._check()
            try:
                return self._jobs.put(job, timeout=0.1)
            except queue.Full:
                pass

    def _make_parents(self, new: str) -> None:
        parts = new.split(os.sep)[:-1]
        for depth in range(1, len(parts) + 1):
            folder = os.sep.join(parts[:depth])
            if folder in self._made:
                continue
            try:
                if not self._target.exists(folder):
                    self._target.mkdir(folder)
            except OSError as error:
                raise TargetError(error, folder) from error
            self._made.add(folder)

    def _single(self, single: Single) -> None:
        self._make_parents(single.new)
        try:
            self._entry(self._file(single))
        except OSError as error:
            self._failed(single.path, error, single.on_failure)

    def _replace(self, single: Single) -> None:
        """After the copying threads have ended, in this one."""
        self._make_parents(single.new)
        try:
            file = self._file(single)
            if self._target.exists(single.new):
                before = self._target.lstat(single.new)
                self._target.unlink(single.new)
                if stat.S_ISLNK(before.st_mode):
                    self._count(links=-1)
                elif before.st_nlink == 1:
                    self._count(files=-1, size=-before.st_size)
                else:
                    self._count(hard_links=-1)
            if stat.S_ISLNK(file.st.st_mode):
                self._symlink(file)
            else:
                self._copy(file)
        except OSError as error:
            self._failed(single.path, error, single.on_failure)

    @staticmethod
    def _file(single: Single) -> File:
        st = single.source.lstat(single.name)
        return File(single.source, single.name, single.new, single.path, st, single.ranges, single.on_failure)

    def _walk(self, source: Root, name: str, new: str, path: str) -> None:
        stack = [(name, new, path)]
        while stack:
            self._check()
            name, new, path = stack.pop()
            try:
                st = source.lstat(name)
                if stat.S_ISDIR(st.st_mode) and not self._is_junction(st):
                    listing = source.listing(name)
                    self._target.mkdir(new)
                    self._folders.append(File(source, name, new, path, st))
                    self._count(folders=1)
                    # The last one pushed is the first one walked.
                    for entry in reversed(listing):
                        below = os.sep.join((name, entry)) if name else entry
                        full = path if path.endswith((os.sep, "\\")) else path + self._separator(path)
                        stack.append((below, os.sep.join((new, entry)), full + entry))
                else:
                    self._entry(File(source, name, new, path, st))
            except OSError as error:
                self._failed(path, error)

    @staticmethod
    def _separator(path: str) -> str:
        """A simulated `C:\\` has Windows names on any system."""
        return "\\" if path[1:2] == ":" or path.startswith("\\\\") else os.sep

    @staticmethod
    def _is_junction(st: os.stat_result) -> bool:
        """Windows: whether the folder is another folder's name (IO_REPARSE_TAG_MOUNT_POINT or another name surrogate)."""
        return bool(getattr(st, "st_reparse_tag", 0) & 0x20000000)

    def _entry(self, file: File) -> None:
        mode = file.st.st_mode
        if stat.S_ISREG(mode) and not self._is_junction(file.st):
            if file.ranges is None and self._is_twin(file):
                return
            with self._lock:
                self._total_files += 1
                self._total_bytes += file.st.st_size
            self._put(file)
        elif stat.S_ISLNK(mode):
            if not self._is_twin(file):
                self._symlink(file)
        else:
            kinds = (
                (stat.S_ISFIFO, "a FIFO"),
                (stat.S_ISSOCK, "a socket"),
                (stat.S_ISBLK, "a device"),
                (stat.S_ISCHR, "a device"),
            )
            kind = next(
                (text for test, text in kinds if test(mode)), "a junction or mounted folder, which is not followed"
            )
            self._result.left_out.append(Trouble(file.path, kind))

    def _is_twin(self, file: File) -> bool:
        if file.st.st_nlink < 2 or not file.st.st_ino:
            return False
        first = self._first.setdefault((file.st.st_dev, file.st.st_ino), file)
        if first is file:
            return False
        self._twins.append(Twin(file, first))
        return True

    def _symlink(self, file: File) -> None:
        to = file.source.readlink(file.name)
        folder = sys.platform == "win32" and bool(file.st.st_file_attributes & stat.FILE_ATTRIBUTE_DIRECTORY)
        self._target.symlink(to, file.new, folder)
        keep_link_metadata(file.source, file.name, self._target, file.new, file.st, self._losing(file.path))
        self._count(links=1)

    # After the copying threads have ended.

    def _link(self, twin: Twin) -> None:
        file, first = twin.file, twin.first
        if first.path in self._bad:
            self._add_failed(file.path, f"it is the same file as {first.path}, which failed", file.on_failure)
            return
        try:
            self._target.link(first.new, file.new)
            self._count(hard_links=1)
        except OSError as error:
            try:
                if is_fatal(error):
                    raise
                self._result.not_kept.append(NotKept(file.path, f"hard link to {first.path}", reason(error)))
                if stat.S_ISLNK(file.st.st_mode):
                    self._symlink(file)
                else:
                    self._copy(file)
            except OSError as second:
                self._failed(file.path, second, file.on_failure)

    def _finish_folder(self, folder: File) -> None:
        """Last, and deepest first: making an entry changes its folder's times, and a read-only one takes no entries."""
        lost = self._losing(folder.path)
        if sys.platform == "win32":
            keep_metadata(-1, -1, folder.st, self._target.full(folder.new), lost)
        else:
            flags = os.O_RDONLY | os.O_DIRECTORY
            try:
                source = folder.source.open(folder.name, flags)
                try:
                    target = self._target.open(folder.new, flags)
                    try:
                        keep_metadata(source, target, folder.st, "", lost)
                    finally:
                        os.close(target)
                finally:
                    os.close(source)
            except OSError as error:
                self._failed(folder.path, error)

    # The copying threads.

    def _work(self) -> None:
        try:
            while not self._stop.is_set():
                try:
                    file = self._jobs.get(timeout=0.1)
                except queue.Empty:
                    continue
                if file is None:
                    return
                try:
                    self._copy(file)
                except OSError as error:
                    self._failed(file.path, error, file.on_failure)
                except TargetError as error:
                    raise TargetError(error.cause, file.path) from error
        except Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - a thread has no caller: run() raises it
            self._end(error)

    def _end(self, error: BaseException) -> None:
        with self._lock:
            if self._fatal is None:
                self._fatal = error
        self._stop.set()

    def _copy(self, file: File) -> None:
        lost = self._losing(file.path)
        source = file.source.open(file.name, os.O_RDONLY)
        try:
            before = os.fstat(source)
            if not stat.S_ISREG(before.st_mode):
                raise TornError(errno.EIO, "it is no longer a file")
            target = self._target.open(file.new, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                try:
                    holes = False
                    if file.ranges is None:
                        holes = copy_contents(source, target, before.st_size, self._add_moved)
                    else:
                        copy_ranges(source, target, before.st_size, file.ranges, self._add_moved)
                    after = os.fstat(source)
                    if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
                        raise TornError(errno.EIO, "it changed while it was read")
                    if sys.platform != "win32":
                        if holes and os.fstat(target).st_blocks * 512 >= before.st_size:
                            lost("holes", "the file system of the backup filled them")
                        keep_metadata(source, target, file.st, "", lost)
                    else:
                        os.fsync(target)
                finally:
                    os.close(target)
                if sys.platform == "win32":
                    # By name and after the close: closing a written file sets its change time.
                    keep_metadata(-1, -1, file.st, self._target.full(file.new), lost)
            except BaseException:
                self._target.unlink(file.new)
                raise
        finally:
            os.close(source)
        if file.ranges is None:
            self._count(files=1, size=before.st_size)
        else:
            self._count(files=1, size=sum(each.length for each in file.ranges))
            with self._lock:
                self._result.partial.append(Parts(file.path, file.ranges))
        self._tell()

    def _add_moved(self, count: int) -> None:
        if self._stop.is_set():
            raise Stopped
        with self._lock:
            self._moved += count
        self._tell()

    # What all threads tell.

    def _tell(self) -> None:
        if self._on_progress is not None:
            with self._lock:
                done = self._result.files
                self._on_progress(Progress(done, self._moved, self._total_files, self._total_bytes, self._counted))

    def _count(self, *, files: int = 0, folders: int = 0, links: int = 0, hard_links: int = 0, size: int = 0) -> None:
        with self._lock:
            self._result.files += files
            self._result.folders += folders
            self._result.links += links
            self._result.hard_links += hard_links
            self._result.bytes += size

    def _losing(self, path: str) -> Callable[[str, str], None]:
        def lost(what: str, why: str) -> None:
            with self._lock:
                self._result.not_kept.append(NotKept(path, what, why))

        return lost

    def _add_failed(self, path: str, why: str, told: Callable[[str], object] | None = None) -> None:
        with self._lock:
            self._result.failed.append(Trouble(path, why))
            self._bad.add(path)
        if told is not None:
            told(f"{path}: {why}")

    def _failed(self, path: str, error: OSError, told: Callable[[str], object] | None = None) -> None:
        """One entry cannot be copied, or none can."""
        if is_fatal(error) and not isinstance(error, TornError):
            raise TargetError(error, path) from error
        self._add_failed(path, reason(error), told)
