"""EnumObject against enumerators made in C, and against the simulator's."""

from __future__ import annotations

import ctypes
import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID

import pytest
from backup_support import clean, components
from ctypes_platform import CODES, S_FALSE, S_OK, ComObject, CtypesPlatform, Guid, ObjectProp, put, sta

import vsspy
from vsspy import EnumObject, ProviderProperties, errors, simulator
from vsspy.enums import ObjectType, ProviderType, SnapshotContext

INTERFACE = "IVssEnumObject"


class Enumerator:
    """An IVssEnumObject over numbered shadow copies; `fail_at` is the place where Next fails, once or for good."""

    def __init__(self, platform: CtypesPlatform, total: int, place: int = 0, kind: int = ObjectType.SNAPSHOT) -> None:
        self.platform = platform
        self.total = total
        self.place = place
        self.kind = kind
        self.fail_at: int | None = None
        self.fails = 1
        self.asked: list[int] = []
        handlers: dict[str, Callable[..., int]] = {
            "Next": self.next,
            "Skip": self.skip,
            "Reset": self.reset,
            "Clone": self.clone,
        }
        self.object = ComObject(platform, INTERFACE, handlers)

    def fill(self, element: ObjectProp, number: int) -> None:
        element.type = self.kind
        if self.kind == ObjectType.SNAPSHOT:
            element.obj.snap.snapshot_id = Guid.from_buffer_copy(UUID(int=number).bytes_le)
            element.obj.snap.device = self.platform.task_string(f"device {number}")
        elif self.kind == ObjectType.PROVIDER:
            element.obj.prov.provider_id = Guid.from_buffer_copy(UUID(int=number).bytes_le)
            element.obj.prov.name = self.platform.task_string(f"provider {number}")
            element.obj.prov.version = self.platform.task_string("1.0")
            element.obj.prov.type = ProviderType.SYSTEM

    def next(self, count: int, array: int, fetched: int) -> int:
        self.asked.append(count)
        end = min(self.place + count, self.total)
        if self.fail_at is not None and self.place <= self.fail_at < end and self.fails:
            self.fails -= 1
            # What a failing call leaves behind has to be freed, and is not to be believed.
            self.fill(ObjectProp.from_address(array), 999)
            put(fetched, ctypes.c_uint32, 1)
            return CODES["E_FAIL"]
        for i in range(end - self.place):
            self.fill(ObjectProp.from_address(array + i * ctypes.sizeof(ObjectProp)), self.place + i)
        put(fetched, ctypes.c_uint32, end - self.place)
        short = end - self.place < count
        self.place = end
        return S_FALSE if short else S_OK

    def skip(self, count: int) -> int:
        self.place += count
        return S_OK if self.place <= self.total else S_FALSE

    def reset(self) -> int:
        self.place = 0
        return S_OK

    def clone(self, out: int) -> int:
        return Enumerator(self.platform, self.total, self.place, self.kind).object.give(out)


def found(platform: CtypesPlatform, bc: vsspy.BackupComponents, total: int, **more: Any) -> tuple[Enumerator, Any]:
    fake = Enumerator(platform, total, **more)
    platform.backup["Query"] = lambda object_id, queried, returned, out: fake.object.give(out)
    return fake, bc.query()


def numbers(elements: Any) -> list[int]:
    return [element.snapshot_id.int for element in elements]


@pytest.fixture
def fake() -> Iterator[tuple[CtypesPlatform, vsspy.BackupComponents]]:
    with clean() as made:
        yield made


Fake = tuple[CtypesPlatform, vsspy.BackupComponents]


@pytest.mark.parametrize("total", [0, 1, 15, 16, 17, 512])
def test_iteration_goes_through_all_in_batches(fake: Fake, total: int) -> None:
    enumerator, objects = found(*fake, total)
    assert iter(objects) is objects
    elements = list(objects)
    assert numbers(elements) == list(range(total))
    assert {type(element) for element in elements} <= {vsspy.SnapshotProperties}
    assert len(enumerator.asked) <= total // 16 + 2
    assert next(objects, None) is None


