"""Cabinet files (.cab), as far as saved metadata of a shadow copy needs them: read in memory, written without compression.

The format is that of the specification [MS-CAB]. A cabinet is foreign input: every size is checked before it is used, what comes
out is bounded, and names lead nowhere, since nothing is written to a disk here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["CabinetError", "read_cabinet", "write_cabinet"]

_SIGNATURE = b"MSCF"
_HEADER = struct.Struct("<4sIIIIIBBHHHHH")  # CFHEADER
_FOLDER = struct.Struct("<IHH")  # CFFOLDER
_FILE = struct.Struct("<IIHHHH")  # CFFILE, before the name
_DATA = struct.Struct("<IHH")  # CFDATA
_BLOCK = 0x8000  # the most that one CFDATA holds, uncompressed
_UTF8_NAME = 0x80  # _A_NAME_IS_UTF
_LARGEST = 256 << 20  # bytes of all files together; a server's documents are some ten million


class CabinetError(ValueError):
    """The bytes are no cabinet that can be read here; the text says what is wrong."""


def _checksum(data: bytes, seed: int = 0) -> int:
    """CSUMCompute of the specification: exclusive or of the words, the last ones in the other byte order."""
    words = len(data) // 4
    for word in struct.unpack_from(f"<{words}I", data):
        seed ^= word
    rest = data[words * 4 :]
    return seed ^ int.from_bytes(rest, "big")


def _field(layout: struct.Struct, data: bytes, offset: int, what: str) -> tuple[Any, ...]:
    if offset < 0 or offset + layout.size > len(data):
        raise CabinetError(f"it ends within {what}")
    return layout.unpack_from(data, offset)


def read_cabinet(data: bytes, largest: int = _LARGEST) -> dict[str, bytes]:
    """The files of a cabinet by name, in its order.

    Args:
        data: the whole cabinet; one of a set that spans several is refused.
        largest: how many bytes all files together may have.

    Raises:
        CabinetError: it is none, it is damaged or larger than that, or it is compressed by another method than MSZIP.
    """
    header = _field(_HEADER, data, 0, "its header")
    flags, folders, files = header[10], header[8], header[9]
    if data[:4] != _SIGNATURE:
        raise CabinetError("it does not begin with MSCF")
    if flags & 0b11:
        raise CabinetError("it is one of a set of cabinets")
    offset, folder_reserve, data_reserve = _HEADER.size, 0, 0
    if flags & 0b100:
        header_reserve, folder_reserve, data_reserve = _field(struct.Struct("<HBB"), data, offset, "its header")
        offset += 4 + header_reserve
    unpacked: list[bytes] = []
    room, blocks_left = largest, len(data) // _DATA.size  # more blocks than that would lie upon each other
    for number in range(folders):
        start, blocks, method = _field(_FOLDER, data, offset, "the list of folders")
        offset += _FOLDER.size + folder_reserve
        blocks_left -= blocks
        if blocks_left < 0:
            raise CabinetError("it ends within its data")
        content = _unpack(data, start, blocks, method & 0xF, data_reserve, room, number)
        room -= len(content)
        unpacked.append(content)
    found: dict[str, bytes] = {}
    offset = header[4]
    for _ in range(files):
        size, begin, folder, _date, _time, attributes = _field(_FILE, data, offset, "the list of files")
        end = data.find(b"\0", offset + _FILE.size, offset + _FILE.size + 257)
        if end < 0:
            raise CabinetError("a file's name has no end")
        raw = data[offset + _FILE.size : end]
        largest -= size
        name = raw.decode("utf-8" if attributes & _UTF8_NAME else "cp1252", "replace")
        if folder >= len(unpacked) or begin + size > len(unpacked[folder]) or largest < 0:
            raise CabinetError(f"{name} is not all there")
        found[name] = unpacked[folder][begin : begin + size]
        offset = end + 1
    return found


def _unpack(data: bytes, offset: int, blocks: int, method: int, reserve: int, largest: int, number: int) -> bytes:
    if method not in {0, 1}:
        raise CabinetError(
            f"its folder {number} is compressed by a method that is not read here (only MSZIP and none are)"
        )
    found = bytearray()
    for _ in range(blocks):
        checksum, packed, plain = _field(_DATA, data, offset, "its data")
        begin = offset + _DATA.size + reserve
        block = data[begin : begin + packed]
        if len(block) != packed or plain > _BLOCK:
            raise CabinetError("it ends within its data")
        if len(found) + plain > largest:
            raise CabinetError("it holds more than is read here")
        if checksum and checksum != _checksum(data[offset + 4 : begin], _checksum(block)):
            raise CabinetError(f"the checksum of its folder {number} does not fit")
        if method:
            block = _inflate(block, bytes(found[-_BLOCK:]), plain)
        if len(block) != plain:
            raise CabinetError(f"its folder {number} has a block of another size than it says")
        found += block
        offset = begin + packed
    return bytes(found)


def _inflate(block: bytes, before: bytes, size: int) -> bytes:
    if block[:2] != b"CK":
        raise CabinetError("a block is not MSZIP")
    try:
        inflater = zlib.decompressobj(-15, before) if before else zlib.decompressobj(-15)
        return inflater.decompress(block[2:], size + 1)
    except zlib.error as error:
        raise CabinetError(f"a block is damaged ({error})") from None


def write_cabinet(files: Mapping[str, bytes]) -> bytes:
    """A cabinet of these files, not compressed.

    Args:
        files: content by name; at least one.

    Raises:
        CabinetError: a name that has no place in a cabinet, or too many or too large files.
    """
    content = b"".join(files.values())
    blocks = list(_blocks(content))
    if not 0 < len(files) <= 0xFFFF or len(blocks) > 0xFFFF:
        raise CabinetError("no files, or too many or too large ones")
    names = [_name(name) for name in files]
    files_at = _HEADER.size + _FOLDER.size
    data_at = files_at + sum(_FILE.size + len(name) for name in names)
    whole = data_at + sum(len(block) for block in blocks)
    parts = [
        _HEADER.pack(_SIGNATURE, 0, whole, 0, files_at, 0, 3, 1, 1, len(files), 0, 0, 0),
        _FOLDER.pack(data_at, len(blocks), 0),
    ]
    begin = 0
    for name, data in zip(names, files.values(), strict=True):
        # The date is the first one there is: the same files make the same cabinet.
        parts += [_FILE.pack(len(data), begin, 0, 0x21, 0, _UTF8_NAME if not name.isascii() else 0x20), name]
        begin += len(data)
    return b"".join([*parts, *blocks])


def _name(name: str) -> bytes:
    raw = name.encode("utf-8", "surrogatepass")
    if not 0 < len(raw) <= 255 or b"\0" in raw:
        raise CabinetError(f"{name!r} is no name of a file in a cabinet")
    return raw + b"\0"


def _blocks(content: bytes) -> Iterator[bytes]:
    for offset in range(0, len(content), _BLOCK):
        block = content[offset : offset + _BLOCK]
        sizes = struct.pack("<HH", len(block), len(block))
        yield struct.pack("<I", _checksum(sizes, _checksum(block))) + sizes + block
