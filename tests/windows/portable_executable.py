"""Just enough of the PE format to say which DLLs a module asks for when it is loaded."""

from __future__ import annotations

import struct
from pathlib import Path

IMPORTS = 1  # entry of the data directory
DESCRIPTOR_SIZE, NAME_AT = 20, 12


class Image:
    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        header = self._number("<I", 0x3C)
        assert self.data[header : header + 4] == b"PE\0\0", f"{path} is no PE file"
        sections = self._number("<H", header + 6)
        optional = header + 24
        assert self._number("<H", optional) == 0x20B, f"{path} is not a 64-bit image"
        self.directory = optional + 112
        table = optional + self._number("<H", header + 20)
        self.sections = [struct.unpack_from("<8sIIII", self.data, table + 40 * index)[1:] for index in range(sections)]

    def _number(self, form: str, offset: int) -> int:
        value: int = struct.unpack_from(form, self.data, offset)[0]
        return value

    def _offset(self, address: int) -> int:
        for size, start, raw_size, raw in self.sections:
            if start <= address < start + max(size, raw_size):
                return int(address - start + raw)
        raise ValueError(f"address {address:#x} is in no section")

    def imports(self) -> set[str]:
        """Names of the DLLs, in lower case."""
        address = self._number("<I", self.directory + 8 * IMPORTS)
        names: set[str] = set()
        while address:
            name = self._number("<I", self._offset(address) + NAME_AT)
            if not name:
                break
            start = self._offset(name)
            names.add(self.data[start : self.data.index(b"\0", start)].decode("ascii").lower())
            address += DESCRIPTOR_SIZE
        return names
