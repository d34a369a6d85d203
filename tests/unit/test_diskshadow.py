"""DiskShadow's language and what its commands do, against the simulator."""

from __future__ import annotations

import os
import struct
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from uuid import UUID

import pytest

import vsspy
import vsspy.administration
from vsspy import simulator
from vsspy._cabinet import CabinetError, read_cabinet, write_cabinet
from vsspy.diskshadow import Command, Interpreter, Metadata, ScriptError, parse, parse_line
from vsspy.diskshadow.interpreter import Interpreter as Commands
from vsspy.diskshadow.script import _FORMS
from vsspy.enums import BackupType, SnapshotAttributes

DOCUMENT = (Path(__file__).parents[1] / "data/writers/harbor_database.xml").read_text(encoding="utf-8")


WRITER_ID = UUID("3f0c6a52-8d1e-4b7a-9c55-2e6f81d0a914")


class Listener(simulator.Writer):
    """A writer that keeps what it hears."""

    heard: list[str]

    def on_prepare_backup(self, event: simulator.WriterEvent) -> None:
        self.heard.append(f"backup {event.backup_type.name}")

    def on_backup_complete(self, event: simulator.WriterEvent) -> None:
        self.heard.append(f"complete {[each.backup_succeeded for each in event.components]}")

    def on_abort(self, event: simulator.WriterEvent) -> None:
        self.heard.append("abort")

    def on_pre_restore(self, event: simulator.WriterEvent) -> None:
        self.heard.append("pre restore")

    def on_post_restore(self, event: simulator.WriterEvent) -> None:
        self.heard.append(f"post restore {[each.file_restore_status.name for each in event.components]}")


@pytest.fixture
def volume(tmp_path: Path) -> Path:
    (tmp_path / "C").mkdir()
    (tmp_path / "C/data.txt").write_text("data")
    return tmp_path / "C"


@pytest.fixture
def writer() -> Listener:
    made = Listener(
        "Our Writer",
        writer_id=WRITER_ID,
        components=[simulator.Component("Ledger", files=[vsspy.FileSet("C:\\", "*.txt")])],
        restore_method=vsspy.RestoreMethodInfo(
            vsspy.RestoreMethod.RESTORE_IF_CAN_REPLACE, None, None, vsspy.WriterRestore.ALWAYS, False
        ),
    )
    made.heard = []
    return made


@pytest.fixture
def machine(volume: Path, writer: Listener, tmp_path: Path) -> Iterator[simulator.Machine]:
    (tmp_path / "D").mkdir()
    with simulator.running(volumes={"C:\\": volume, "D:\\": tmp_path / "D"}, writers=[writer]) as running:
        yield running


def run(script: str, **options: object) -> list[str]:
    """Runs a script and gives what it said."""
    said: list[str] = []
    with Interpreter(said.append, **options) as interpreter:  # type: ignore[arg-type]
        for command in parse(script):
            interpreter.run(command)
    return said


# --- the language ----------------------------------------------------------------------------------------------------


def test_a_script_of_the_reference_page() -> None:
    """The example of windows-commands/diskshadow, in our own words."""
    script = (
        "\ufeff# our script\r\nSET context Persistent NoWriters\r\n\r\nset metadata c:\\shadows\\our.cab\r\nREM a remark\r\n"
        'begin backup\r\nadd volume c: alias systemshadow\r\n  create\r\nexpose %systemshadow% p:\r\nexec "c:\\my scripts\\copy.cmd"\r\n'
        "writer exclude System Writer\r\nend backup\r\n#the end"
    )
    assert parse(script) == (
        Command(2, "set context", ("Persistent", "NoWriters"), "Persistent NoWriters"),
        Command(4, "set metadata", ("c:\\shadows\\our.cab",), "c:\\shadows\\our.cab"),
        Command(6, "begin backup"),
        Command(7, "add volume", ("c:", "alias", "systemshadow"), "c: alias systemshadow"),
        Command(8, "create"),
        Command(9, "expose", ("%systemshadow%", "p:"), "%systemshadow% p:"),
        Command(10, "exec", ("c:\\my scripts\\copy.cmd",), '"c:\\my scripts\\copy.cmd"'),
        Command(11, "writer exclude", ("System", "Writer"), "System Writer"),
        Command(12, "end backup"),
    )


