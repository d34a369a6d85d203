"""`vsspy exec` and `vsspy mount`: a command on shadow copies, its exit code, its signals, and nothing left behind."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cli_support import Runner, make_runner, make_server
from json_schema import check_json

from vsspy import simulator
from vsspy.cli.errors import CommandError
from vsspy.cli.interrupts import Interrupts
from vsspy.cli.running import Placeholders, run_command, split_command, wait_for_end, why_not_batch

posix_only = pytest.mark.skipif(
    sys.platform == "win32", reason="Windows cannot send a signal to another process without a console"
)
needs_links = pytest.mark.skipif(
    sys.platform == "win32", reason="Wine makes no links, and Windows wants a privilege for them"
)


def python(script: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", textwrap.dedent(script), *arguments]


# Writes what it finds into a file: the contents of files, and the environment that it got.
LOOK = """
    import json, os, sys
    texts = [open(name, encoding="ascii").read() for name in sys.argv[3:]]
    found = {name: value for name, value in os.environ.items() if name.startswith("VSSPY_SHADOW_")}
    with open(sys.argv[1], "w") as stream:
        json.dump({"texts": texts, "environment": found}, stream)
    sys.exit(int(sys.argv[2]))
"""


@pytest.fixture
def vsspy(capsys: pytest.CaptureFixture[str]) -> Runner:
    return make_runner(capsys)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    return make_server(tmp_path, monkeypatch)


def nothing_left(vsspy: Runner, server: dict[str, Path]) -> None:
    assert check_json("list-shadows", vsspy("list", "shadows", "--json").output) == {"shadow_copies": []}
    running = server["C"].parent / "server" / "state" / "running"
    assert not running.exists() or list(running.iterdir()) == []


# -- placeholders ------------------------------------------------------------------------------------------------------

ROOTS = {"C:\\": "<c>\\", "/srv/data/": "<data>/", "\\\\?\\Volume{1}\\": "<guid>\\"}


@pytest.mark.parametrize(
    ("argument", "filled"),
    [
        ("{C:}", "<c>\\"),
        ("{c:}", "<c>\\"),
        ("{C:\\}", "<c>\\"),
        ("{C:}\\Data", "<c>\\Data"),
        ("{C:\\}Data", "<c>\\Data"),
        ("{C:}/Data", "<c>\\Data"),
        ("{0}", "<c>\\"),
        ("{0}\\a {1}/b", "<c>\\a <data>/b"),
        ("{/srv/data}/x", "<data>/x"),
        ("{/srv/data/}x", "<data>/x"),
        ("{\\\\?\\Volume{1}}", "{\\\\?\\Volume<data>/}"),  # braces do not nest: such a volume goes by its number
        ("{2}", "<guid>\\"),
        ("--from={0} --to=E:\\", "--from=<c>\\ --to=E:\\"),
        ("{3}", "{3}"),
        ("{}", "{}"),
        ("a{1,2}b", "a{1,2}b"),
        ("{{0}}", "{0}"),
        ("{{C:}}", "{C:}"),
        ("{{.Name}}", "{{.Name}}"),
        ("{/srv/other}", "{/srv/other}"),
        ("%C:%", "%C:%"),
    ],
)
def test_placeholders(argument: str, filled: str) -> None:
    assert Placeholders(list(ROOTS)).fill([argument], ROOTS) == [filled]


def test_a_volume_that_is_none_of_these() -> None:
    with pytest.raises(CommandError, match="D:.* is not among the volumes"):
        Placeholders(list(ROOTS)).check([sys.executable, "{D:}\\Data"])


def test_what_a_batch_file_would_not_get() -> None:
    """Whatever starts a batch file on Windows: cmd.exe reads its arguments once more."""
    assert why_not_batch("C:\\Tools\\copy.CMD", ["a b", "\\\\?\\GLOBALROOT\\Device\\x\\"]) is None
    assert why_not_batch("robocopy.exe", ["%PATH%", "a&b"]) is None
    for risky in ("a&calc", "%PATH%", 'a"b', "a\nb"):
        assert "is a batch file" in (why_not_batch("copy.bat", ["x", risky]) or "")


@pytest.mark.skipif(sys.platform == "win32", reason="as a POSIX shell parts words")
def test_words() -> None:
    assert split_command('a \'b c\' "d\\"" {C:}') == ["a", "b c", 'd"', "{C:}"]
    with pytest.raises(CommandError, match="quot"):
        split_command("a 'b")


# -- exec ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", [0, 2])
def test_its_exit_code_and_what_it_sees(vsspy: Runner, server: dict[str, Path], tmp_path: Path, code: int) -> None:
    """Robocopy's codes above 0 say what it did: they are passed on as they are."""
    report = tmp_path / "report.json"
    command = python(LOOK, str(tmp_path / "seen"), str(code), "{C:}file", "{1}file")
    done = vsspy("exec", "-v", "C:", "-v", "D:\\", "--json", report, "--", *command)
    assert (done.code, done.output, done.error) == (code, "", "")
    seen = json.loads((tmp_path / "seen").read_text())
    assert seen["texts"] == ["C", "D"]
    facts = check_json("exec", report.read_text(encoding="utf-8"))
    assert facts["exit_code"] == code and facts["error"] is None
    first, second = facts["shadow_copies"]
    assert {name: value.rstrip(os.sep) for name, value in seen["environment"].items()} == {
        "VSSPY_SHADOW_SET": first["set_id"],
        "VSSPY_SHADOW_0": first["device"],
        "VSSPY_SHADOW_0_ID": first["id"],
        "VSSPY_SHADOW_0_VOLUME": "C:\\".rstrip(os.sep),
        "VSSPY_SHADOW_1": second["device"],
        "VSSPY_SHADOW_1_ID": second["id"],
        "VSSPY_SHADOW_1_VOLUME": "D:\\".rstrip(os.sep),
    }
    assert seen["environment"]["VSSPY_SHADOW_0"].endswith(os.sep)
    assert facts["command"][-1].startswith(second["device"])
    nothing_left(vsspy, server)


