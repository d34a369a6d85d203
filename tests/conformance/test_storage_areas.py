"""Where the simulated service stores shadow copies, what they take, and what becomes of them when that is too much."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from support import server, wait

import vsspy
from vsspy import simulator
from vsspy.enums import ProtectionFault, ProtectionLevel, SnapshotContext

MEGABYTE = 1 << 20
GIGABYTE = 1 << 30
SYSTEM_PROVIDER = UUID("b5946137-7b9f-4925-af80-51abd60b20d5")
UNKNOWN = UUID("0badc0de-0000-0000-0000-000000000000")


class Storage:
    """A machine whose C: has 20 MB of files, and what manages its storage areas."""

    def __init__(self, machine: simulator.Machine, areas: vsspy.DifferentialSnapshotManagement) -> None:
        self.machine = machine
        self.areas = areas

    def snapshot(self, *volumes: str) -> list[UUID]:
        """Makes shadow copies of volumes by the system provider, which stay."""
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(SnapshotContext.NAS_ROLLBACK)
            components.start_snapshot_set()
            made = [components.add_to_snapshot_set(volume, SYSTEM_PROVIDER) for volume in volumes]
            wait(components.do_snapshot_set())
        return made

    @property
    def existing(self) -> list[UUID]:
        return [copy.id for copy in self.machine.shadow_copies]

    def of(self, volume: str) -> list[tuple[str, int | None, int, int]]:
        """The storage areas of a volume's shadow copies: where, limit, allocated, used."""
        with self.areas.query_diff_areas_for_volume(volume) as found:
            return [self._told(area) for area in found]

    def on(self, volume: str) -> list[tuple[str, int | None, int, int]]:
        """The storage areas on a volume: of which, limit, allocated, used."""
        with self.areas.query_diff_areas_on_volume(volume) as found:
            return [
                (self.display(a.volume_name), a.maximum_diff_space, a.allocated_diff_space, a.used_diff_space)
                for a in found
            ]

    def _told(self, area: vsspy.DiffAreaProperties) -> tuple[str, int | None, int, int]:
        where = self.display(area.diff_area_volume_name)
        return where, area.maximum_diff_space, area.allocated_diff_space, area.used_diff_space

    def display(self, guid_path: str) -> str:
        with vsspy.SnapshotManagement() as management:
            volumes = management.query_volumes_supported_for_snapshots(SnapshotContext.BACKUP)
            names = {volume.volume_name: volume.display_name for volume in volumes}
        return names[guid_path]


@contextmanager
def storage(folder: Path, *, size: int = 400 * MEGABYTE, **options: Any) -> Iterator[Storage]:
    """C:, D: and E:, of that size and empty for all the service knows; below 500 MB the minimum is 32 MB."""
    volumes = {f"{letter}:\\": folder / letter for letter in "CDE"}
    for place in volumes.values():
        place.mkdir(parents=True)
    with (folder / "C" / "file").open("wb") as file:
        file.truncate(20 * MEGABYTE)
    with (
        server(folder, volumes=volumes, writers=[], **options) as machine,
        vsspy.DifferentialSnapshotManagement() as areas,
    ):
        for name in volumes:
            machine.set_volume_qualities(name, total_space=size, free_space=size)
        yield Storage(machine, areas)


# --- minimum (semantics 5) -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("level", "minimum"), [("vista", 300), ("7", 320), ("8", 320)])
def test_minimum_of_the_computer(tmp_path: Path, level: Any, minimum: int) -> None:
    with storage(tmp_path, level=level) as s, vsspy.SnapshotManagement() as management:
        assert management.get_min_diff_area_size() == minimum * MEGABYTE
        for size, rounded in ((1, 32), (32 * MEGABYTE, 32), (33 * MEGABYTE, 64), (500 * MEGABYTE, 512)):
            s.machine.set_minimum_storage(size)
            assert management.get_min_diff_area_size() == rounded * MEGABYTE
        s.machine.set_minimum_storage(None)
        assert management.get_min_diff_area_size() == minimum * MEGABYTE


