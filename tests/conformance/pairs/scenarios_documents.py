"""Documents that are none: VSS_E_INVALID_XML_DOCUMENT."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import vsspy

from .exercises_documents import XML
from .model import scenario_for
from .scenes import Scene, World
from .server import DOCUMENT

api: Any = vsspy
B = "IVssBackupComponents"


def bad(method: str, stage: str, call: Callable[[Scene, str], object], *texts: str) -> None:
    """Each of the texts is refused."""

    def run(world: World) -> None:
        for text in texts[:-1]:
            with world.scene(stage) as scene:
                try:
                    call(scene, text)
                except vsspy.InvalidXmlDocumentError:
                    continue
                raise AssertionError(f"accepted: {text}")
        with world.scene(stage) as scene:
            call(scene, texts[-1])

    scenario_for(method, "VSS_E_INVALID_XML_DOCUMENT", "argument", run)


CUT = DOCUMENT[:-5]
bad(f"{B}::InitializeForBackup", "new", lambda s, text: s.bc.initialize_for_backup(text), "none", CUT, XML)
bad(f"{B}::InitializeForRestore", "new", lambda s, text: s.bc.initialize_for_restore(text), "none", CUT, XML)
bad(
    "CreateVssExamineWriterMetadata",
    "nothing",
    lambda s, text: api.ExamineWriterMetadata(text, s.machine).close(),
    "none",
    XML[:-5],
    DOCUMENT,
)