@pytest.mark.parametrize("options", [[], ["--no-writers"]], ids=str)
def test_writers_take_part_or_not(
    vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    heard: list[str] = []
    make_server(tmp_path, monkeypatch)
    with simulator.opened(tmp_path / "server") as machine:
        machine.add_writer(simulator.Writer("Listener", on_freeze=lambda event: heard.append("freeze")))
        monkeypatch.setattr(simulator, "opened", lambda folder: contextlib.nullcontext(machine))
        assert vsspy("exec", "-v", "C:", *options, "--", *python("")).code == 0
        assert machine.shadow_copies == [] and machine.live() == []
    assert heard == ([] if options else ["freeze"])


def test_options_of_the_command_are_its_own(vsspy: Runner, server: dict[str, Path], tmp_path: Path) -> None:
    command = python("import sys; sys.exit(0 if sys.argv[1:] == ['-v', '--json', '--help', '--'] else 9)")
    assert vsspy("exec", "-v", "C:", "--", *command, "-v", "--json", "--help", "--").code == 0
    assert vsspy("exec", "-v", "C:", *command, "-v", "--json", "--help", "--").code == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--", "x"], ("-v",)),
        (["-v", "C:"], ("COMMAND",)),
        (["-v", "", "--", sys.executable], ("a VOLUME is empty",)),
        (["-v", "C:", "--"], ("COMMAND",)),
        (["-v", "E:", "--", sys.executable], ("there is no volume E:\\",)),
        (["-v", "C:", "-v", "c:\\", "--", sys.executable], ("is given twice",)),
        (["-v", "C:", "--", "no-such-program-anywhere"], ("no-such-program-anywhere", "nothing was made")),
        (["-v", "C:", "--", sys.executable, "{D:}"], ("{D:} is not among the volumes", "-v D:")),
        (["-v", "C:", "--json", "missing/report", "--", sys.executable], ("its folder does not exist",)),
        (["-v", "C:", "--json", ".", "--", sys.executable], ("is a folder",)),
        (["-v", "C:", "--", "{C:}file-that-is-no-program"], ("cannot be started",)),
    ],
    ids=str,
)
def test_one_line_where_there_is_no_shadow_copy(
    vsspy: Runner, server: dict[str, Path], arguments: list[str], words: Sequence[str]
) -> None:
    done = vsspy("exec", *arguments)
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error
    nothing_left(vsspy, server)