@pytest.mark.parametrize(
    ("level", "size", "minimum"),
    [
        ("8", 500 * MEGABYTE - 1, 32 * MEGABYTE),
        ("8", 500 * MEGABYTE, 320 * MEGABYTE),
        ("7", GIGABYTE, 320 * MEGABYTE),
        ("vista", 400 * MEGABYTE, 300 * MEGABYTE),
        ("xp", GIGABYTE, 100 * MEGABYTE),
    ],
)
def test_a_limit_is_not_below_the_minimum(tmp_path: Path, level: Any, size: int, minimum: int) -> None:
    with storage(tmp_path, level=level, size=size) as s:
        for too_small in (minimum - 1, 1, -2, -(1 << 63), 0):
            with pytest.raises(vsspy.InvalidArgumentError):
                s.areas.add_diff_area("C:\\", "D:\\", too_small)
        s.areas.add_diff_area("C:\\", "D:\\", minimum)
        for too_small in (minimum - 1, 1, -2):
            with pytest.raises(vsspy.InvalidArgumentError):
                s.areas.change_diff_area_maximum_size("C:\\", "D:\\", too_small)
        s.machine.set_minimum_storage(64 * MEGABYTE)
        with pytest.raises(vsspy.InvalidArgumentError):
            s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 63 * MEGABYTE)
        s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 64 * MEGABYTE)
        assert s.of("C:\\") == [("D:\\", 64 * MEGABYTE, 0, 0)]


# --- associations --------------------------------------------------------------------------------------------------------------


def test_associations(tmp_path: Path) -> None:
    with storage(tmp_path) as s:
        assert s.of("C:\\") == []
        s.areas.add_diff_area("C:\\", "D:\\", 100 * MEGABYTE)
        s.areas.add_diff_area("E:\\", "D:\\", None)
        assert s.of("C:\\") == [("D:\\", 100 * MEGABYTE, 0, 0)]
        assert s.of("E:\\") == [("D:\\", None, 0, 0)]
        assert s.on("D:\\") == [("C:\\", 100 * MEGABYTE, 0, 0), ("E:\\", None, 0, 0)]
        assert s.on("C:\\") == s.of("D:\\") == []
        with pytest.raises(vsspy.ObjectAlreadyExistsError):
            s.areas.add_diff_area("C:\\", "D:\\", None)
        with pytest.raises(vsspy.MaximumStorageAssociationsError):
            s.areas.add_diff_area("C:\\", "E:\\", None)
        s.areas.change_diff_area_maximum_size("C:\\", "D:\\", None)
        assert s.of("C:\\") == [("D:\\", None, 0, 0)]
        s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 0)
        assert s.of("C:\\") == []
        assert s.on("D:\\") == [("E:\\", None, 0, 0)]
        s.areas.add_diff_area("C:\\", "E:\\", None)


def test_what_is_not_associated(tmp_path: Path) -> None:
    with storage(tmp_path) as s:
        s.areas.add_diff_area("C:\\", "D:\\", None)
        for pair in (("C:\\", "E:\\"), ("D:\\", "C:\\"), ("Q:\\", "D:\\"), ("C:\\", "Q:\\")):
            for maximum in (0, None, 100 * MEGABYTE):
                with pytest.raises(vsspy.ObjectNotFoundError):
                    s.areas.change_diff_area_maximum_size(*pair, maximum)
                with pytest.raises(vsspy.ObjectNotFoundError):
                    s.areas.change_diff_area_maximum_size_ex(*pair, maximum, True)
        assert s.of("C:\\") == [("D:\\", None, 0, 0)]


def test_volumes_that_cannot_store(tmp_path: Path) -> None:
    """Storage wants NTFS and space (reference page of AddDiffArea)."""
    with storage(tmp_path) as s:
        s.machine.set_volume_qualities("D:\\", total_space=400 * MEGABYTE, free_space=32 * MEGABYTE - 1)
        s.machine.set_volume_qualities("E:\\", total_space=400 * MEGABYTE, free_space=400 * MEGABYTE, ntfs=False)
        for unsuitable in ("D:\\", "E:\\"):
            with pytest.raises(vsspy.VolumeNotSupportedError):
                s.areas.add_diff_area("C:\\", unsuitable, None)
        with pytest.raises(vsspy.VolumeNotSupportedError):
            s.areas.add_diff_area("C:\\", "C:\\", 400 * MEGABYTE + 1)
        s.areas.add_diff_area("C:\\", "C:\\", 400 * MEGABYTE)
        with pytest.raises(vsspy.InsufficientStorageError):
            s.areas.change_diff_area_maximum_size("C:\\", "C:\\", 400 * MEGABYTE + 1)
        s.areas.add_diff_area("E:\\", "C:\\", None)  # what is copied may be of any file system


