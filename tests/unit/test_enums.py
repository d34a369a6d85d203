"""Every enumeration of the specification: VSS's values by VSS's names, and the values of systems to come."""

from __future__ import annotations

import json
import pickle
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Any

import pytest

from vsspy import enums
from vsspy.enums import ApplicationLevel, SnapshotAttributes, SnapshotContext, WriterState

API: dict[str, Any] = json.loads((Path(__file__).parents[1] / "data/vss_api.json").read_text(encoding="utf-8"))
BY_VSS_NAME = {
    cls.__doc__.split("``")[1]: cls
    for cls in (getattr(enums, name) for name in enums.__all__)
    if cls.__doc__ is not None
}
PLAIN = [cls for cls in BY_VSS_NAME.values() if issubclass(cls, IntEnum)]
MASKS = [cls for cls in BY_VSS_NAME.values() if issubclass(cls, IntFlag)]


def test_all_are_there() -> None:
    assert set(BY_VSS_NAME) == {enum["name"] for enum in API["enums"]}
    assert len(PLAIN) + len(MASKS) == len(API["enums"])


@pytest.mark.parametrize("enum", API["enums"], ids=lambda enum: enum["name"])
def test_values(enum: dict[str, Any]) -> None:
    cls = BY_VSS_NAME[enum["name"]]
    assert issubclass(cls, IntFlag if enum["flags"] else IntEnum)
    values = enum["values"]
    assert len(cls.__members__) == len(values)
    for (name, member), (vss_name, value) in zip(cls.__members__.items(), values.items(), strict=True):
        assert vss_name.endswith(name)
        assert (member - value) % (1 << 32) == 0
        for form in {value, value % (1 << 32), (value + (1 << 31)) % (1 << 32) - (1 << 31)}:
            assert cls(form) is member, "the signed and the unsigned reading of a C value are the same"
        assert pickle.loads(pickle.dumps(member)) is member
        assert str(member) == f"{member}" == f"{cls.__name__}.{name}"
        assert name in repr(member)
        assert f"{member:d}" == str(int(member))


@pytest.mark.parametrize("cls", PLAIN)
@pytest.mark.parametrize("value", [4711, -4711, 0x7FFFFFFE, 0xFFFFFF00, -(1 << 31)])
def test_a_value_unknown_here_survives(cls: type[IntEnum], value: int) -> None:
    member = cls(value)
    assert member == value
    assert type(member) is cls
    assert member.name == f"UNKNOWN_{value}"
    assert str(member) == f"{cls.__name__}.UNKNOWN_{value}"
    assert repr(member) == f"<{cls.__name__}.UNKNOWN_{value}: {value}>"
    copy: Any = pickle.loads(pickle.dumps(member))
    assert (copy, type(copy), copy.name) == (member, cls, member.name)
    assert member not in list(cls)


@pytest.mark.parametrize("cls", MASKS)
def test_unknown_bits_of_a_mask_survive(cls: type[IntFlag]) -> None:
    named = {int(member) for member in cls if not int(member) & (int(member) - 1)}
    first = cls(min(named))
    unknown = 1 << next(bit for bit in range(31, -1, -1) if 1 << bit not in named)
    both = cls(first | unknown)
    assert int(both) == int(first) | unknown
    assert type(both) is type(first | unknown) is type(~first) is cls
    assert both & first
    assert cls(both - (1 << 32)) == both, "the signed reading"
    assert both & ~first == unknown, "taking a known bit away leaves the others"
    assert both & ~cls(unknown) == first
    assert str(both) == f"{cls.__name__}.{first.name}|0x{unknown:X}"
    assert repr(both) == f"<{both}: 0x{int(both):X}>"
    assert str(cls(unknown)) == f"{cls.__name__}.0x{unknown:X}"
    assert cls(-1) == 0xFFFFFFFF
    copy: Any = pickle.loads(pickle.dumps(both))
    assert (copy, type(copy)) == (both, cls)
    assert str(cls(0)).startswith(f"{cls.__name__}.")


@pytest.mark.parametrize("cls", [*PLAIN, *MASKS])
@pytest.mark.parametrize("value", [1 << 32, -(1 << 32) - 1, "PERSISTENT", None, 1.5])
def test_what_no_C_value_can_be_is_refused(cls: type[IntEnum | IntFlag], value: Any) -> None:
    with pytest.raises(ValueError, match="not a valid"):
        cls(value)


def test_some_by_name() -> None:
    assert WriterState(9) is WriterState.FAILED_AT_FREEZE
    assert ApplicationLevel(0xFFFFFFFF) is ApplicationLevel.AUTO
    assert SnapshotContext(-1) is SnapshotContext.ALL
    mask = SnapshotAttributes.PERSISTENT | SnapshotAttributes.NO_AUTO_RELEASE
    assert str(mask) == "SnapshotAttributes.PERSISTENT|NO_AUTO_RELEASE"
    assert repr(mask) == "<SnapshotAttributes.PERSISTENT|NO_AUTO_RELEASE: 0x9>"
