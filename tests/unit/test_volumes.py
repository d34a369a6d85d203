"""What is asked about a volume without a session."""

from __future__ import annotations

from pathlib import Path

import pytest

import vsspy
from vsspy import simulator


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "C"
    folder.mkdir()
    return folder


def test_a_volume_is_shadowed_as_long_as_a_shadow_copy_lives(root: Path) -> None:
    with simulator.running(volumes={"C:\\": root}):
        nothing = vsspy.VolumeSnapshotted(False, vsspy.SnapshotCompatibility(0))
        assert vsspy.is_volume_snapshotted("C:\\") == nothing
        with vsspy.shadow_copy("C:\\", writers=False):
            assert vsspy.is_volume_snapshotted("C:\\").present
        assert vsspy.is_volume_snapshotted("C:\\") == nothing


def test_what_is_no_volume(root: Path) -> None:
    with simulator.running(volumes={"C:\\": root}):
        with pytest.raises(vsspy.ObjectNotFoundError) as missing:
            vsspy.is_volume_snapshotted("Q:\\")
        assert missing.value.operation == "IsVolumeSnapshotted"
        for question in (vsspy.is_volume_snapshotted, vsspy.should_block_revert):
            with pytest.raises(vsspy.InvalidArgumentError, match="volume has a null character"):
                question("C:\\\0")
            with pytest.raises(TypeError):
                question(3)  # type: ignore[arg-type]


def test_no_writer_blocks_a_revert_unless_the_registry_lists_it(root: Path) -> None:
    with simulator.running(volumes={"C:\\": root}, writers=[simulator.Writer("Any")]):
        assert vsspy.should_block_revert("C:\\") is False


def test_without_a_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VSSPY_BACKEND", raising=False)
    with pytest.raises(vsspy.InvalidArgumentError):
        vsspy.is_volume_snapshotted("C:\\", backend="neither")