def test_volumes_supported(tmp_path: Path) -> None:
    with storage(tmp_path) as s, vsspy.SnapshotManagement() as management:
        s.machine.set_volume_qualities("D:\\", total_space=31 * MEGABYTE)
        s.machine.set_volume_qualities("E:\\", total_space=GIGABYTE, free_space=5)
        with s.areas.query_volumes_supported_for_diff_areas("C:\\") as found:
            told = [(each.display_name, each.free_space, each.total_space) for each in found]
        assert told == [("C:\\", 400 * MEGABYTE, 400 * MEGABYTE), ("E:\\", 5, GIGABYTE)]
        s.machine.set_volume_qualities("C:\\", ntfs=False)
        s.machine.set_volume_qualities("D:\\")
        with s.areas.query_volumes_supported_for_diff_areas("C:\\") as found:
            volumes = {each.display_name: each for each in found}
        assert "C:\\" not in volumes
        if "D:\\" in volumes:  # its folder's file system is large enough
            assert 0 <= volumes["D:\\"].free_space <= volumes["D:\\"].total_space > 31 * MEGABYTE
        for context, names in (
            (SnapshotContext.BACKUP, ["C:\\", "D:\\", "E:\\"]),
            (SnapshotContext.APP_ROLLBACK, ["D:\\", "E:\\"]),
        ):
            with management.query_volumes_supported_for_snapshots(context) as supported:
                assert [each.display_name for each in supported] == names


# --- shadow copies take storage ---------------------------------------------------------------------------------------------


def test_shadow_copies_use_storage(tmp_path: Path) -> None:
    with storage(tmp_path) as s, vsspy.SnapshotManagement() as management:
        s.areas.add_diff_area("C:\\", "D:\\", None)
        first, second = s.snapshot("C:\\")[0], s.snapshot("C:\\")[0]
        size = 20 * MEGABYTE
        assert s.of("C:\\") == [("D:\\", None, 2 * size, 2 * size)]
        with management.query_snapshots_by_volume("C:\\") as copies:
            assert [copy.snapshot_id for copy in copies] == [first, second]
        with management.query_snapshots_by_volume("D:\\") as copies:
            assert list(copies) == []
        for copy in (first, second):
            with s.areas.query_diff_areas_for_snapshot(copy) as found:
                assert [area.used_diff_space for area in found] == [2 * size]
        with pytest.raises(vsspy.StorageInUseError):
            s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 0)
        with pytest.raises(vsspy.StorageInUseError):
            s.areas.change_diff_area_maximum_size_ex("C:\\", "D:\\", 0, False)
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(SnapshotContext.ALL)
            for copy in (first, second):
                components.delete_snapshots(copy, vsspy.ObjectType.SNAPSHOT)
        assert s.of("C:\\") == [("D:\\", None, 0, 0)]
        for gone in (first, UNKNOWN):
            with pytest.raises(vsspy.ObjectNotFoundError):
                s.areas.query_diff_areas_for_snapshot(gone)
        s.areas.change_diff_area_maximum_size("C:\\", "D:\\", 0)


def test_a_volume_without_storage_gets_it_on_itself(tmp_path: Path) -> None:
    with storage(tmp_path) as s:
        s.areas.add_diff_area("D:\\", "E:\\", None)
        s.snapshot("C:\\", "D:\\")
        assert s.of("C:\\") == [("C:\\", None, 20 * MEGABYTE, 20 * MEGABYTE)]
        assert s.of("D:\\") == [("E:\\", None, 0, 0)]
        assert s.of("E:\\") == []
        with pytest.raises(vsspy.ObjectAlreadyExistsError):
            s.areas.add_diff_area("C:\\", "C:\\", None)


@pytest.mark.parametrize("is_volatile", [None, False, True])
def test_a_lower_limit_deletes_shadow_copies(tmp_path: Path, is_volatile: bool | None) -> None:
    """The oldest go first, and no more than have to."""
    with storage(tmp_path) as s:
        copies = [s.snapshot("C:\\")[0] for _ in range(3)]
        for limit, left in ((60, 3), (59, 2), (40, 2), (32, 1)):
            if is_volatile is None:
                s.areas.change_diff_area_maximum_size("C:\\", "C:\\", limit * MEGABYTE)
            else:
                s.areas.change_diff_area_maximum_size_ex("C:\\", "C:\\", limit * MEGABYTE, is_volatile)
            assert s.existing == copies[3 - left :]
            assert s.of("C:\\") == [("C:\\", limit * MEGABYTE, left * 20 * MEGABYTE, left * 20 * MEGABYTE)]


