"""`vsspy create`: persistent shadow copies, those for a command, documents, and sets of hardware providers."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from cli_support import BACKEND, ROOT, Runner, add_to_machines, make_runner, make_server, snapshot_of
from json_schema import check_json

from vsspy import simulator
from vsspy.metadata import WriterMetadata

WRITERS = ROOT / "examples" / "writers"
READ = [sys.executable, "-c", "import sys; print(open(sys.argv[1]).read()); sys.exit(int(sys.argv[2]))"]


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    return make_server(tmp_path, monkeypatch, writers=simulator.Writer.folder(WRITERS))


def shadows(vsspy: Runner) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = check_json("list-shadows", vsspy("list", "shadows", "--json").output)["shadow_copies"]
    return found


@pytest.mark.parametrize(
    ("options", "context"),
    [
        (["--persistent"], "app-rollback"),
        (["--persistent", "--no-writers"], "nas-rollback"),
        (["--context", "app-rollback"], "app-rollback"),
        (["--context", "nas-rollback", "--persistent"], "nas-rollback"),
        (["--context", "client-accessible"], "client-accessible"),
        (["--context", "client-accessible-writers"], "client-accessible-writers"),
    ],
    ids=" ".join,
)
def test_what_stays(vsspy: Runner, server: dict[str, Path], options: list[str], context: str) -> None:
    done = vsspy("create", "C:\\", *options, "--json")
    made = check_json("create", done.output)
    assert done.code == 0 and made["good"] and made["command_exit_code"] is None
    (copy,) = made["shadow_copies"]
    assert copy["context"] == context and copy["set_id"] == made["set_id"]
    assert shadows(vsspy) == [copy]
    assert (Path(copy["device"]) / "file").read_text(encoding="ascii") == "C"


def test_it_is_told_to_people(vsspy: Runner, server: dict[str, Path]) -> None:
    done = vsspy("create", "C:\\", "D:", "--persistent")
    assert done.code == 0 and done.error == ""
    assert "2 of 2 shadow copies" in done.output and "app-rollback" in done.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["C:\\"], ("would go with this process", "--persistent", "--exec")),
        (["C:\\", "--context", "file-share-backup"], ("would go with this process",)),
        (["C:\\", "--persistent", "--context", "backup"], ("--context backup is not persistent",)),
        (["C:\\", "--context", "all"], ("all",)),
        (["C:\\", "C:", "--persistent"], ("C: is given twice",)),
        (["E:\\", "--persistent"], ("there is no volume E:\\", "vsspy list volumes")),
        (["C:\\", "--persistent", "--no-writers", "--component", "X"], ("--component needs writers",)),
        (["C:\\", "--persistent", "--no-writers", "--writer-documents", "x"], ("--writer-documents needs writers",)),
        (["C:\\", "--persistent", "--exclude", "X"], ("--exclude", "--component")),
        (["C:\\", "--persistent", "--component", "X:"], ("WRITER:COMPONENT",)),
        (["C:\\", "--persistent", "--component", "Nobody"], ("Nobody",)),
        (["C:\\", "--persistent", "--backup-components", "missing/x.xml"], ("its folder does not exist",)),
        (["C:\\", "--persistent", "--backup-components", "file"], ("file exists",)),
        (["C:\\", "--persistent", "--writer-documents", "."], ("is not empty",)),
        (["C:\\", "--persistent", "--attribute", "transportable"], ("VSS_E_",)),
        (["C:\\", "--persistent", "--attribute", "persistent"], ("--attribute", "transportable")),
        (["C:\\", "--persistent", "--provider", "x"], ("x is no id of a provider",)),
        (["C:\\", "--persistent", "--provider", "0badc0de-0000-0000-0000-000000000000"], ("PROVIDER_NOT_REGISTERED",)),
        (["C:\\", "--exec", "no-such-program-anywhere"], ("no-such-program-anywhere", "nothing was made")),
        (["C:\\", "--exec", sys.executable + " {E:}"], ("{E:} is not among the volumes",)),
        (["C:\\", "--exec", " "], ("--exec needs a command",)),
        (["C:\\", "--persistent", "--timeout", "0"], ("--timeout",)),
        ([], ("VOLUME",)),
        (["", "--persistent"], ("a VOLUME is empty",)),
    ],
    ids=str,
)
def test_one_line_and_nothing_made(
    vsspy: Runner,
    server: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: tuple[str, ...],
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.chdir(tmp_path)
    done = vsspy("create", *arguments)
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error
    assert shadows(vsspy) == []
    assert (tmp_path / "file").read_text() == "x"


def test_a_machine_of_its_own_keeps_nothing(vsspy: Runner, tmp_path: Path) -> None:
    done = vsspy("create", "E:\\", "--volume", f"E:\\={tmp_path}", "--persistent")
    assert done.code == 2 and "VSSPY_SIMULATOR" in done.error


def test_documents(vsspy: Runner, server: dict[str, Path], tmp_path: Path) -> None:
    """What the set is about is saved; a component is claimed, and its writer hears that the backup succeeded."""
    components, documents = tmp_path / "set.xml", tmp_path / "documents"
    done = vsspy(
        *("create", "C:\\", "--persistent", "--json", "--component", "Shop Database Writer:Shop"),
        *("--backup-components", components, "--writer-documents", documents),
    )
    made = check_json("create", done.output)
    assert done.code == 0
    assert [(each["writer"], each["name"], each["state"]) for each in made["components"]] == [
        ("Shop Database Writer", "Shop", "succeeded")
    ]
    text = components.read_text(encoding="utf-8")
    assert 'componentName="Shop"' in text and 'backupSucceeded="yes"' in text, "as it is after BackupComplete"
    names = [WriterMetadata.from_xml(path.read_bytes()).name for path in sorted(documents.iterdir())]
    assert names == ["Shop Catalog Writer", "Shop Database Writer"]


def test_an_excluded_component(vsspy: Runner, server: dict[str, Path]) -> None:
    options = ("--component", "Shop Database Writer", "--exclude", "Shop Database Writer:Configuration")
    made = check_json("create", vsspy("create", "C:\\", "--persistent", "--json", *options).output)
    assert [each["name"] for each in made["components"]] == ["Shop"]


def quoted(*words: str) -> str:
    return " ".join(f'"{word}"' for word in words)


@pytest.mark.parametrize("code", [0, 3])
def test_for_a_command(vsspy: Runner, server: dict[str, Path], code: int) -> None:
    """The shadow copies are there while the command runs, and gone afterwards; its output does not mix with the JSON."""
    options = ("--component", "Shop Catalog Writer:Catalog")
    done = vsspy("create", "C:\\", "--exec", quoted(*READ, "{C:}file", str(code)), "--json", *options)
    made = check_json("create", done.output)
    assert done.code == (1 if code else 0) and made["command_exit_code"] == code
    assert shadows(vsspy) == []


def test_the_command_and_the_document(vsspy: Runner, server: dict[str, Path], tmp_path: Path) -> None:
    """A command that fails makes the claimed component a failed one."""
    options = ("--component", "Shop Catalog Writer:Catalog", "--persistent", "--json")
    done = vsspy("create", "C:\\", "--exec", quoted(sys.executable, "-c", "raise SystemExit(3)"), *options)
    made = check_json("create", done.output)
    assert (done.code, made["command_exit_code"], made["good"]) == (1, 3, False)
    assert [(each["state"], each["reason"]) for each in made["components"]] == [("failed", "the command ended with 3")]
    assert "exit code 3" in done.error
    assert [each["id"] for each in shadows(vsspy)] == [made["shadow_copies"][0]["id"]], "what is persistent stays"


def test_a_writer_that_fails(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def veto(event: Any) -> None:
        raise simulator.WriterVeto("VSS_E_WRITERERROR_RETRYABLE")

    add_to_machines(monkeypatch, writers=[simulator.Writer("Grumpy", on_post_snapshot=veto)])
    done = vsspy(
        *("create", "E:\\", "--volume", f"E:\\={tmp_path}", "--json"),
        *("--exec", quoted(sys.executable, "-c", "")),
    )
    made = check_json("create", done.output)
    assert done.code == 1 and not made["good"]
    (failed,) = made["failed_writers"]
    assert (failed["name"], failed["failure"]) == ("Grumpy", "VSS_E_WRITERERROR_RETRYABLE")
    assert "Grumpy failed with VSS_E_WRITERERROR_RETRYABLE" in done.error


def test_what_fails_late_leaves_nothing(
    vsspy: Runner, server: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document that cannot be written makes the whole command fail: the set and the other documents go again."""
    from vsspy.cli import report

    def refuse(path: str, text: str) -> None:
        if "Database" in path:
            raise OSError(28, "No space left on device")
        Path(path).write_text(text, encoding="utf-8")

    monkeypatch.setattr(report, "write_text", refuse)
    before = snapshot_of(tmp_path / "server" / "writers")
    options = ("--backup-components", tmp_path / "set.xml", "--writer-documents", tmp_path / "documents")
    done = vsspy("create", "C:\\", "--persistent", *options)
    assert done.code == 2 and "No space left on device; nothing was made" in done.error
    assert shadows(vsspy) == []
    assert not (tmp_path / "set.xml").exists() and not (tmp_path / "documents").exists()
    assert snapshot_of(tmp_path / "server" / "writers") == before


