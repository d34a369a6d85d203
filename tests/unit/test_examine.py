"""ExamineWriterMetadata: a stored Writer Metadata Document, read by VSS."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from ctypes_platform import CODES, S_FALSE, S_OK, ComObject, CtypesPlatform, put, put_guid, sta

import vsspy
from vsspy import errors, simulator

WRITERS = Path(__file__).parents[1] / "data" / "writers"
NAMES = sorted(path.name for path in WRITERS.glob("*.xml"))
INSTANCE, WRITER = (UUID(int=n) for n in (1, 2))


def text_of(name: str) -> str:
    return (WRITERS / name).read_text("utf-8")


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_document(name: str) -> None:
    text = text_of(name)
    with simulator.running(volumes={}) as machine, vsspy.ExamineWriterMetadata(text) as stored:
        assert stored.metadata == vsspy.WriterMetadata.from_xml(text)
        assert stored.metadata.include_files == ()
        assert stored.save_as_xml() == text
        assert stored.metadata.to_xml() == text
        assert repr(stored) == "<ExamineWriterMetadata on simulator>"
    assert machine.live_objects == 0
    assert repr(stored) == "<ExamineWriterMetadata on simulator, closed>"


def test_another_document_replaces_it() -> None:
    first, second = (text_of(name) for name in NAMES[:2])
    with simulator.running(volumes={}), vsspy.ExamineWriterMetadata(first) as stored:
        before = stored.metadata
        assert stored.load_from_xml(second) is True
        assert stored.metadata == vsspy.WriterMetadata.from_xml(second)
        assert before == vsspy.WriterMetadata.from_xml(first), "what was read stays"


def test_what_is_no_such_document() -> None:
    document = '<BACKUP_COMPONENTS xmlns="x-schema:#VssComponentMetadata" version="1.2"/>'
    with simulator.running(volumes={}) as machine:
        for wrong in ("", "text", "<WRITER_METADATA/>", document):
            with pytest.raises(errors.InvalidXmlDocumentError) as caught:
                vsspy.ExamineWriterMetadata(wrong)
            assert caught.value.operation == "CreateVssExamineWriterMetadata"
        text = text_of(NAMES[0])
        with vsspy.ExamineWriterMetadata(text) as stored:
            with pytest.raises(errors.InvalidXmlDocumentError) as caught:
                stored.load_from_xml(document)
            assert caught.value.operation == "IVssExamineWriterMetadata::LoadFromXML"
            assert stored.save_as_xml() == text
            with pytest.raises(errors.InvalidArgumentError, match="xml has a null character"):
                stored.load_from_xml("<a>\0</a>")
        with pytest.raises(errors.InvalidArgumentError, match="xml has a null character"):
            vsspy.ExamineWriterMetadata("<a>\0</a>")
    assert machine.live_objects == 0


def test_the_reserved_document() -> None:
    with simulator.running(volumes={}) as machine, vsspy.ExamineWriterMetadata(text_of(NAMES[0])) as stored:
        calls = len(machine.trace)
        with pytest.raises(errors.NotSupportedError, match="reserved") as caught:
            stored.get_document()
        assert caught.value.operation == "IVssExamineWriterMetadata::GetDocument"
        assert len(machine.trace) == calls


def test_after_close() -> None:
    with simulator.running(volumes={}) as machine:
        stored = vsspy.ExamineWriterMetadata(text_of(NAMES[0]), machine)
        states = [stored.closed]
        for _ in range(2):
            stored.close()
            states.append(stored.closed)
        assert states == [False, True, True]
        for use in (stored.save_as_xml, lambda: stored.metadata, lambda: stored.load_from_xml("x")):
            with pytest.raises(errors.ClosedError):
                use()
        held = [vsspy.ExamineWriterMetadata(text_of(NAMES[0]))]
        assert machine.live_objects == 1
        with pytest.warns(ResourceWarning, match="unclosed <ExamineWriterMetadata"):
            held.clear()
        assert machine.live_objects == 0


class Stored:
    """An IVssExamineWriterMetadata of an old system, made in C."""

    def __init__(self, platform: CtypesPlatform) -> None:
        self.platform = platform
        self.loaded: list[str | None] = []
        self.result = S_OK
        platform.examine = self.create

    def create(self, xml: int, out: int) -> int:
        self.loaded.append(self.platform.bstr_text(xml))
        handlers: dict[str, Callable[..., int]] = {
            "GetIdentity": self.identity,
            "GetFileCounts": lambda *counts: S_OK,
            "GetRestoreMethod": lambda *values: S_FALSE,
            "GetBackupSchema": lambda schema: S_OK,
            "SaveAsXML": lambda text: self.platform.give_bstr(text, self.loaded[-1]),
            "LoadFromXML": self.load,
        }
        return ComObject(self.platform, "IVssExamineWriterMetadata", handlers).give(out)

    def identity(self, instance: int, writer: int, name: int, usage: int, source: int) -> int:
        put_guid(instance, INSTANCE)
        put_guid(writer, WRITER)
        put(usage, ctypes.c_int, 3)
        put(source, ctypes.c_int, 3)
        return self.platform.give_bstr(name, "old")

    def load(self, xml: int) -> int:
        if self.result == S_OK:
            self.loaded.append(self.platform.bstr_text(xml))
        return self.result


def examine(platform: CtypesPlatform, xml: str) -> vsspy.ExamineWriterMetadata:
    return vsspy.ExamineWriterMetadata(xml, platform)  # type: ignore[arg-type]  # stands in for a machine


def test_an_object_of_an_old_system() -> None:
    platform = CtypesPlatform()
    service = Stored(platform)
    with examine(platform, "<a>\ud800</a>") as stored:
        assert stored.save_as_xml() == "<a>\ud800</a>"
        found = stored.metadata
        assert (found.instance_id, found.writer_id, found.name) == (INSTANCE, WRITER, "old")
        service.result = S_FALSE
        assert stored.load_from_xml("<b/>") is False
        service.result = S_OK
        assert stored.load_from_xml("<c/>") is True
        service.result = CODES["VSS_E_UNEXPECTED"]
        with pytest.raises(errors.UnexpectedError):
            stored.load_from_xml("<d/>")
    assert service.loaded == ["<a>\ud800</a>", "<c/>"]
    assert len(found.components) == 0
    platform.assert_clean()


def test_creation_fails() -> None:
    platform = CtypesPlatform()
    platform.examine = lambda xml, out: CODES["E_ACCESSDENIED"]
    with pytest.raises(errors.AccessDeniedError) as caught:
        examine(platform, "<a/>")
    assert caught.value.operation == "CreateVssExamineWriterMetadata"
    platform.examine = lambda xml, out: S_OK
    with pytest.raises(errors.UnexpectedError, match="no object"):
        examine(platform, "<a/>")
    platform.assert_clean()


def test_a_single_threaded_apartment() -> None:
    platform = CtypesPlatform()
    Stored(platform)
    with sta(platform), examine(platform, "<a/>") as stored:
        assert stored.metadata.name == "old"
        assert stored.load_from_xml("<b/>")
    served = {thread for name, thread in platform.calls if name.startswith("IVss")}
    assert served
    assert threading.get_ident() not in served
    platform.assert_clean()