def test_a_lasting_limit_ends_one_for_a_while(tmp_path: Path) -> None:
    with storage(tmp_path) as s:
        s.areas.add_diff_area("C:\\", "C:\\", None)
        s.areas.change_diff_area_maximum_size_ex("C:\\", "C:\\", 50 * MEGABYTE, True)
        assert s.of("C:\\")[0][1] == 50 * MEGABYTE
        s.areas.change_diff_area_maximum_size("C:\\", "C:\\", 60 * MEGABYTE)
        assert s.of("C:\\")[0][1] == 60 * MEGABYTE


def test_shadow_copies_of_a_hardware_provider_need_no_storage_area(tmp_path: Path) -> None:
    hardware = UUID("4a1d7c6e-90b2-4f35-8c1e-5d02f67a33b4")
    with storage(tmp_path, hardware_provider=True) as s, vsspy.SnapshotManagement() as management:
        s.areas.add_diff_area("C:\\", "D:\\", 32 * MEGABYTE)
        context = SnapshotContext.FILE_SHARE_BACKUP | vsspy.SnapshotAttributes.TRANSPORTABLE
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(context)
            components.start_snapshot_set()
            made = [components.add_to_snapshot_set("C:\\")]
            wait(components.do_snapshot_set())
            made += s.snapshot("C:\\")
            assert s.of("C:\\") == [("D:\\", 32 * MEGABYTE, 20 * MEGABYTE, 20 * MEGABYTE)]
            with s.areas.query_diff_areas_for_snapshot(made[0]) as found:
                assert list(found) == []
            for provider, copies in ((hardware, made[:1]), (None, made[1:]), (UUID(int=0), made)):
                with management.query_snapshots_by_volume("C:\\", provider) as listed:
                    assert [copy.snapshot_id for copy in listed] == copies


def test_a_full_storage_area_loses_the_oldest(tmp_path: Path) -> None:
    """Storage pressure (semantics 6)."""
    with storage(tmp_path) as s:
        s.areas.add_diff_area("C:\\", "D:\\", 45 * MEGABYTE)
        other = s.snapshot("D:\\")
        copies = []
        for _ in range(4):
            copies += s.snapshot("C:\\")
            assert s.existing == other + copies[-2:]
        assert s.of("C:\\") == [("D:\\", 45 * MEGABYTE, 40 * MEGABYTE, 40 * MEGABYTE)]


def test_a_shadow_copy_that_does_not_fit(tmp_path: Path) -> None:
    """All or nothing: the volume beside it is not copied either, and what was there stays."""
    with storage(tmp_path) as s:
        s.areas.add_diff_area("C:\\", "D:\\", 32 * MEGABYTE)
        kept = s.snapshot("C:\\")
        with (tmp_path / "C" / "more").open("wb") as file:
            file.truncate(20 * MEGABYTE)
        with pytest.raises(vsspy.InsufficientStorageError) as raised:
            s.snapshot("D:\\", "C:\\")
        assert raised.value.operation == "IVssBackupComponents::DoSnapshotSet"
        assert s.existing == kept


# --- protection -----------------------------------------------------------------------------------------------------------------


def test_protection_levels(tmp_path: Path) -> None:
    with storage(tmp_path) as s:
        quiet = vsspy.VolumeProtectionInfo(
            ProtectionLevel.ORIGINAL_VOLUME, False, ProtectionFault.NONE, 0, has_unused_diff_area=False
        )
        assert s.areas.get_volume_protect_level("C:\\") == quiet
        s.areas.set_volume_protect_level("C:\\", ProtectionLevel.SNAPSHOT)
        assert s.areas.get_volume_protect_level("C:\\").level is ProtectionLevel.SNAPSHOT
        assert s.areas.get_volume_protect_level("D:\\") == quiet
        for unknown in (-1, 2):
            with pytest.raises(vsspy.InvalidArgumentError):
                s.areas.set_volume_protect_level("C:\\", ProtectionLevel(unknown))
        s.areas.set_volume_protect_level("C:\\", ProtectionLevel.ORIGINAL_VOLUME)
        s.areas.clear_volume_protect_fault("C:\\")
        assert s.areas.get_volume_protect_level("C:\\") == quiet


