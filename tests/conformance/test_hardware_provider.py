"""The simulated hardware provider: transportable sets, importing and breaking (semantics 7.1, 7.6; vss_xml.md 3.8)."""

from __future__ import annotations

import ctypes
import math
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from shadow_copies import NO_ID, SYSTEM_PROVIDER, TRANSPORTABLE, UNKNOWN, fails, make, make_in, session, tree
from support import BAD_STATE, DOCUMENT, E_INVALIDARG, S_OK, TIMEOUT, RawObject, RawPlatform, code, server, wait

import vsspy
from vsspy import simulator
from vsspy.enums import HardwareOptions, ObjectType, ProviderType, SnapshotAttributes, SnapshotContext

PERSISTENT = SnapshotContext.NAS_ROLLBACK | SnapshotAttributes.TRANSPORTABLE
IMPORT = "IVssBackupComponents::ImportSnapshots"


def hardware_provider(components: vsspy.BackupComponents) -> UUID:
    """The id of the hardware provider that Query lists."""
    found = {each.type: each.provider_id for each in components.query(returned_objects_type=ObjectType.PROVIDER)}
    return found[ProviderType.HARDWARE]


def visible() -> list[UUID]:
    """The shadow copies that VSS knows on the current machine."""
    with session() as components:
        return [each.snapshot_id for each in components.query()]


# Providers


def test_providers(tmp_path: Path) -> None:
    """Query lists it, it is asked first, and either can be named."""
    with server(tmp_path, hardware_provider=True) as machine:
        with session() as components:
            providers = list(components.query(returned_objects_type=ObjectType.PROVIDER))
            assert [each.type for each in providers] == [ProviderType.SYSTEM, ProviderType.HARDWARE]
            hardware = hardware_provider(components)
        for asked, answered in [(None, hardware), (hardware, hardware), (SYSTEM_PROVIDER, SYSTEM_PROVIDER)]:
            _, [shadow] = make(provider=asked)
            with session() as components:
                properties = components.get_snapshot_properties(shadow)
                assert properties.provider_id == answered
                assisted = bool(properties.attributes & SnapshotAttributes.HARDWARE_ASSISTED)
                assert assisted == (answered == hardware)
                assert Path(properties.device_object, "data", "file.txt").read_text(encoding="ascii") == "data"
        assert {copy.provider_id for copy in machine.shadow_copies} == {hardware, SYSTEM_PROVIDER}


def test_without_one(tmp_path: Path) -> None:
    """It has to be registered, and without it nobody makes what only hardware can."""
    with server(tmp_path / "other", hardware_provider=True), session() as components:
        hardware = hardware_provider(components)
    with server(tmp_path), session(TRANSPORTABLE) as components:
        assert not components.is_volume_supported("C:\\")
        components.start_snapshot_set()
        with fails("VSS_E_VOLUME_NOT_SUPPORTED"):
            components.add_to_snapshot_set("C:\\")
        with fails("VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER"):
            components.add_to_snapshot_set("C:\\", SYSTEM_PROVIDER)
        for provider in (hardware, UNKNOWN):
            with fails("VSS_E_PROVIDER_NOT_REGISTERED"):
                components.add_to_snapshot_set("C:\\", provider)


def test_what_is_the_system_providers(tmp_path: Path) -> None:
    """Client-accessible shadow copies are made by the system provider, whoever else there is (semantics 6)."""
    with server(tmp_path, hardware_provider=True) as machine:
        with session() as components:
            hardware = hardware_provider(components)
        make(SnapshotContext.CLIENT_ACCESSIBLE)
        assert [copy.provider_id for copy in machine.shadow_copies] == [SYSTEM_PROVIDER]
        with session(SnapshotContext.CLIENT_ACCESSIBLE) as components:
            components.start_snapshot_set()
            with fails("VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER"):
                components.add_to_snapshot_set("C:\\", hardware)
        with session(SnapshotContext.CLIENT_ACCESSIBLE | SnapshotAttributes.TRANSPORTABLE) as components:
            components.start_snapshot_set()
            with fails("VSS_E_VOLUME_NOT_SUPPORTED"):
                components.add_to_snapshot_set("C:\\")


def test_persistent_shadow_copies_need_ntfs(tmp_path: Path) -> None:
    """The system provider's; an array's volumes are its own affair."""
    with server(tmp_path, hardware_provider=True) as machine:
        machine.set_volume_qualities("C:\\", ntfs=False)
        with session(SnapshotContext.NAS_ROLLBACK) as components:
            components.start_snapshot_set()
            with fails("VSS_E_VOLUME_NOT_SUPPORTED_BY_PROVIDER"):
                components.add_to_snapshot_set("C:\\", SYSTEM_PROVIDER)
            components.add_to_snapshot_set("C:\\")
        with session(SnapshotContext.FILE_SHARE_BACKUP) as components:
            make_in(components, provider=SYSTEM_PROVIDER)