def test_ctrl_c_ends_the_waiting(vsspy: Runner, server: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    from vsspy.cli import create

    seen: list[bool] = []

    def wait(interrupts: Any, check: Any) -> None:
        check()
        seen.append(True)

    monkeypatch.setattr(create, "wait_for_end", wait)
    done = vsspy("create", "C:\\", "--wait")
    assert done.code == 0 and seen == [True] and "Ctrl-C ends this and deletes them" in done.error
    assert shadows(vsspy) == []


@pytest.mark.parametrize("more", [[], ["--no-writers"]], ids=str)
def test_a_transportable_set(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: list[str]) -> None:
    """Made, imported from its document, and broken into ordinary volumes; all on one machine, whose array goes with it."""
    make_server(tmp_path, monkeypatch, hardware_provider=True)
    document = tmp_path / "set.xml"
    with simulator.opened(tmp_path / "server") as machine:
        monkeypatch.setattr(simulator, "opened", lambda folder: contextlib.nullcontext(machine))
        options = ("--persistent", "--attribute", "transportable", "--backup-components", document, "--json")
        made = check_json("create", vsspy("create", "C:\\", *options, *more).output)
        (before,) = made["shadow_copies"]
        assert before["device"] == "" and "transportable" in before["attributes"]
        assert "none until it is imported" in vsspy("list", "shadows").output
        refused = vsspy("mount", "--id", before["id"], tmp_path / "link")
        assert refused.code == 2 and "no device until it is imported" in refused.error

        done = vsspy("import", document, "--json")
        (copy,) = check_json("import", done.output)["shadow_copies"]
        assert done.code == 0 and copy["id"] == before["id"] and "imported" in copy["attributes"]
        assert (Path(copy["device"]) / "file").read_text(encoding="ascii") == "C"

        done = vsspy("break", made["set_id"], "--writable", "--yes", "--json")
        assert check_json("break", done.output) == {"set_id": made["set_id"], "broken": [copy["id"]]}
        assert done.code == 0 and shadows(vsspy) == []
        assert len(machine.broken) == 1
        assert {entry.name for entry in machine.trace if "Break" in entry.name} == {
            "IVssBackupComponentsEx2::BreakSnapshotSetEx"
        }


def test_a_set_is_broken_as_it_is(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options it is BreakSnapshotSet."""
    make_server(tmp_path, monkeypatch, hardware_provider=True)
    with simulator.opened(tmp_path / "server") as machine:
        monkeypatch.setattr(simulator, "opened", lambda folder: contextlib.nullcontext(machine))
        made = check_json("create", vsspy("create", "C:\\", "--persistent", "--json").output)
        done = vsspy("break", made["set_id"], "--yes")
        assert done.code == 0 and done.output == "The set is broken; its 1 volumes are ordinary ones now.\n"
        assert [entry.name for entry in machine.trace if "Break" in entry.name] == [
            "IVssBackupComponents::BreakSnapshotSet"
        ]


def test_the_saved_document_touches_no_other_file(vsspy: Runner, server: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    other = tmp_path / "out" / "set.xml.new"
    other.write_text("mine", encoding="ascii")
    assert vsspy("create", "C:\\", "--persistent", "--backup-components", tmp_path / "out" / "set.xml").code == 0
    assert other.read_text(encoding="ascii") == "mine"
    assert sorted(path.name for path in other.parent.iterdir()) == ["set.xml", "set.xml.new"]


def test_a_document_that_somebody_else_saved_meanwhile(
    vsspy: Runner, server: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from vsspy.cli import create

    document, check = tmp_path / "set.xml", create._check_options

    def check_and_be_late(*arguments: Any) -> None:
        check(*arguments)
        document.write_text("theirs", encoding="ascii")

    monkeypatch.setattr(create, "_check_options", check_and_be_late)
    done = vsspy("create", "C:\\", "--persistent", "--backup-components", document)
    assert done.code == 2 and "nothing was made" in done.error
    assert document.read_text(encoding="ascii") == "theirs"
    assert shadows(vsspy) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full is Linux's")
@pytest.mark.parametrize("form", [[], ["--json"]], ids=["table", "json"])
def test_output_that_cannot_be_written_does_not_undo_what_was_done(
    vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: list[str]
) -> None:
    """2 would say that there are no shadow copies."""
    (tmp_path / "c").mkdir()
    vsspy("simulator", "init", tmp_path / "machine", "--volume", f"C:\\={tmp_path / 'c'}")
    monkeypatch.setenv("VSSPY_SIMULATOR", str(tmp_path / "machine"))
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-P", "-m", "vsspy", "create", "C:", "--persistent", *form]
        ended = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    assert ended.returncode == 1 and "the output could not be written" in ended.stderr
    assert len(shadows(vsspy)) == 1


def test_what_cannot_be_imported(vsspy: Runner, server: dict[str, Path], tmp_path: Path) -> None:
    document = tmp_path / "set.xml"
    assert vsspy("create", "C:\\", "--persistent", "--backup-components", document).code == 0
    done = vsspy("import", document)
    assert done.code == 2 and "VSS_E_NONTRANSPORTABLE_BCD" in done.error
    document.write_bytes(document.read_bytes().decode("utf-8").encode("utf-16"))  # as some editors save it
    assert "VSS_E_NONTRANSPORTABLE_BCD" in vsspy("import", document).error
    document.write_text("no document")
    assert vsspy("import", document).code == 2
    document.write_bytes(b"\xff\xff\xff")
    assert "no text in UTF-8" in vsspy("import", document).error
    missing = vsspy("import", tmp_path / "missing.xml")
    assert missing.code == 2 and missing.error.count("\n") == 1


def test_a_set_of_the_system_provider_is_not_broken(vsspy: Runner, server: dict[str, Path]) -> None:
    made = check_json("create", vsspy("create", "C:\\", "--persistent", "--json").output)
    for options in ([], ["--writable"]):
        done = vsspy("break", made["set_id"], "--yes", *options)
        assert done.code == 2 and "VSS_E_PROVIDER_VETO" in done.error
    assert vsspy("break", made["set_id"]).error.endswith("give --yes to mean it\n")
    assert "exclude each other" in vsspy("break", made["set_id"], "--revert-identity", "--keep-identity").error
    assert "there is no set" in vsspy("break", "0badc0de-0000-0000-0000-000000000000").error
    assert [each["set_id"] for each in shadows(vsspy)] == [made["set_id"]]


def test_two_processes(vsspy: Runner, server: dict[str, Path]) -> None:
    """What another process made is seen, and can be deleted."""
    command = [sys.executable, "-m", "vsspy", "create", *BACKEND, "C:\\", "--persistent", "--no-writers", "--json"]
    made = check_json("create", subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert shadows(vsspy) == made["shadow_copies"]
    assert vsspy("delete", "--set", made["set_id"], "--yes").code == 0
    assert shadows(vsspy) == []


def test_a_set_is_written_back(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The provider writes a shadow copy to its own volume, and to another one."""
    server = make_server(tmp_path, monkeypatch, hardware_provider=True)
    document = tmp_path / "set.xml"
    with simulator.opened(tmp_path / "server") as machine:
        monkeypatch.setattr(simulator, "opened", lambda folder: contextlib.nullcontext(machine))
        options = ("--persistent", "--attribute", "transportable", "--backup-components", document, "--json")
        made = check_json("create", vsspy("create", "C:\\", *options).output)
        copy = made["shadow_copies"][0]["id"]
        (server["C"] / "file").write_text("later", encoding="ascii")
        asked = vsspy("resync", document, "--id", copy)
        assert asked.code == 2 and "What is there is lost" in asked.error
        assert (server["C"] / "file").read_text(encoding="ascii") == "later"
        done = vsspy("resync", document, "--id", copy, "--yes", "--json")
        assert check_json("resync", done.output) == {"written": [{"id": copy, "volume": None}]}
        assert (server["C"] / "file").read_text(encoding="ascii") == "C"
        other = ("resync", document, "--id", f"{copy}=D:", "--yes")
        refused = vsspy(*other, "--revert-identity")
        assert refused.code == 2 and "VSS_E_CANNOT_REVERT_DISKID" in refused.error, "the original disks are there"
        assert (server["D"] / "file").read_text(encoding="ascii") == "D"
        done = vsspy(*other, "--no-volume-check")
        assert (done.code, done.output) == (0, "1 volume written back.\n"), done
        assert (server["D"] / "file").read_text(encoding="ascii") == "C"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["missing.xml", "--id", "ID"], ("missing.xml",)),
        (["file"], ("--id",)),
        (["file", "--id", "x"], ("x is no id",)),
        (["file", "--id", "ID=data"], ("data is no name of a volume",)),
        (["file", "--id", "ID", "--id", "ID=D:"], ("given twice",)),
        (["file", "--id", "ID", "--yes"], ("VSS_E_INVALID_XML_DOCUMENT",)),
    ],
    ids=str,
)
def test_what_cannot_be_written_back(
    vsspy: Runner,
    server: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: tuple[str, ...],
) -> None:
    (tmp_path / "file").write_text("no document")
    monkeypatch.chdir(tmp_path)
    unknown = "0badc0de-0000-0000-0000-000000000000"
    done = vsspy("resync", *[word.replace("ID", unknown) for word in arguments])
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error


@pytest.mark.parametrize("chosen", [True, False])
def test_a_provider(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: bool) -> None:
    """VSS asks hardware providers first; --provider names another one."""
    make_server(tmp_path, monkeypatch, hardware_provider=True)
    providers = check_json("list-providers", vsspy("list", "providers", "--json").output)["providers"]
    ids = {each["type"]: each["id"] for each in providers}
    with simulator.opened(tmp_path / "server") as machine:
        monkeypatch.setattr(simulator, "opened", lambda folder: contextlib.nullcontext(machine))
        options = ["--provider", ids["system"]] if chosen else []
        made = check_json("create", vsspy("create", "C:", "--persistent", "--json", *options).output)
    assert made["shadow_copies"][0]["provider_id"] == ids["system" if chosen else "hardware"]