def test_the_report_tells_whose_exit_code_it_is(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = tmp_path / "report.json"
    fault = simulator.Fault("IVssBackupComponents::DoSnapshotSet", "VSS_E_INSUFFICIENT_STORAGE")
    make_server(tmp_path, monkeypatch, faults=[fault])
    done = vsspy("exec", "-v", "C:", "--json", report, "--", *python("raise SystemExit(2)"))
    facts = check_json("exec", report.read_text(encoding="utf-8"))
    assert done.code == 2 and facts["exit_code"] is None
    assert "VSS_E_INSUFFICIENT_STORAGE" in facts["error"] and "VSS_E_INSUFFICIENT_STORAGE" in done.error


def test_what_fails_after_the_command(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shadow copy that was lost meanwhile makes a command that ended well a failed one, and leaves other codes alone."""
    report = tmp_path / "report.json"
    make_server(tmp_path, monkeypatch, faults=[simulator.Fault("IVssBackupComponents::BackupComplete", "E_FAIL")])
    for code, wanted in ((0, 2), (5, 5)):
        done = vsspy("exec", "-v", "C:", "--json", report, "--", *python(f"raise SystemExit({code})"))
        facts = check_json("exec", report.read_text(encoding="utf-8"))
        assert (done.code, facts["exit_code"]) == (wanted, code)
        assert "BackupComplete" in facts["error"]


# -- signals ---------------------------------------------------------------------------------------------------------------


def run_vsspy(*arguments: str) -> subprocess.Popen[str]:
    before = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # a shell may have started the tests with it ignored
    try:
        return subprocess.Popen(
            [sys.executable, "-m", "vsspy", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    finally:
        signal.signal(signal.SIGINT, before)


WAIT = """
    import signal, sys
    def end(number, frame):
        print("got", number, flush=True)
        sys.exit(40)
    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    signal.pause()
"""


@posix_only
def test_a_signal_is_handed_on(vsspy: Runner, server: dict[str, Path]) -> None:
    """The command may end as it likes; its code is passed on, and the shadow copies go."""
    process = run_vsspy("exec", "-v", "C:", "--", *python(WAIT))
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGTERM)
        output, error = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, output) == (40, f"got {int(signal.SIGTERM)}\n"), error
    nothing_left(vsspy, server)


@posix_only
def test_a_command_that_a_signal_ends(vsspy: Runner, server: dict[str, Path]) -> None:
    done = vsspy("exec", "-v", "C:", "--", *python("import os; os.kill(os.getpid(), 9)"))
    assert done.code == 137
    nothing_left(vsspy, server)


@posix_only
def test_a_signal_before_the_command_is_there() -> None:
    """It is kept, and the command gets it at once."""
    with Interrupts() as interrupts:
        real = subprocess.Popen

        def popen(*arguments: Any, **options: Any) -> Any:
            os.kill(os.getpid(), signal.SIGTERM)
            return real(*arguments, **options)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subprocess, "Popen", popen)
            code = run_command(python("import time; time.sleep(60)"), os.environ, interrupts)
    assert code == 128 + signal.SIGTERM


def test_the_wait_ends_with_a_signal_or_what_it_watches() -> None:
    import _thread

    calls: list[int] = []

    def look() -> None:
        calls.append(1)
        _thread.interrupt_main()

    with Interrupts() as interrupts:
        wait_for_end(interrupts, look, every=0.01)
        assert calls == [1]

        def lost() -> None:
            raise RuntimeError("lost")

        with pytest.raises(RuntimeError, match="lost"):
            wait_for_end(interrupts, lost, every=0.01)


# -- mount -----------------------------------------------------------------------------------------------------------------


@needs_links
def test_a_link_for_a_command(vsspy: Runner, server: dict[str, Path], tmp_path: Path) -> None:
    link = tmp_path / "link"
    command = python("import sys; sys.exit(7 if open(sys.argv[1]).read() == 'C' else 1)", str(link / "file"))
    done = vsspy("mount", "C:", link, "--json", "--", *command)
    assert done.code == 7
    assert not os.path.lexists(link)
    nothing_left(vsspy, server)


@needs_links
@pytest.mark.parametrize("existing", [False, True])
def test_a_link_until_ctrl_c(
    vsspy: Runner, server: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, existing: bool
) -> None:
    from vsspy.cli import mount

    link, seen = tmp_path / "link", list[str]()
    made = check_json("create", vsspy("create", "C:", "--persistent", "--json").output) if existing else None

    def wait(interrupts: Interrupts, check: Any) -> None:
        check()
        seen.append((link / "file").read_text(encoding="ascii"))

    monkeypatch.setattr(mount, "wait_for_end", wait)
    (server["C"] / "file").write_text("now", encoding="ascii")
    what = ["--id", made["shadow_copies"][0]["id"]] if made else ["C:"]
    done = vsspy("mount", "--json", *what, link)
    facts = check_json("mount", done.output)
    assert done.code == 0 and facts["link"] == str(link) and facts["shadow_copy"]["volume"] == "C:\\"
    assert seen == ["C" if existing else "now"]
    assert done.error.endswith(f"Ctrl-C removes {'the link' if existing else 'both'}\n")
    assert not os.path.lexists(link)
    assert len(json.loads(vsspy("list", "shadows", "--json").output)["shadow_copies"]) == (1 if existing else 0)


@needs_links
def test_what_somebody_put_there_stays(vsspy: Runner, server: dict[str, Path], tmp_path: Path) -> None:
    link = tmp_path / "link"
    replace = "import os, sys; os.unlink(sys.argv[1]); os.mkdir(sys.argv[1])"
    done = vsspy("mount", "C:", link, "--", *python(replace, str(link)))
    assert done.code == 0 and "is not the link that was made any more" in done.error
    assert link.is_dir()
    link.rmdir()
    done = vsspy("mount", "C:", link, "--", *python("import os, sys; os.unlink(sys.argv[1])", str(link)))
    assert (done.code, done.error) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["C:"], ("the VOLUME and the LINK",)),
        (["", "link"], ("a VOLUME is empty",)),
        (["C:", ""], ("LINK is empty",)),
        (["C:", "C"], ("exists; choose a name",)),
        (["C:", "missing/link"], ("is no folder",)),
        (["E:", "link"], ("there is no volume E:\\",)),
        (["--id", "0badc0de-0000-0000-0000-000000000000", "link"], ("there is no shadow copy",)),
        (["--id", "0badc0de-0000-0000-0000-000000000000", "--no-writers", "link"], ("--no-writers",)),
        (["C:", "link", "--", "no-such-program-anywhere"], ("no-such-program-anywhere",)),
    ],
    ids=str,
)
def test_one_line_and_no_link(
    vsspy: Runner,
    server: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: Sequence[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    done = vsspy("mount", *arguments)
    assert done.code == 2 and done.output == "" and done.error.count("\n") == 1, done
    for word in words:
        assert word in done.error
    assert not os.path.lexists(tmp_path / "link")
    nothing_left(vsspy, server)


@pytest.mark.skipif(sys.platform == "win32", reason="there a folder's name is that of a place on a real volume")
def test_a_folder_plays_a_volume(vsspy: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Off Windows, where nothing says which machine is meant; the file system's root is not copied by accident."""
    monkeypatch.delenv("VSSPY_SIMULATOR", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file").write_text("C", encoding="ascii")
    look = "import sys; sys.exit(7 if all(open(name).read() == 'C' for name in sys.argv[1:]) else 1)"
    names = ["{0}file", "{0}/file", f"{{{tmp_path}/data}}/file"]
    assert vsspy("exec", "-v", "data", "--", *python(look, *names)).code == 7
    for volume in ("/", "missing", "E:\\"):
        done = vsspy("exec", "-v", volume, "--", *python(look))
        assert done.code == 2 and "say which folder plays it" in done.error
    done = vsspy("exec", "-v", "E:", "--volume", f"E:\\={tmp_path / 'data'}", "--", *python(look, "{E:}file"))
    assert done.code == 7