@pytest.mark.parametrize("line", ["", "   ", "#", "# create", "rem create", "REM", "\t"])
def test_what_is_no_command(line: str) -> None:
    assert parse_line(line) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("bogus", "bogus is no command of DiskShadow"),
        ("remark", "remark is no command"),
        ("set contexts volatile", "there is: set context {"),
        ("set context", "the form of the command is: set context"),
        ("begin", "there is: begin backup; begin restore"),
        ("create now", "the form of the command is: create"),
        ("add alias name", "the form of the command is: add alias"),
        ("add volumes c:", "there is: add volume"),
        ("delete all", "there is: delete shadows"),
        ('exec "c:\\a', "a quotation mark is not closed"),
        ("expose %x%", "the form of the command is: expose"),
    ],
)
def test_what_cannot_be_understood(line: str, reason: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse(f"create\n{line}\nexit")
    assert caught.value.line == 2
    assert reason in str(caught.value)


def test_every_command_is_done() -> None:
    for name in _FORMS:
        assert callable(getattr(Commands, "_" + name.replace(" ", "_"))), name


def test_the_spelling_of_the_import_page() -> None:
    assert parse("SET CONTEXT TRANSPORTABLE")[0].name == "set option"


# --- making shadow copies --------------------------------------------------------------------------------------------


def test_a_full_backup(machine: simulator.Machine, writer: Listener, tmp_path: Path) -> None:
    found: dict[str, str] = {}

    def execute(arguments: list[str], environment: Mapping[str, str]) -> int:
        found.update(environment, program=arguments[0], heard=str(writer.heard))
        return 0

    said = run(
        f"set context persistent\nset metadata {tmp_path / 'our.cab'}\nset verbose on\nbegin backup\n"
        "add volume c: alias ours\nadd volume d:\ncreate\nexec %DISKSH_PARAM_1%\nend backup\n",
        execute=execute,
        parameters=["our-tool"],
    )
    assert writer.heard == ["backup FULL", "complete [True]"]
    assert (found["program"], found["heard"]) == ("our-tool", "['backup FULL']")
    copies = {f"{{{copy.snapshot_id}}}": copy for copy in vsspy.administration.shadow_copies()}
    assert {found["ours"], found["VSS_SHADOW_2"]} == set(copies)
    assert UUID(found["VSS_SHADOW_SET"]) == copies[found["ours"]].snapshot_set_id
    assert all(copy.attributes & SnapshotAttributes.PERSISTENT for copy in copies.values())
    assert "Included: Our Writer:\\Ledger" in said
    assert f"* Shadow copy ID = {found['ours']} %ours%" in said
    metadata = Metadata.load(str(tmp_path / "our.cab"))
    assert metadata.aliases == {name: found[name] for name in ("ours", "VSS_SHADOW_2", "VSS_SHADOW_SET")}
    assert [each.name for each in metadata.writers] == [writer.metadata.name]
    assert metadata.document is not None
    document = vsspy.BackupDocument.from_xml(metadata.document)
    assert document.backup_type is BackupType.FULL
    assert [each.backup_succeeded for each in document.writers[0].components] == [True]
    assert machine.live_objects == 0


def test_without_begin_backup_it_is_a_copy(machine: simulator.Machine, writer: Listener) -> None:
    run("add volume c:\ncreate\nexit\n")
    assert writer.heard[0] == "backup COPY"
    assert writer.heard[1] == "complete [False]", "nobody said that anything was saved"
    assert list(machine.shadow_copies) == [], "volatile is the default"


def test_begin_backup_without_end_backup(machine: simulator.Machine, writer: Listener) -> None:
    said = run("set context persistent\nbegin backup\nadd volume c:\ncreate\n")
    assert writer.heard == ["backup FULL", "complete [False]"], "or a database would cut its log"
    assert "nothing was saved" in said[-1]
    assert len(list(machine.shadow_copies)) == 1


@pytest.mark.parametrize(
    ("context", "attributes"),
    [
        ("volatile nowriters", {"NO_WRITERS"}),
        ("persistent nowriters", {"PERSISTENT", "NO_AUTO_RELEASE", "NO_WRITERS"}),
        ("clientaccessible", {"PERSISTENT", "CLIENT_ACCESSIBLE", "NO_AUTO_RELEASE", "NO_WRITERS"}),
        ("persistent", {"PERSISTENT", "NO_AUTO_RELEASE"}),
        ("volatile", set()),
    ],
)
def test_contexts(machine: simulator.Machine, writer: Listener, context: str, attributes: set[str]) -> None:
    said = run(f"set context {context}\nadd volume c:\ncreate\n")
    (line,) = (line for line in said if "Attributes:" in line)
    assert set(line.split()[2:]) - {"NOT_SURFACED", "AUTORECOVER", "0"} == attributes
    assert bool(writer.heard) == ("NO_WRITERS" not in attributes)


def test_options_go_together_or_not(machine: simulator.Machine) -> None:
    assert "Options: rollbackrecover txfrecover" in run("set option rollbackrecover txfrecover\nset\n")
    for options in ("noautorecover txfrecover", "differential plex", "fast"):
        with pytest.raises(ScriptError, match="set option"):
            run(f"set option {options}\n")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("create", "there is no volume in the set"),
        ("end backup", "there is no backup"),
        ("end restore", "there is no restore"),
        ("begin restore", "load metadata of a backup"),
        ("simulate restore", "load metadata of a backup"),
        ("import", "load metadata of a backup"),
        ("add volume c:\nadd volume C:\\", "is in the set already"),
        ("add volume x:", "add volume"),
        ("add volume c: alias", "after the volume come"),
        ("add volume c: provider {1}", "is no id of a provider"),
        ("add volume c:\ncreate\nset context volatile", "comes before create"),
        ("add volume c:\ncreate\ncreate", "comes before create"),
        ("expose %nobody% x:", "%nobody% is no alias"),
        ("expose {1} x:", "is no id of a shadow copy"),
        ("unexpose x:", "no shadow copy is exposed as x:"),
        ("set context forever", "is no context"),
        ("set verbose loud", "on or off"),
        ("list shadows some", "say which"),
        ("list writers all", "metadata, detailed or status"),
        ("break read {00000000-0000-0000-0000-000000000001}", "the form of the command is"),
        ("mask {00000000-0000-0000-0000-000000000001}", "VSS_E_OBJECT_NOT_FOUND"),
        ("revert {00000000-0000-0000-0000-000000000001}", "there is no shadow copy"),
        ("set option transportable\nadd volume c:\ncreate", "set metadata comes first"),
        ("load metadata nowhere.cab", "nowhere.cab"),
        ("writer verify Nobody\nadd volume c:\ncreate", "Nobody is not in the backup"),
        ("writer exclude Nobody\nadd volume c:\ncreate", "Nobody"),
    ],
)
def test_what_is_refused(machine: simulator.Machine, script: str, reason: str) -> None:
    commands = parse(script)
    with pytest.raises(ScriptError) as caught:
        run(script)
    assert caught.value.line == commands[-1].line
    assert reason in caught.value.reason
    assert list(machine.shadow_copies) == []
    assert machine.live_objects == 0


