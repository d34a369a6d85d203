"""The volumes and the environment of the machine that a session works on."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

from ._paths import VolumeNames

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _INVALID_HANDLE = ctypes.c_void_p(-1).value
    _MORE_DATA = 234  # ERROR_MORE_DATA

    def _volume_paths() -> Iterator[str]:
        """The volume GUID paths of this computer (FindFirstVolumeW)."""
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        kernel.FindFirstVolumeW.restype = wintypes.HANDLE
        kernel.FindFirstVolumeW.argtypes = [wintypes.LPWSTR, wintypes.DWORD]
        kernel.FindNextVolumeW.argtypes = [wintypes.HANDLE, wintypes.LPWSTR, wintypes.DWORD]
        kernel.FindVolumeClose.argtypes = [wintypes.HANDLE]
        name = ctypes.create_unicode_buffer(260)
        handle = kernel.FindFirstVolumeW(name, len(name))
        if handle in (None, _INVALID_HANDLE):
            return
        try:
            more = True
            while more:
                yield name.value
                more = bool(kernel.FindNextVolumeW(handle, name, len(name)))
        finally:
            kernel.FindVolumeClose(handle)

    def _mount_points(volume_path: str) -> list[str]:
        """The drives and folders that a volume is mounted at (GetVolumePathNamesForVolumeNameW)."""
        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        function = kernel.GetVolumePathNamesForVolumeNameW
        function.argtypes = [wintypes.LPCWSTR, wintypes.LPWSTR, wintypes.DWORD, ctypes.POINTER(wintypes.DWORD)]
        size = wintypes.DWORD(0)
        names = ctypes.create_unicode_buffer(512)
        while not function(volume_path, names, len(names), ctypes.byref(size)):
            if ctypes.get_last_error() != _MORE_DATA or size.value <= len(names):
                return []
            names = ctypes.create_unicode_buffer(size.value)
        return [name for name in ctypes.wstring_at(names, size.value).split("\0") if name]

    def local_volume_names() -> list[list[str]]:
        """All names of each volume of this computer: drives and mounted folders first, the volume GUID path last."""
        return [[*_mount_points(path), path] for path in _volume_paths()]

    def local_volumes() -> VolumeNames:
        """The same, to look names up in."""
        return VolumeNames(local_volume_names())

    def local_volume_paths() -> dict[str, str]:
        """The volume GUID path of each volume of this computer, by the name that it is mounted at first."""
        return {(_mount_points(path) or [path])[0]: path for path in _volume_paths()}

else:

    def local_volume_names() -> list[list[str]]:
        """No volumes: there is no VSS here that could copy them."""
        return []

    def local_volumes() -> VolumeNames:
        """None, for the same reason."""
        return VolumeNames()

    def local_volume_paths() -> dict[str, str]:
        """None, for the same reason."""
        return {}


def local_environment() -> dict[str, str]:
    """This process's environment variables, which file sets are expanded with on Windows."""
    return dict(os.environ)