# Transportable sets


def test_a_transportable_set_has_no_device(tmp_path: Path) -> None:
    """It is not surfaced where it was made, and its document describes it."""
    with server(tmp_path, hardware_provider=True), session(TRANSPORTABLE) as components:
        set_id, [shadow] = make_in(components)
        properties = components.get_snapshot_properties(shadow)
        assert properties.device_object == ""
        wanted = SnapshotAttributes.TRANSPORTABLE | SnapshotAttributes.HARDWARE_ASSISTED
        assert properties.attributes & wanted == wanted
        document = components.save_as_xml()
        assert (
            f'<SNAPSHOT_SET_DESCRIPTION snapshotSetId="{set_id}"><SNAPSHOT_DESCRIPTION snapshotId="{shadow}">'
            in document
        )
        assert "<LUN_MAPPING><DESTINATION_LUN><LUN_INFORMATION diskSignature=" in document


@pytest.mark.parametrize("provider", ["system", "hardware", "none"])
def test_other_documents_describe_no_set(tmp_path: Path, provider: str) -> None:
    """Only transportable sets are described; from another document nothing can be imported."""
    with server(tmp_path, hardware_provider=True):
        document = DOCUMENT
        if provider != "none":
            with session(SnapshotContext.NAS_ROLLBACK) as components:
                make_in(components, provider=SYSTEM_PROVIDER if provider == "system" else None)
                document = components.save_as_xml()
        assert "SNAPSHOT_SET_DESCRIPTION" not in document
        with session(document=document) as components, fails("VSS_E_NONTRANSPORTABLE_BCD"):
            components.import_snapshots()


def test_import_on_the_same_machine(tmp_path: Path) -> None:
    """The importing object has the shadow copies then, and its end is theirs."""
    with server(tmp_path, hardware_provider=True) as machine, session(TRANSPORTABLE) as maker:
        _, [shadow] = make_in(maker)
        (tmp_path / "C" / "data" / "file.txt").write_text("later", encoding="ascii")
        with session(document=maker.save_as_xml()) as importer:
            wait(importer.import_snapshots())
            maker.close()
            properties = importer.get_snapshot_properties(shadow)
            assert properties.attributes & SnapshotAttributes.IMPORTED
            assert properties.original_volume == machine.volume_paths["C:\\"]
            assert Path(properties.device_object, "data", "file.txt").read_text(encoding="ascii") == "data"
            with fails("VSS_E_BAD_STATE"):  # once
                importer.import_snapshots()
        assert visible() == []
    assert machine.notes == []


@pytest.mark.parametrize("names", ["folder", "nt"])
def test_import_on_another_machine(tmp_path: Path, names: str) -> None:
    """The array shows the set to the other computer, where it lives on when the first one is off."""
    with server(tmp_path / "target", hardware_provider=True, device_names=names) as target:
        with server(tmp_path / "source", hardware_provider=True) as source:
            with session(PERSISTENT) as maker:
                _, [shadow] = make_in(maker)
                document = maker.save_as_xml()
            original = source.volume_paths["C:\\"]
            importer = session(document=document, machine=target)
            wait(importer.import_snapshots())
            assert visible() == [], "the source has it no more"
            assert source.shadow_copies == []
        with importer:
            properties = importer.get_snapshot_properties(shadow)
            assert properties.original_volume == original
            assert properties.device_object.startswith("\\\\?\\GLOBALROOT") == (names == "nt")
        (copy,) = target.shadow_copies
        assert tree(copy.folder) == tree(tmp_path / "source" / "C")
        with session() as components:
            with fails("VSS_E_VOLUME_NOT_SUPPORTED"):  # what it was made of is not here
                components.revert_to_snapshot(shadow)
            components.expose_snapshot(shadow, None, SnapshotAttributes.EXPOSED_LOCALLY, "S:")
            assert components.delete_snapshots(shadow, ObjectType.SNAPSHOT) == 1
        assert not copy.folder.exists()
    assert target.notes == source.notes == []
    for place in ("source", "target"):
        assert not [each for each in (tmp_path / place / "state").iterdir() if each.is_dir()]


