"""`vsspy plan`: what a backup would do, before anything is done."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click

from .. import filesets
from .._machine import Surroundings
from .._roots import shown
from .._sizes import amount
from ..errors import FileSetError
from ..metadata import FileSet
from ..privileges import enable_privileges
from ..selection import Rule
from ..session import BackupSession
from .backup import TYPES, previous_options
from .component_places import ComponentPlaces, find_components
from .errors import CommandError
from .interrupts import Interrupts
from .machine import folder_volumes, is_simulated, load_writers, machine, machine_options
from .main import guarded
from .options import folders_option, json_option, volume_policies, writer_rule
from .places import Place, Places, find_places, may_touch, parse_volumes
from .report import as_json
from .taking import Wish, find_volumes

if TYPE_CHECKING:
    from ..plan import Plan
    from ..simulator import Machine

__all__ = ["command"]


@dataclass(slots=True)
class Question:
    """What is to be planned.

    Attributes:
        places: The PATHs, and the simulated volumes.
        volumes: The session's volumes: those of the PATHs, and those that were named.
        whole: Whether volumes were named, so that all that lives on them is meant, and nothing elsewhere.
        rules: What --component and --exclude say.
        options: More options of the session.
    """

    places: Places
    volumes: Sequence[str]
    whole: bool
    rules: Sequence[Rule]
    options: Mapping[str, Any]
    count: bool

    def ask(self, running: Machine | None) -> tuple[Plan, list[dict[str, Any]]]:
        """The plan, and the PATHs with what is in them."""
        surroundings = Surroundings.of(running)
        asked: list[Place] = list(self.places.places)
        volumes = list(self.volumes)
        if self.rules and not self.whole:
            found = self._find_components(surroundings)
            known = {surroundings.volumes.identify(name) for name in volumes}
            volumes.extend(name for name in found.volumes if name not in known)
            asked.extend(found.folders)
        if not volumes:
            raise CommandError("the components have no files on a volume of this computer")
        claimed = self.whole or bool(self.rules)
        with BackupSession(*volumes, select_components=claimed, **self.options) as session:
            for rule in self.rules:
                (session.select if rule.kind == "select" else session.exclude)(rule.writer, rule.component)
            plan = session.plan(self.count)
        notes = list(plan.notes)
        paths = [self._path(place, surroundings, notes) for place in self.places.places]
        if not claimed:
            notes.append("no component of any writer is backed up as such: name some with --component")
        if not self.whole:
            touched = may_touch(asked, plan.left_out_by_vss, surroundings.volumes)
            plan = replace(plan, left_out_by_vss=tuple(touched))
        return replace(plan, notes=tuple(notes)), paths

    def _find_components(self, surroundings: Surroundings) -> ComponentPlaces:
        """Asks the writers where the components lie: a session has to know its volumes before it asks."""
        first = next(iter([*self.volumes, *surroundings.volumes]), None)
        if first is None:
            raise CommandError("there is no volume: say which folder plays one, for example --volume 'C:\\=FOLDER'")
        with BackupSession(first) as session:
            writers = list(session.writers)
        return find_components(writers, self.rules, surroundings, None)

    def _path(self, place: Place, surroundings: Surroundings, notes: list[str]) -> dict[str, Any]:
        files = size = 0
        if not self.count:
            return {"path": place.path, "volume": place.volume, "files": None, "bytes": None}
        if not place.is_folder:
            files, size = 1, os.stat(place.local).st_size
        else:
            found = filesets.expand(
                [FileSet(place.path, "*", recursive=True)],
                volumes=surroundings.volumes,
                environment={name: f"%{name}%" for name in re.findall("%([^%]+)%", place.path)},  # a name, no variable
                roots=surroundings.live_roots(),
                onerror=lambda error: notes.append(f"not counted: {error}"),
            )
            try:
                for file in found:
                    files, size = files + 1, size + file.size
            except FileSetError as error:
                notes.append(f"not counted: {error}")
        return {"path": place.path, "volume": place.volume, "files": files, "bytes": size}


@click.command(name="plan", short_help="Show what a backup would do; nothing is made.")
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@click.option(
    "-v",
    "wanted",
    metavar="VOLUME",
    multiple=True,
    help="A volume to back up whole: all components that live on the volumes are claimed. Repeat it for more.",
)
@click.option(
    "--component",
    "components",
    metavar="WRITER[:COMPONENT]",
    multiple=True,
    help="Claim this component, or all of the writer's, wherever its files lie; * and ? stand for any text and any character. "
    "With -v: on these volumes. Repeat it for more.",
)
@click.option(
    "--exclude", "excluded", metavar="WRITER[:COMPONENT]", multiple=True, help="What is not claimed all the same."
)
@click.option(
    "--type",
    "backup_type",
    type=click.Choice(list(TYPES), case_sensitive=False),
    default="copy",
    show_default=True,
    help="The type of the backup.",
)
@click.option(
    "--previous",
    metavar="DIR",
    help="The backup that an incremental, differential or log backup builds on, as `vsspy backup` made it.",
)
@click.option(
    "--policy",
    "policies",
    metavar="VOLUME=required|preferred|never",
    multiple=True,
    help="What to do with a volume: fail without a shadow copy of it (required, the default), read it live where there can "
    "be none (preferred), or always (never).",
)
@click.option("--no-count", is_flag=True, help="Do not count files and bytes, which takes time on large volumes.")
@json_option
@folders_option
@machine_options
@guarded
def command(
    paths: tuple[str, ...],
    wanted: tuple[str, ...],
    components: tuple[str, ...],
    excluded: tuple[str, ...],
    backup_type: str,
    previous: str | None,
    policies: tuple[str, ...],
    no_count: bool,
    as_json_text: bool,
    folders: tuple[str, ...],
    backend: str | None,
    writers_from: str | None,
) -> int:
    """Show what a backup of PATHs, of components, or of whole VOLUMEs would do: volumes, writers, components, files and bytes, what is left
    out and why, what VSS leaves out of its shadow copies. Writers are asked what they have; nothing is made and nobody is paused.

    PATHs, --component, --exclude, --type, --previous and --policy mean what they mean to `vsspy backup`.

    \b
    Examples:
      vsspy plan -v C: -v D:
      vsspy plan C:\\Data --component SqlServerWriter --type full
      vsspy plan -v C: --exclude "*Search*" --no-count --json
      vsspy plan -v C: -v F: --policy F:=preferred

    \b
    Exit codes:
      0    the backup can be made so
      1    a volume that is required cannot be protected, so that the backup would fail
      2    there is no such plan: wrong input, or VSS or what is selected does not allow it
      130  Ctrl-C, 143 SIGTERM
    """
    if not (paths or wanted or components):
        raise CommandError("say what is to be planned: PATHs, --component WRITER, or whole volumes with -v VOLUME")
    if excluded and not (components or wanted):
        raise CommandError("--exclude takes something out of what --component claims; give --component or -v too")
    simulated = is_simulated(backend, other_options=bool(folders or writers_from))
    described = folder_volumes(simulated)
    if described and folders:
        raise CommandError("--volume and VSSPY_SIMULATOR both say which volumes there are; leave one of them out")
    places = find_places(paths, described or parse_volumes(folders), None, simulated=simulated)
    names, volumes = find_volumes(Wish(wanted, folders), simulated)
    earlier = {} if previous is None else previous_options(previous)
    question = Question(
        places,
        list(dict.fromkeys([*places.volume_names, *names])),
        bool(wanted),
        [
            *(Rule("select", *writer_rule(text, "--component")) for text in components),
            *(Rule("exclude", *writer_rule(text, "--exclude")) for text in excluded),
        ],
        {"backup_type": TYPES[backup_type], "volume_policies": volume_policies(policies), **earlier},
        not no_count,
    )
    documents = load_writers(writers_from)
    with Interrupts(), machine(simulated, {**places.volumes, **volumes}, documents) as running:
        if not simulated:
            enable_privileges(restore=False)  # to count what access control lists shut administrators out from
        plan, counted = question.ask(running)
    if as_json_text:
        click.echo(as_json(_shown({**plan.to_dict(), "paths": counted}), ascii_only=True), nl=False)
    else:
        lines = [f"  {each['path']}{_amount(each)}" for each in counted]
        lines = ["Paths:", *lines, ""] if lines else []
        click.echo("\n".join(shown(line) for line in [*lines, *str(plan).split("\n")]))
    return 0 if plan.possible else 1


def _amount(counted: Mapping[str, Any]) -> str:
    return "" if counted["files"] is None else f"  {amount(counted['files'], counted['bytes'])}"


def _shown(value: Any) -> Any:
    """Texts as JSON can have them."""
    if isinstance(value, str):
        return shown(value)
    if isinstance(value, list):
        return [_shown(each) for each in value]
    return {name: _shown(each) for name, each in value.items()} if isinstance(value, dict) else value