def test_a_fault_of_a_protected_volume(tmp_path: Path) -> None:
    """The shadow copies stay; the volume is offline until the fault is cleared, and a limit for a while is over."""
    with storage(tmp_path) as s:
        s.areas.set_volume_protect_level("C:\\", ProtectionLevel.SNAPSHOT)
        copies = s.snapshot("C:\\")
        s.areas.change_diff_area_maximum_size("C:\\", "C:\\", 100 * MEGABYTE)
        s.areas.change_diff_area_maximum_size_ex("C:\\", "C:\\", 50 * MEGABYTE, True)
        assert s.of("C:\\")[0][1] == 50 * MEGABYTE
        s.machine.fail_storage("C:\\", ProtectionFault.DIFF_AREA_FULL, 0xC000007F)
        assert s.areas.get_volume_protect_level("C:\\") == vsspy.VolumeProtectionInfo(
            ProtectionLevel.SNAPSHOT, True, ProtectionFault.DIFF_AREA_FULL, 0xC000007F, has_unused_diff_area=False
        )
        assert s.existing == copies
        assert s.of("C:\\")[0][1] == 100 * MEGABYTE
        s.areas.clear_volume_protect_fault("C:\\")
        assert s.areas.get_volume_protect_level("C:\\") == vsspy.VolumeProtectionInfo(
            ProtectionLevel.SNAPSHOT, False, ProtectionFault.NONE, 0, has_unused_diff_area=False
        )
        assert s.existing == copies


def test_a_fault_of_another_volume_costs_its_shadow_copies(tmp_path: Path) -> None:
    """Their storage is left unused on the volume that stored them."""
    with storage(tmp_path) as s:
        s.areas.add_diff_area("C:\\", "D:\\", None)
        s.snapshot("C:\\")
        kept = s.snapshot("E:\\")
        s.machine.fail_storage("C:\\", ProtectionFault.GROW_FAILED)
        assert s.existing == kept
        info = s.areas.get_volume_protect_level("C:\\")
        assert (info.offline_for_protection, info.fault) == (False, ProtectionFault.NONE)
        unused = {name: s.areas.get_volume_protect_level(name).has_unused_diff_area for name in s.machine.volumes}
        assert unused == {"C:\\": False, "D:\\": True, "E:\\": False}
        s.areas.delete_unused_diff_areas("C:\\")
        assert s.areas.get_volume_protect_level("D:\\").has_unused_diff_area
        s.areas.delete_unused_diff_areas("D:\\")
        assert not s.areas.get_volume_protect_level("D:\\").has_unused_diff_area


def test_protected_shadow_copies_do_not_give_way(tmp_path: Path) -> None:
    with storage(tmp_path) as s:
        copies = s.snapshot("C:\\")
        s.areas.set_volume_protect_level("C:\\", ProtectionLevel.SNAPSHOT)
        copies += s.snapshot("C:\\")
        with pytest.raises(vsspy.InsufficientStorageError):
            s.areas.change_diff_area_maximum_size("C:\\", "C:\\", 39 * MEGABYTE)
        assert s.of("C:\\") == [("C:\\", None, 40 * MEGABYTE, 40 * MEGABYTE)]
        s.areas.change_diff_area_maximum_size("C:\\", "C:\\", 45 * MEGABYTE)
        with pytest.raises(vsspy.InsufficientStorageError):
            s.snapshot("C:\\")
        assert s.existing == copies
        s.areas.set_volume_protect_level("C:\\", ProtectionLevel.ORIGINAL_VOLUME)
        copies += s.snapshot("C:\\")
        assert s.existing == copies[1:]


# --- what a test sets -----------------------------------------------------------------------------------------------------------


def test_settings_that_are_refused(tmp_path: Path) -> None:
    with storage(tmp_path) as s:
        machine = s.machine
        calls: list[Callable[[], object]] = [
            lambda: machine.set_volume_qualities("C:\\", total_space=-1),
            lambda: machine.set_volume_qualities("C:\\", free_space=1 << 63),
            lambda: machine.set_minimum_storage(0),
            lambda: machine.set_minimum_storage(1 << 52),
            lambda: machine.fail_storage("C:\\", ProtectionFault.IO_FAILURE, 1 << 32),
        ]
        for call in calls:
            with pytest.raises(vsspy.InvalidArgumentError):
                call()
        with pytest.raises(vsspy.ObjectNotFoundError):
            machine.set_volume_qualities("Q:\\")
        with pytest.raises(vsspy.ObjectNotFoundError):
            machine.fail_storage("C:", ProtectionFault.IO_FAILURE)
    with pytest.raises(vsspy.ClosedError):
        machine.set_minimum_storage(None)
    with pytest.raises(vsspy.ClosedError):
        machine.set_volume_qualities("C:\\")