def test_providers(fake: Fake) -> None:
    platform, bc = fake
    asked: list[Any] = []
    enumerator = Enumerator(platform, 2, kind=ObjectType.PROVIDER)

    def query(object_id: Guid, queried: int, returned: int, out: int) -> int:
        asked.append((object_id.uuid(), queried, returned))
        return enumerator.object.give(out)

    platform.backup["Query"] = query
    first, second = bc.query(returned_objects_type=ObjectType.PROVIDER)
    assert (first.name, first.version, first.type) == ("provider 0", "1.0", ProviderType.SYSTEM)
    assert second.provider_id.int == 1
    assert asked == [(UUID(int=0), ObjectType.NONE, ObjectType.PROVIDER)]
    enumerator = Enumerator(platform, 2, kind=ObjectType.PROVIDER)
    with bc.query(None, ObjectType.NONE, ObjectType.PROVIDER) as found:
        assert_type(found, EnumObject[ProviderProperties])


def test_what_is_asked_is_passed_on(fake: Fake) -> None:
    platform, bc = fake
    asked: list[Any] = []

    def query(object_id: Guid, queried: int, returned: int, out: int) -> int:
        asked.append((object_id.uuid(), queried, returned))
        return S_FALSE

    platform.backup["Query"] = query
    bc.query().close()
    bc.query(UUID(int=7), ObjectType.SNAPSHOT_SET, ObjectType.SNAPSHOT).close()
    assert asked == [(UUID(int=0), 1, 3), (UUID(int=7), 2, 3)]


@pytest.mark.parametrize("code", ["S_OK", "S_FALSE", "VSS_E_OBJECT_NOT_FOUND"])
def test_nothing_to_list(fake: Fake, code: str) -> None:
    """No enumerator comes: it is as if it were empty."""
    platform, bc = fake
    platform.backup["Query"] = lambda object_id, queried, returned, out: CODES[code]
    objects = bc.query()
    assert list(objects) == []
    assert objects.next(5) == []
    assert objects.skip(0) is True
    assert objects.skip(1) is False
    objects.reset()
    with objects.clone() as copy:
        assert list(copy) == []
    objects.close()


def test_the_object_that_is_asked_about_has_to_be_there(fake: Fake) -> None:
    platform, bc = fake
    platform.backup["Query"] = lambda object_id, queried, returned, out: CODES["VSS_E_OBJECT_NOT_FOUND"]
    with pytest.raises(errors.ObjectNotFoundError):
        bc.query(UUID(int=1), ObjectType.SNAPSHOT_SET, ObjectType.SNAPSHOT)


def test_next_skip_and_reset(fake: Fake) -> None:
    enumerator, objects = found(*fake, 40)
    assert numbers(objects.next(2)) == [0, 1]
    assert enumerator.asked == [2], "no more is fetched than was asked for"
    assert objects.next(0) == []
    assert objects.skip(3) is True
    assert numbers(objects.next(30)) == list(range(5, 35))
    assert numbers(objects.next(30)) == [35, 36, 37, 38, 39]
    assert objects.next(1) == []
    objects.reset()
    assert objects.skip(39) is True
    assert objects.skip(2) is False
    objects.reset()
    assert numbers(objects) == list(range(40))


def test_what_was_fetched_ahead_counts(fake: Fake) -> None:
    """Iteration reads ahead; the other methods go on where the last element was."""
    enumerator, objects = found(*fake, 40)
    assert next(objects).snapshot_id.int == 0
    assert enumerator.place == 16
    assert numbers(objects.next(2)) == [1, 2]
    assert objects.skip(1) is True
    assert next(objects).snapshot_id.int == 4
    with objects.clone() as copy:
        assert numbers(copy.next(20)) == list(range(5, 25))
    assert objects.skip(15) is True
    assert numbers(objects) == list(range(20, 40))
    objects.reset()
    assert next(objects).snapshot_id.int == 0
    objects.close()