def test_a_failed_script_leaves_nothing(machine: simulator.Machine, writer: Listener) -> None:
    """Persistent shadow copies too, and those that are exposed."""
    with pytest.raises(ScriptError, match=r"line 6: exec: copy.cmd failed with exit code 3"):
        run(
            "set context persistent\nbegin backup\nadd volume c: alias a\ncreate\nexpose %a% x:\nexec copy.cmd\nend backup",
            execute=lambda arguments, environment: 3,
        )
    assert list(machine.shadow_copies) == []
    assert writer.heard == ["backup FULL", "abort"]
    assert machine.live_objects == 0


def test_ctrl_c_leaves_nothing(machine: simulator.Machine) -> None:
    def interrupted(arguments: list[str], environment: Mapping[str, str]) -> int:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("set context persistent\nadd volume c:\ncreate\nexec tool", execute=interrupted)
    assert list(machine.shadow_copies) == []


def test_what_ended_stays_when_a_later_command_fails(machine: simulator.Machine) -> None:
    with pytest.raises(ScriptError, match="line 6"):
        run("set context persistent\nbegin backup\nadd volume c:\ncreate\nend backup\nexpose %no% x:")
    assert len(list(machine.shadow_copies)) == 1


def test_writers_that_are_wanted_and_not(machine: simulator.Machine, writer: Listener) -> None:
    wanted = [
        "Our Writer",
        f"{{{WRITER_ID}}}",
        "Our Writer:\\Ledger",
        "Ledger",
    ]
    script = "".join(f"writer verify {each}\n" for each in wanted)
    assert "Included: Our Writer:\\Ledger" in run(f"set verbose on\n{script}add volume c:\ncreate\n")
    del writer.heard[:]
    run('writer exclude "Our Writer"\nadd volume c:\ncreate\n')
    assert writer.heard == []
    with pytest.raises(ScriptError, match="demands it"):
        run("writer exclude Our Writer:\\Ledger\nwriter verify Ledger\nadd volume c:\ncreate\n")


