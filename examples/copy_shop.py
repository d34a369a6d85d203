"""Save what the writer "Shop Database Writer" names, and tell it how that went."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import vsspy


def save(target: Path, *volumes: str) -> vsspy.BackupResult:
    """Copy every file of the writer's components into *target*, flat."""
    with vsspy.BackupSession(*volumes, backup_type=vsspy.BackupType.FULL, timeout=300) as backup:
        backup.select("Shop Database Writer")
        shadows: vsspy.ShadowCopySet = backup.snapshot()
        for component in backup.components:
            try:
                for number, file in enumerate(component.files()):
                    shutil.copy2(file.shadow_path, target / f"{number}-{Path(file.shadow_path).name}")
            except OSError as error:
                component.mark_failed(str(error))
            else:
                component.mark_succeeded()
        print(f"{len(shadows)} shadow copies in set {shadows.set_id}")
    return backup.result


def main(target: str) -> int:
    """Say how it went."""
    try:
        result = save(Path(target), "C:\\")
    except vsspy.WritersFailedError as group:
        print("; ".join(str(error) for error in group.exceptions))
        return 2
    for writer in result.writers:
        print(writer.name, writer.state.name, writer.failure_name)
    return 0 if result.good else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
