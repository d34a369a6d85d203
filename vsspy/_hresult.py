"""HRESULTs that print as what they are called."""

from __future__ import annotations

from ._codes import NAMES


class HResult(int):
    """An unsigned HRESULT: a number like any other, whose text is its name where VSS's headers or COM's have one."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """``"VSS_E_BAD_STATE"``; the number in hexadecimal where it has no name."""
        return NAMES.get(self, f"0x{int(self):08X}")

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"<HResult {self.name}: 0x{int(self):08X}>"