def test_reset_begins_anew(machine: simulator.Machine) -> None:
    said = run("set context persistent\nadd volume c:\nadd alias x y\nset metadata m.cab\nreset\nset\nadd\n")
    assert "Context: volatile" in said
    assert "Metadata: none" in said
    assert "0 volumes in the shadow copy set." in said
    assert "No aliases in the environment." in said


def test_what_there_is(machine: simulator.Machine) -> None:
    said = run("list providers\nlist writers status\nlist writers detailed\nlist\nlist shadows all\n")
    assert "* ProviderID: {b5946137-7b9f-4925-af80-51abd60b20d5}" in said
    assert "1 provider registered." in said
    assert "        - Status: 1 (VSS_WS_STABLE)" in said
    assert "1 writer listed." in said
    assert sum("Component Our Writer" in line for line in said) == 2
    assert said[-1] == "Number of shadow copies listed: 0"


def test_deleting(machine: simulator.Machine) -> None:
    make = "set context persistent nowriters\nadd volume c: alias a\ncreate\nend backup\nadd volume d: alias b\ncreate\nend backup\n"
    for words, left in (
        ("all", 0), ("volume c:", 1), ("oldest d:", 1), ("set %VSS_SHADOW_SET%", 1), ("id %a%", 1), ("id %b%", 1),
    ):  # fmt: skip
        run(f"{make}delete shadows {words}\n")
        assert len(list(machine.shadow_copies)) == left, words
        run("delete shadows all\n")


def test_deleting_what_is_under_work(machine: simulator.Machine, writer: Listener) -> None:
    """Scripts delete their shadow copies before they end: the writers are told all the same that the backup is good."""
    script = "set context persistent\nbegin backup\nadd volume c: alias a\ncreate\n{}\nend backup\n"
    said = run(script.format("delete shadows id %a%"))
    assert "will be deleted when its backup is over" in said[-2]
    assert writer.heard == ["backup FULL", "complete [True]"]
    assert list(machine.shadow_copies) == []
    run("add volume c:\ncreate\ndelete shadows all\nreset\n")
    assert list(machine.shadow_copies) == []


def test_exposing(machine: simulator.Machine) -> None:
    script = "set context persistent\nadd volume c: alias a\ncreate\nexpose %a% x:\nunexpose x:\n"
    said = run(script)
    assert any("is exposed as" in line for line in said)
    assert "is exposed no more." in said[-1]
    run(
        "delete shadows all\nset context persistent\nadd volume c: alias a\ncreate\nexpose %a% \\\\server\\mine\ndelete shadows exposed mine\n"
    )
    assert list(machine.shadow_copies) == []


