"""What a simulated shadow copy could not take: a real one is made of blocks and has everything, unreadable files included."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .._paths import VolumeNames, fold, separator
from ..errors import VssError
from ..filesets import locate
from ..metadata import FileSet
from ..simulator import Machine
from .copy_result import Trouble
from .places import Place

__all__ = ["Losses"]

# The simulator's words (its table of rules), by what they mean for a backup.
_FAILED = r"could not be read|could not be made under this name|changed while it was copied"
_LEFT_OUT = (
    r"an? [\w ]+ is not copied|another file system is mounted here: not copied|the simulator's own folder is left out"
)
_NOTE = re.compile(rf"(?P<path>.*?): (?P<reason>(?P<failed>{_FAILED})?(?:{_LEFT_OUT})?.*)", re.DOTALL)


@dataclass(slots=True)
class Losses:
    """A machine's notes, sorted: files that failed, what was left out on purpose, and the rest. Only what lies in a PATH counts."""

    failed: list[Trouble] = field(default_factory=list)
    left_out: list[Trouble] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, machine: Machine, places: Sequence[Place]) -> Losses:
        """Those of a machine so far."""
        losses = cls()
        for text in machine.notes:
            losses._sort(text, machine.volumes, places)
        return losses

    def _sort(self, text: str, volumes: Iterable[str], places: Sequence[Place]) -> None:
        for volume in volumes:
            head = f"shadow copy of {volume}: "
            match = _NOTE.fullmatch(text[len(head) :]) if text.startswith(head) else None
            if match is None:
                continue
            mark = separator(volume)
            name = "" if match["path"] == "." else match["path"].replace("/", mark)
            path = volume + name
            if not any(_overlap(path, place.path, mark) for place in places):
                return
            if match["failed"]:
                self.failed.append(Trouble(path, match["reason"]))
            elif re.match(_LEFT_OUT, match["reason"]):
                self.left_out.append(Trouble(path, match["reason"]))
            else:
                self.notes.append(text)
            return
        self.notes.append(text)

    def touching(self, file_sets: Iterable[FileSet], machine: Machine) -> Trouble | None:
        """A failed file in or above a folder of one of these file sets, which therefore may not be whole."""
        volumes = VolumeNames([name] for name in machine.volumes)
        for file_set in file_sets if self.failed else ():
            try:
                locations = locate(file_set, volumes, machine.environment, list(volumes))
            except VssError:
                continue  # a path that means nothing here has no files here
            for location in locations:
                mark = separator(location.volume)
                folder = location.volume + mark.join(location.elements)
                for trouble in self.failed:
                    if _overlap(trouble.path, folder, mark):
                        return trouble
        return None


def _overlap(one: str, other: str, mark: str) -> bool:
    """Whether two names are the same, or one lies in the other."""
    first, second = (fold(path).rstrip(mark) + mark for path in (one, other))
    return first.startswith(second) or second.startswith(first)