@pytest.mark.parametrize("loss", ["source released", "imported before", "no provider here"])
def test_nothing_to_import(tmp_path: Path, loss: str) -> None:
    """The source's object has to live until the import is done, and a LUN is one computer's at a time."""
    with server(tmp_path / "target", hardware_provider=loss != "no provider here") as target:
        with server(tmp_path / "source", hardware_provider=True), session(TRANSPORTABLE) as maker:
            _, [shadow] = make_in(maker)
            document = maker.save_as_xml()
            if loss == "source released":
                maker.close()
            elif loss == "imported before":
                first = session(document=document)
                wait(first.import_snapshots())
            with session(document=document, machine=target) as importer:
                with importer.import_snapshots() as operation, fails("VSS_E_NO_SNAPSHOTS_IMPORTED"):
                    operation.wait(timeout=TIMEOUT)
                with fails("VSS_E_BAD_STATE"):
                    importer.import_snapshots()
            if loss == "imported before":
                assert visible() == [shadow]
                first.close()
        assert target.shadow_copies == []


def test_a_part_of_a_set(tmp_path: Path) -> None:
    """VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED is a success that says so."""
    volumes = {name: tmp_path / name[0] for name in ("C:\\", "D:\\")}
    with server(tmp_path, hardware_provider=True, volumes=volumes), session(TRANSPORTABLE) as maker:
        _, [one, two] = make_in(maker, list(volumes))
        document = maker.save_as_xml()
        maker.delete_snapshots(one, ObjectType.SNAPSHOT)
        with session(document=document) as importer, importer.import_snapshots() as operation:
            while not operation.done():
                operation.status  # noqa: B018
            assert operation.status == code("VSS_S_SOME_SNAPSHOTS_NOT_IMPORTED")
            assert importer.get_snapshot_properties(two).device_object
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                importer.get_snapshot_properties(one)


def test_a_cancelled_import(tmp_path: Path) -> None:
    fault = simulator.Fault(IMPORT, delay=math.inf)
    with server(tmp_path, hardware_provider=True, faults=[fault]), session(TRANSPORTABLE) as maker:
        _, [shadow] = make_in(maker)
        with session(document=maker.save_as_xml()) as importer, importer.import_snapshots() as operation:
            operation.cancel()
            with pytest.raises(vsspy.OperationCancelledError):
                operation.wait(timeout=TIMEOUT)
        assert maker.get_snapshot_properties(shadow).device_object == ""


def test_states_of_an_import(tmp_path: Path) -> None:
    with server(tmp_path, hardware_provider=True), session(PERSISTENT) as maker:
        make_in(maker)
        document = maker.save_as_xml()
        with fails("VSS_E_BAD_STATE"):  # no document
            maker.import_snapshots()
        with vsspy.BackupComponents() as components:
            with fails("VSS_E_BAD_STATE"):
                components.import_snapshots()
            components.initialize_for_restore(document)
            with fails("VSS_E_BAD_STATE"):
                components.import_snapshots()
        with session(SnapshotContext.NAS_ROLLBACK, document=document) as components:
            components.start_snapshot_set()
            with fails("VSS_E_BAD_STATE"):
                components.import_snapshots()
        broken = document.replace('diskSignature="', 'diskSignature="x')
        with session(document=broken) as components, fails("VSS_E_INVALID_XML_DOCUMENT"):
            components.import_snapshots()


# Breaking


def break_ex(flags: int) -> Any:
    """BreakSnapshotSetEx to its end, in the shape of BreakSnapshotSet."""

    def run(components: vsspy.BackupComponents, set_id: UUID) -> None:
        wait(components.break_snapshot_set_ex(set_id, flags))

    return run


BREAKS = {
    "plain": vsspy.BackupComponents.break_snapshot_set,
    "no flags": break_ex(0),
    "read-write": break_ex(HardwareOptions.BREAKEX_FLAG_MAKE_READ_WRITE | HardwareOptions.BREAKEX_FLAG_MASK_LUNS),
    "identities": break_ex(HardwareOptions.BREAKEX_FLAG_REVERT_IDENTITY_NONE),
}


@pytest.mark.parametrize("method", BREAKS.values(), ids=BREAKS.keys())
def test_break(tmp_path: Path, method: Any) -> None:
    """VSS forgets the set, even one that ends with its session; its volumes stay, and may be written to."""
    with server(tmp_path, hardware_provider=True) as machine:
        with session(SnapshotContext.FILE_SHARE_BACKUP) as components:
            set_id, [shadow] = make_in(components)
            method(components, set_id)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                components.get_snapshot_properties(shadow)
            with fails("VSS_E_OBJECT_NOT_FOUND"):
                method(components, set_id)
        assert machine.shadow_copies == []
        (volume,) = machine.broken
        assert volume.id == shadow
        (volume.folder / "data" / "file.txt").write_text("an ordinary volume", encoding="ascii")
        assert visible() == []
    assert machine.broken == []
    assert not volume.folder.exists()
    assert machine.notes == []