def test_going_back(machine: simulator.Machine, volume: Path) -> None:
    machine_had = (volume / "data.txt").read_text()
    identity = run("set context persistent nowriters\nadd volume c: alias a\ncreate\nend backup\nadd\n")
    value = next(line.partition(" = ")[2] for line in identity if line.startswith("%a% = "))
    (volume / "data.txt").write_text("lost")
    run(f"revert {value}\n")
    with vsspy.administration.administration() as components:
        try:
            components.query_revert_status("C:\\").wait()
        except vsspy.ObjectNotFoundError:
            pass  # it is over
    assert (volume / "data.txt").read_text() == machine_had


# --- restoring, and moving -------------------------------------------------------------------------------------------


def test_a_restore(machine: simulator.Machine, writer: Listener, tmp_path: Path) -> None:
    cabinet = tmp_path / "our.cab"
    run(f"set metadata {cabinet}\nbegin backup\nadd volume c:\nadd volume d:\ncreate\nend backup\n")
    del writer.heard[:]
    said = run(f"set verbose on\nload metadata {cabinet}\nsimulate restore\n")
    assert "Included: Our Writer:\\Ledger" in said
    assert writer.heard == []
    run(f"load metadata {cabinet}\nwriter verify Ledger\nbegin restore\nexec tool\nend restore\n", execute=lambda *_: 0)
    assert writer.heard == ["pre restore", "post restore ['ALL']"]
    with pytest.raises(ScriptError, match="there is nothing to restore"):
        run(f"load metadata {cabinet}\nwriter exclude Our Writer\nbegin restore\n")
    del writer.heard[:]
    said = run(f"load metadata {cabinet}\nbegin restore\n")
    assert "their files are not whole" in said[-1]
    assert writer.heard == ["pre restore", "post restore ['FAILED']"], "none may wait for ever"
    del writer.heard[:]
    with pytest.raises(ScriptError, match="exec"):
        run(f"load metadata {cabinet}\nbegin restore\nexec tool\nend restore\n", execute=lambda *_: 1)
    assert writer.heard == ["pre restore", "post restore ['FAILED']"]
    assert machine.live_objects == 0


def test_a_transportable_set(volume: Path, tmp_path: Path) -> None:
    cabinet = tmp_path / "transportable.cab"
    with simulator.running(volumes={"C:\\": volume}, hardware_provider=True) as machine:
        run(
            f"SET CONTEXT PERSISTENT\nSET CONTEXT TRANSPORTABLE\nSET METADATA {cabinet}\nADD VOLUME C: ALIAS t\nCREATE\nEND BACKUP\n"
        )
        assert Metadata.load(str(cabinet)).document is not None
        said = run(f"LOAD METADATA {cabinet}\nIMPORT\nbreak writable %VSS_SHADOW_SET%\n")
        assert any("%t%" in line for line in said)
        assert len(machine.broken) == 1
        assert list(machine.shadow_copies) == []


# --- the metadata file -----------------------------------------------------------------------------------------------


def test_cabinets() -> None:
    files = {"a.xml": b"x" * 70_000, "empty": b"", "\N{LATIN SMALL LETTER U WITH DIAERESIS}": bytes(range(256))}
    whole = write_cabinet(files)
    assert read_cabinet(whole) == files
    with pytest.raises(CabinetError, match="more than is read"):
        read_cabinet(whole, largest=1000)
    with pytest.raises(CabinetError, match="checksum"):
        read_cabinet(whole.replace(b"x" * 10, b"y" * 10, 1))
    for length in range(200):
        with pytest.raises(CabinetError):
            read_cabinet(whole[:length])
    for bad in ({}, {"": b""}, {"a\0b": b""}, {"x" * 300: b""}):
        with pytest.raises(CabinetError):
            write_cabinet(bad)