def test_a_clone_is_on_its_own(fake: Fake) -> None:
    _, objects = found(*fake, 5)
    objects.skip(2)
    copy = objects.clone()
    assert type(copy) is vsspy.EnumObject
    assert numbers(objects) == [2, 3, 4]
    objects.close()
    assert numbers(copy) == [2, 3, 4]


@pytest.mark.parametrize("fail_at", [0, 3, 16, 20])
@pytest.mark.parametrize("way", ["iterate", "next"])
def test_a_failing_next_loses_nothing(fake: Fake, fail_at: int, way: str) -> None:
    enumerator, objects = found(*fake, 40)
    enumerator.fail_at = fail_at
    before: list[int] = []
    with pytest.raises(errors.UnspecifiedError) as caught:
        if way == "iterate":
            for element in objects:
                before.append(element.snapshot_id.int)
        else:
            while some := objects.next(40):
                before += numbers(some)
    assert before == list(range(fail_at // 16 * 16))
    assert caught.value.operation == "IVssEnumObject::Next"
    assert fake[0].memory == {}, "what the failing call had filled in is freed"
    assert numbers(objects) == list(range(len(before), 40)), "it goes on where it was"
    objects.close()


def test_the_failure_comes_after_what_was_fetched(fake: Fake) -> None:
    enumerator, objects = found(*fake, 40)
    enumerator.fail_at, enumerator.fails = 20, 3
    assert numbers(objects.next(40)) == list(range(16))
    with objects.clone() as copy, pytest.raises(errors.UnspecifiedError):
        copy.next(1)
    with pytest.raises(errors.UnspecifiedError):
        objects.skip(1)
    objects.close()


def test_skip_drops_what_was_fetched_before_the_failure(fake: Fake) -> None:
    enumerator, objects = found(*fake, 40)
    enumerator.fail_at = 16
    assert next(objects).snapshot_id.int == 0
    assert objects.skip(14) is True
    assert numbers(objects.next(3)) == [15]
    objects.reset()
    assert numbers(objects) == list(range(40)), "reset() forgets the failure"


def test_an_object_of_an_unknown_type(fake: Fake) -> None:
    _, objects = found(*fake, 3, kind=77)
    with pytest.raises(errors.UnexpectedError, match="unknown type"):
        next(objects)
    objects.close()


@pytest.mark.parametrize(("method", "use"), [("Skip", "skip"), ("Reset", "reset"), ("Clone", "clone")])
def test_failures_name_their_method(fake: Fake, method: str, use: str) -> None:
    enumerator, objects = found(*fake, 3)
    enumerator.object.handlers[method] = lambda *arguments: CODES["E_FAIL"]
    with pytest.raises(errors.UnspecifiedError) as caught:
        getattr(objects, use)(*([1] if use == "skip" else []))
    assert caught.value.operation == f"IVssEnumObject::{method}"
    assert numbers(objects) == [0, 1, 2], "a call that failed changed nothing"
    objects.close()


def test_a_clone_that_does_not_come(fake: Fake) -> None:
    enumerator, objects = found(*fake, 3)
    enumerator.object.handlers["Clone"] = lambda out: S_OK
    with objects, pytest.raises(errors.UnexpectedError):
        objects.clone()


@pytest.mark.parametrize("count", [-1, 1 << 32, -(1 << 70)])
@pytest.mark.parametrize("use", ["next", "skip"])
def test_counts_have_a_range(fake: Fake, use: str, count: int) -> None:
    _, objects = found(*fake, 3)
    with objects, pytest.raises(errors.InvalidArgumentError, match="count") as caught:
        getattr(objects, use)(count)
    assert caught.value.operation == f"IVssEnumObject::{use.capitalize()}"


@pytest.mark.parametrize("count", ["1", None, 1.5])
def test_counts_are_integers(fake: Fake, count: Any) -> None:
    _, objects = found(*fake, 3)
    with objects:
        with pytest.raises(TypeError):
            objects.next(count)
        with pytest.raises(TypeError):
            objects.skip(count)


def test_a_count_of_everything_takes_no_more_memory_than_there_is(fake: Fake) -> None:
    _, objects = found(*fake, 33)
    assert len(objects.next((1 << 32) - 1)) == 33
    objects.close()


def test_after_close(fake: Fake) -> None:
    platform, bc = fake
    _, objects = found(platform, bc, 40)
    next(objects)
    assert repr(objects) == "<EnumObject on simulator>"
    objects.close()
    objects.close()
    assert objects.closed
    assert repr(objects) == "<EnumObject on simulator, closed>"
    assert [name for name in platform.live if name.startswith(INTERFACE)] == []
    for use in (lambda: next(objects), lambda: objects.next(1), lambda: objects.skip(1), objects.reset, objects.clone):
        with pytest.raises(errors.ClosedError):
            use()


def test_it_outlives_its_session() -> None:
    platform = CtypesPlatform()
    with components(platform) as bc:
        _, objects = found(platform, bc, 20)
    del bc
    gc.collect()
    assert numbers(objects) == list(range(20))
    del objects
    gc.collect()
    platform.assert_clean()


def test_forgotten_ones_are_told_of(fake: Fake) -> None:
    platform, bc = fake
    _, objects = found(platform, bc, 40)
    next(objects)
    with pytest.warns(ResourceWarning, match="unclosed <EnumObject on simulator>"):
        del objects  # the last reference
    assert [name for name in platform.live if name.startswith(INTERFACE)] == []
    assert platform.memory == {}


def test_a_loop_to_the_end_forgets_nothing(fake: Fake, recwarn: pytest.WarningsRecorder) -> None:
    _, objects = found(*fake, 40)
    for _ in objects:
        pass
    del objects
    gc.collect()
    assert list(recwarn) == []


def test_a_call_from_inside_another_is_refused(fake: Fake) -> None:
    enumerator, objects = found(*fake, 3)
    refused: list[str] = []
    original = enumerator.object.handlers["Next"]

    def reenter(*arguments: int) -> int:
        for use in (lambda: objects.next(1), objects.reset, objects.close):
            try:
                use()
            except errors.ReentrantCallError as error:
                refused.append(error.operation or "")
        return original(*arguments)

    enumerator.object.handlers["Next"] = reenter
    assert numbers(objects.next(3)) == [0, 1, 2]
    assert refused == ["IVssEnumObject::Next", "IVssEnumObject::Reset", "IUnknown::Release"]
    assert numbers(objects) == []
    objects.close()


def test_callers_on_an_sta_are_served_on_another_thread(fake: Fake) -> None:
    platform, bc = fake
    _, objects = found(platform, bc, 20)
    platform.calls.clear()
    with sta(platform):
        assert len(list(objects)) == 20
        objects.reset()
        objects.clone().close()
        objects.close()
    assert platform.calls
    assert threading.get_ident() not in {thread for _, thread in platform.calls}


def test_the_simulators(tmp_path: Path) -> None:
    with simulator.running(volumes={"C:\\": tmp_path}) as machine:
        with vsspy.BackupComponents() as bc:
            bc.initialize_for_backup()
            bc.set_context(SnapshotContext.FILE_SHARE_BACKUP)
            (provider,) = bc.query(returned_objects_type=ObjectType.PROVIDER)
            assert provider.type is ProviderType.SYSTEM
            assert list(bc.query()) == []
            bc.start_snapshot_set()
            made = bc.add_to_snapshot_set("C:\\")
            bc.do_snapshot_set().wait(30)
            with bc.query() as objects, objects.clone() as copy:
                assert copy.skip(1) is True
                assert copy.skip(1) is False
                assert [one.snapshot_id for one in objects] == [made]
                objects.reset()
                assert [one.snapshot_id for one in objects.next(5)] == [made]
        assert machine.live() == []
