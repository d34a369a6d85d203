"""BackupFolder: what it reads of a backup, and what it says of one that is missing parts, damaged or hostile."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from restore_support import DATA, demo_writer, save, sql_machine, volume, write

import vsspy
from vsspy import BackupFolder, simulator
from vsspy.enums import BackupType, ComponentType
from vsspy.extraction import check_chain
from vsspy.ranges import Range

posix = pytest.mark.skipif(sys.platform == "win32", reason="no symbolic links can be made under Wine")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    root = volume(tmp_path)
    write(root, Data__a_txt="a", Data__sub__b_txt="bb")
    with simulator.running(volumes={"C:\\": root}, writers=[demo_writer()]):
        return save(tmp_path / "out")


@pytest.fixture
def folder(out: Path) -> Iterator[BackupFolder]:
    with BackupFolder(out) as found:
        yield found


def test_what_it_tells(folder: BackupFolder, out: Path) -> None:
    assert folder.path == str(out)
    assert [writer.name for writer in folder.writers] == ["Demo Writer"]
    assert vsspy.BackupDocument.from_xml(folder.document).backup_type is BackupType.FULL
    assert (folder.backup_type, folder.previous, folder.volumes) == (BackupType.FULL, None, ("C:\\",))
    assert folder.has_document
    assert not folder.partial_files
    assert str(out) in repr(folder)


def test_live_paths(folder: BackupFolder, out: Path) -> None:
    found = folder.path_of("c:\\data\\SUB\\B.TXT")
    assert found is not None
    assert os.path.samefile(found, out / "C" / "Data" / "sub" / "b.txt")
    assert os.path.isdir(folder.path_of("C:\\Data") or "")
    for missing in ("C:\\Data\\none", "D:\\Data", "C:\\Data\\a.txt\\x"):
        assert folder.path_of(missing) is None
    with pytest.raises(vsspy.FileSetError):
        folder.path_of("C:\\Data\\..\\..\\vsspy\\report.json")


def test_what_is_stored(folder: BackupFolder) -> None:
    assert sorted("/".join(elements) for elements in folder.tree()) == ["C/Data/a.txt", "C/Data/sub/b.txt"]
    with folder.stored(["C", "Data", "a.txt"]) as source:
        assert source.file is not None
        assert source.file.read() == b"a"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("vsspy/report.json", "no folder that vsspy backup made"),
        ("vsspy/backup-components.xml", "made without writers"),
    ],
)
def test_missing_parts(out: Path, name: str, message: str) -> None:
    (out / name).unlink()
    with pytest.raises(vsspy.BackupFolderError, match=message), BackupFolder(out) as folder:
        assert not folder.has_document
        _ = folder.document


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(vsspy.BackupFolderError, match="nothing"):
        BackupFolder(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"backup_type": "SOMETIMES"}, "no type of backup"),
        ({"paths": "C:\\"}, "is no list"),
        ({"paths": [{"path": 5, "volume": "C:\\"}]}, "no text"),
        ({"paths": [{"path": "C:\\..\\x", "volume": "C:\\"}]}, "contains '..'"),
        ({"paths": [{"path": "C:\\"}]}, "volume"),
        ({"previous": 7}, "previous"),
        ({"partial_files": [{"path": "C:\\a", "ranges": [[0, -1]]}]}, "negative"),
        ({"partial_files": [{"path": "C:\\a", "ranges": [[0, "1"]]}]}, "no numbers"),
        ({"partial_files": [{"path": "C:\\a", "ranges": [[0, 1, 2]]}]}, "unpack"),
        ({"partial_files": [{"path": "a", "ranges": [[0, 1]]}]}, "full path"),
        ({"partial_files": 5}, "is no list"),
    ],
)
def test_a_damaged_report(out: Path, change: dict[str, Any], message: str) -> None:
    report = out / "vsspy" / "report.json"
    report.write_text(json.dumps({**json.loads(report.read_text(encoding="utf-8")), **change}), encoding="utf-8")
    with pytest.raises(vsspy.BackupFolderError, match=message):
        BackupFolder(out)


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100000, '{"paths": []}', "\xff"])
def test_a_report_that_is_none(out: Path, text: str) -> None:
    (out / "vsspy" / "report.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(vsspy.BackupFolderError, match="is damaged"):
        BackupFolder(out)


def test_damaged_documents(out: Path) -> None:
    (out / "vsspy" / "writers" / "0.xml").write_text("<x/>", encoding="ascii")
    (out / "vsspy" / "backup-components.xml").write_bytes(b"\xff\xfe\xfd")
    with BackupFolder(out) as folder:
        with pytest.raises(vsspy.BackupFolderError, match=r"0\.xml"):
            _ = folder.writers
        with pytest.raises(vsspy.BackupFolderError, match="not UTF-8"):
            _ = folder.document


@posix
@pytest.mark.parametrize("name", ["vsspy", "vsspy/report.json", "vsspy/writers", "vsspy/writers/0.xml", "C", "C/Data"])
def test_links_in_it_are_not_followed(out: Path, tmp_path: Path, name: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    (out / name).rename(elsewhere)
    (out / name).symlink_to(elsewhere)
    sets = [vsspy.FileSet("C:\\Data", "*", recursive=True)]
    with pytest.raises((vsspy.BackupFolderError, vsspy.FileSetError)), BackupFolder(out) as folder:
        _ = folder.writers
        assert folder.path_of("C:\\Data\\a.txt") is None
        assert not list(folder.files(sets))
        folder.path_of("C:\\..")


def test_volumes_of_the_report_do_not_lead_out(out: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret", encoding="ascii")
    report = out / "vsspy" / "report.json"
    values = json.loads(report.read_text(encoding="utf-8"))
    values["paths"] = [{"path": "\\\\?\\..\\", "volume": "\\\\?\\..\\", "below": ".."}]
    report.write_text(json.dumps(values), encoding="utf-8")
    with BackupFolder(out) as folder:
        assert folder.path_of("\\\\?\\..\\secret") is None
        with pytest.raises(vsspy.FileSetError):
            list(folder.files([vsspy.FileSet("\\\\?\\..\\", "*")]))


# Chains


def chain(*folders: Path) -> None:
    with contextlib.ExitStack() as stack:
        check_chain([stack.enter_context(BackupFolder(each)) for each in folders])


def test_which_backups_make_a_chain(tmp_path: Path) -> None:
    root = volume(tmp_path)
    sql, machine = sql_machine(root, "Orders")
    with machine:
        full = save(tmp_path / "full")
        sql.work(1)
        diff = save(tmp_path / "diff", backup_type=BackupType.DIFFERENTIAL, previous=full)
        log = save(tmp_path / "log", backup_type=BackupType.LOG, previous=full)
        sql.work(1)
        second = save(tmp_path / "second", backup_type=BackupType.LOG, previous=log)
    for good in ([full], [full, diff], [full, diff, log], [full, log, second]):
        chain(*good)
    for bad in ([diff], [diff, full], [full, second], [log, full], [full, full]):
        with pytest.raises(vsspy.RestoreError, match="builds on"):
            chain(*bad)
    full.rename(tmp_path / "moved")  # stamps tell, whatever folders are called
    chain(tmp_path / "moved", diff)
    with BackupFolder(diff) as folder:
        ((path, ranges),) = folder.partial_files.items()
        assert path.endswith("Orders.mdf")
        assert all(isinstance(each, Range) for each in ranges)
        assert folder.ranges_of(["C", *DATA.split("/"), "Orders.mdf"]) == ranges


def test_chains_without_stamps(tmp_path: Path) -> None:
    """The folder that a backup recorded, or one of its name where it was moved."""
    root = volume(tmp_path)
    write(root, Data__a_txt="a")
    with simulator.running(volumes={"C:\\": root}, writers=[demo_writer()]):
        first, second = save(tmp_path / "first"), save(tmp_path / "second")
    report = second / "vsspy" / "report.json"
    values = json.loads(report.read_text(encoding="utf-8"))
    for previous, fits in (
        (str(first), True),
        (str(first / "vsspy" / "backup-components.xml"), True),
        (str(tmp_path / "gone" / "first"), True),
        (str(tmp_path / "third"), False),
        (None, False),
    ):
        report.write_text(json.dumps({**values, "previous": previous}), encoding="utf-8")
        if fits:
            chain(first, second)
        else:
            with pytest.raises(vsspy.RestoreError, match="builds on"):
                chain(first, second)


# The list of its files


ID = "11111111-2222-3333-4444-555555555555"


def change_list(out: Path, **change: Any) -> None:
    path = out / "vsspy" / "files.json"
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="ascii")), **change}), encoding="ascii")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"files": [["C:\\Data\\a.txt", "1", [0]]]}, "no number"),
        ({"files": [["C:\\Data\\a.txt", 1, [7]]]}, "no component 7"),
        ({"files": [["C:\\..\\a.txt", 1, [0]]]}, "contains '..'"),
        ({"files": [["a.txt", 1, [0]]]}, "full path"),
        ({"files": 5}, "is no list"),
        ({"components": [{"writer_id": ID}]}, "logical_path"),
        ({"components": [], "files": [["C:\\a", 1, [0]]]}, "no component 0"),
        ({"partial_files": [["C:\\a", [[0, -1]]]]}, "negative"),
    ],
)
def test_a_damaged_list(out: Path, change: dict[str, Any], message: str) -> None:
    change_list(out, **change)
    with pytest.raises(vsspy.BackupFolderError, match=f"files.json is damaged.*{message}"):
        BackupFolder(out)


def test_what_a_component_has(out: Path) -> None:
    with BackupFolder(out) as folder:
        writer = folder.writers[0].writer_id
        key = (writer, ComponentType.FILEGROUP, None, "Data")
        assert folder.has_file_list
        folder.check_component(*key)
        with pytest.raises(vsspy.RestoreError, match="does not have it"):
            folder.check_component(*key[:3], "Other")
        (out / "C" / "Data" / "a.txt").unlink()
        with pytest.raises(vsspy.RestoreError, match=r"only 1 of its 2 files: C:\\Data\\a.txt is missing"):
            folder.check_component(*key)
        folder.check_component(*key, only=lambda path: path.endswith("b.txt"))
        assert list(folder.missing(1)) == ["Data: the backup has only 1 of its 2 files: C:\\Data\\a.txt is missing"]
    with pytest.raises(vsspy.BackupFolderError, match="is empty"):
        BackupFolder("")


@pytest.mark.parametrize("listed", [True, False])
def test_names_that_are_no_text_keep_their_ranges(out: Path, listed: bool) -> None:
    """A file of which there are parts only must never be taken for a whole one; the report has its name for people only."""
    name = "part\udce9.bin"
    report = out / "vsspy" / "report.json"
    escaped = "C:\\Data\\part\\xe9.bin"
    values = {
        **json.loads(report.read_text(encoding="utf-8")),
        "partial_files": [{"path": escaped, "ranges": [[0, 2]]}],
    }
    report.write_text(json.dumps(values), encoding="utf-8")
    if listed:
        change_list(out, partial_files=[["C:\\Data\\" + name, [[0, 2]]]])
    else:
        (out / "vsspy" / "files.json").unlink()
    with BackupFolder(out) as folder:
        assert folder.ranges_of(["C", "Data", name]) == (Range(0, 2),)
        assert folder.ranges_of(["C", "Data", "a.txt"]) is None
        if sys.platform == "linux":
            (out / "C" / "Data" / name).write_bytes(b"12345")
            found = {
                os.path.basename(each.shadow_path): each.ranges
                for each in folder.files([vsspy.FileSet("C:\\Data", "*")])
            }
            assert found == {"a.txt": None, name: (Range(0, 2),)}