def test_compressed_cabinets() -> None:
    """DiskShadow's own are; blocks after the first one use those before as their dictionary."""
    content = os.urandom(16) * 4096
    blocks, packed = [content[:32768], content[32768:]], b""
    for number, block in enumerate(blocks):
        deflater = (
            zlib.compressobj(9, zlib.DEFLATED, -15, zdict=blocks[0])
            if number
            else zlib.compressobj(9, zlib.DEFLATED, -15)
        )
        data = b"CK" + deflater.compress(block) + deflater.flush()
        packed += struct.pack("<IHH", 0, len(data), len(block)) + data
    name = b"BCDocument.xml\0"
    head = struct.pack("<4sIIIIIBBHHHHH", b"MSCF", 0, 0, 0, 44, 0, 3, 1, 1, 1, 0, 0, 0)
    file = struct.pack("<IIHHHH", len(content), 0, 0, 0, 0, 0x20) + name
    whole = head + struct.pack("<IHH", 44 + len(file), 2, 1) + file + packed
    assert read_cabinet(whole) == {"BCDocument.xml": content}
    with pytest.raises(CabinetError, match="damaged|another size"):
        read_cabinet(whole[: len(whole) - len(packed) + 12] + b"\xff" * 40 + whole[len(whole) - len(packed) + 52 :])
    with pytest.raises(CabinetError, match="method"):
        read_cabinet(head + struct.pack("<IHH", 44 + len(file), 2, 3) + file + packed)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"a": b""}, "holds no Manifest.xml"),
        ({"Manifest.xml": b"<Manifest"}, "cannot be read"),
        ({"Manifest.xml": b"<!DOCTYPE a><Manifest/>"}, "declaration"),
        ({"Manifest.xml": b"<Manifest/>", "BCDocument.xml": b"<a/>"}, "a document in it is broken"),
        ({"Manifest.xml": b"<Manifest/>", "WM0.xml": b"<a/>"}, "a document in it is broken"),
    ],
)
def test_what_is_no_metadata_file(tmp_path: Path, files: dict[str, bytes], reason: str) -> None:
    path = tmp_path / "m.cab"
    path.write_bytes(write_cabinet(files))
    with pytest.raises(CabinetError, match=reason):
        Metadata.load(str(path))


def test_a_manifest_as_diskshadow_writes_it(tmp_path: Path) -> None:
    """UTF-16 without a mark, single quotes, blanks before the brackets' ends (vss_xml 5)."""
    manifest = (
        "<Manifest ><Aliases ><Alias Name = 'Ours' Value = '{e109943b-232e-4b52-8dc4-62b7de94761b}' ></Alias></Aliases>"
        "<Writers Count = '1' ><Writer Name = 'System%sWriter' MetadataFile = 'C:\\Temp\\WM0.xml' ></Writer></Writers></Manifest>"
    )
    path = tmp_path / "m.cab"
    path.write_bytes(write_cabinet({"Manifest.xml": manifest.encode("utf-16-le"), "WM0.xml": DOCUMENT.encode()}))
    found = Metadata.load(str(path))
    assert found.aliases == {"Ours": "{e109943b-232e-4b52-8dc4-62b7de94761b}"}
    assert found.document is None
    assert len(found.writers) == 1


def test_a_metadata_file_that_cannot_be_written(machine: simulator.Machine, tmp_path: Path) -> None:
    with pytest.raises(ScriptError, match="create"):
        run(f"set context persistent\nset metadata {tmp_path / 'missing' / 'm.cab'}\nadd volume c:\ncreate\n")
    assert list(machine.shadow_copies) == [], "without its metadata the set is not what was asked for"
    assert list(tmp_path.glob("*.tmp")) == []


@pytest.mark.skipif(sys.platform == "win32", reason="the program is a shell's script")
def test_a_program_is_run(machine: simulator.Machine, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho ran with $ours\n")
    program.chmod(0o700)
    said = run(f"add volume c: alias ours\ncreate\nexec {program}\n")
    assert any(line.startswith("Alias ours for shadow copy ID {") for line in said)
    assert capfd.readouterr().out.startswith("ran with {")
    with pytest.raises(ScriptError, match="exec"):
        run(f"exec {tmp_path / 'no such program'}\n")