def test_break_of_software_shadow_copies(tmp_path: Path) -> None:
    """Only hardware sets can be broken; a set of both is not."""
    volumes = {name: tmp_path / name[0] for name in ("C:\\", "D:\\")}
    with server(tmp_path, hardware_provider=True, volumes=volumes) as machine:
        software, _ = make(provider=SYSTEM_PROVIDER)
        with session(SnapshotContext.NAS_ROLLBACK) as components:
            mixed = components.start_snapshot_set()
            components.add_to_snapshot_set("C:\\", SYSTEM_PROVIDER)
            components.add_to_snapshot_set("D:\\")
            wait(components.do_snapshot_set())
        with session() as components:
            for method in BREAKS.values():
                for set_id in (software, mixed):
                    with fails("VSS_E_PROVIDER_VETO"):
                        method(components, set_id)
        assert len(machine.shadow_copies) == 3


def test_identities(tmp_path: Path) -> None:
    """A disk cannot get back an identity that the original, which is here, has; on another machine it can."""
    flags = HardwareOptions.BREAKEX_FLAG_REVERT_IDENTITY_ALL
    with (
        server(tmp_path / "target", hardware_provider=True) as target,
        server(tmp_path / "source", hardware_provider=True) as source,
    ):
        with session(PERSISTENT) as maker:
            set_id, _ = make_in(maker)
            document = maker.save_as_xml()
        with (
            session() as components,
            components.break_snapshot_set_ex(set_id, flags) as operation,
            fails("VSS_E_BREAK_REVERT_ID_FAILED"),
        ):
            operation.wait(timeout=TIMEOUT)
        assert len(source.shadow_copies) == 1
        with session(document=document, machine=target) as importer:
            wait(importer.import_snapshots())
            wait(importer.break_snapshot_set_ex(set_id, flags))
        assert len(target.broken) == 1


def test_states_of_a_break(tmp_path: Path) -> None:
    with server(tmp_path, hardware_provider=True):
        set_id, _ = make()
        for method in BREAKS.values():
            with vsspy.BackupComponents() as components:
                with fails("VSS_E_BAD_STATE"):
                    method(components, set_id)
                with fails("E_INVALIDARG"):
                    method(components, NO_ID)
                components.initialize_for_restore(DOCUMENT)  # both kinds may (semantics 2.4)
                with fails("VSS_E_OBJECT_NOT_FOUND"):
                    method(components, UNKNOWN)
            with session(SnapshotContext.FILE_SHARE_BACKUP) as components, fails("VSS_E_OBJECT_NOT_FOUND"):
                method(components, set_id)  # another context's


# What a Python caller cannot do


def test_arguments_come_first(tmp_path: Path) -> None:
    """NULL outputs and flags that do not exist are refused on an object that is not initialised."""
    with server(tmp_path) as machine, RawPlatform(machine).backup_components() as raw:
        out = ctypes.c_void_p()
        assert raw.call("ImportSnapshots", None) == E_INVALIDARG
        assert raw.call("ImportSnapshots", out) == BAD_STATE
        assert raw.call("BreakSnapshotSet", NO_ID) == E_INVALIDARG
        assert raw.call("BreakSnapshotSet", UNKNOWN) == BAD_STATE
        newer = RawObject("IVssBackupComponentsEx4", raw.address)
        newer.interface = "IVssBackupComponentsEx2"
        for flags in (0x10, 0x100, 0x0C):
            assert newer.call("BreakSnapshotSetEx", UNKNOWN, flags, out) == E_INVALIDARG
        assert newer.call("BreakSnapshotSetEx", UNKNOWN, 0, None) == E_INVALIDARG
        assert newer.call("BreakSnapshotSetEx", UNKNOWN, 0, out) == BAD_STATE
        for method in ("PreFastRecovery", "FastRecovery"):
            assert newer.call(method, UNKNOWN, 0, None) == E_INVALIDARG
            assert newer.call(method, UNKNOWN, 0, out) == BAD_STATE
        assert raw.call("InitializeForBackup", None) == S_OK
        for method in ("PreFastRecovery", "FastRecovery"):  # reserved
            assert newer.call(method, UNKNOWN, 0, out) == code("E_NOTIMPL")
        assert out.value is None
