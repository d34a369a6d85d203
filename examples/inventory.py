"""What a server has: writers and their components, providers, shadow copies, and the storage that these take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import vsspy


def writers(components: vsspy.BackupComponents) -> Iterator[tuple[str, list[str], int]]:
    """Each writer's name, its components, and how many file sets these have."""
    with components.gather_writer_metadata() as operation:
        operation.wait(timeout=60)
    for writer in components.writer_metadata:
        file_sets = sum(len(component.files) for component in writer.components)
        yield writer.name, [component.full_name for component in writer.components], file_sets


def shadow_copies(components: vsspy.BackupComponents) -> list[tuple[str, datetime, bool]]:
    """Each shadow copy's device, time, and whether it outlives the computer's restart."""
    with components.query() as found:
        return [
            (shadow.device_object, shadow.created, vsspy.SnapshotAttributes.PERSISTENT in shadow.attributes)
            for shadow in found
        ]


def providers(components: vsspy.BackupComponents) -> dict[str, vsspy.ProviderType]:
    """The providers by name."""
    with components.query(returned_objects_type=vsspy.ObjectType.PROVIDER) as found:
        return {provider.name: provider.type for provider in found}


def storage(volume: str) -> int | None:
    """The bytes that shadow copies of a volume take; None where this system cannot tell."""
    try:
        with (
            vsspy.DifferentialSnapshotManagement() as management,
            management.query_diff_areas_for_volume(volume) as areas,
        ):
            return sum(area.used_diff_space for area in areas)
    except (vsspy.NotSupportedError, vsspy.ClassNotRegisteredError):
        return None


def main(volume: str = "C:\\") -> int:
    """Print all of it."""
    try:
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            components.set_context(vsspy.SnapshotContext.ALL)
            for name, kind in providers(components).items():
                print(f"provider {name} ({kind.name})")
            for device, created, persistent in shadow_copies(components):
                print(f"shadow copy {device} of {created:%Y-%m-%d %H:%M:%S}{', persistent' if persistent else ''}")
        with vsspy.BackupComponents() as components:
            components.initialize_for_backup()
            for writer, names, count in writers(components):
                print(f"writer {writer}: {', '.join(names)} ({count} file sets)")
        print(f"storage for {volume}: {storage(volume)}")
    except vsspy.VssError as error:
        print(f"{error}\n{error.hint}")
        return 2 if error.retryable else 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
