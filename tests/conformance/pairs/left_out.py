"""The pairs that nothing brings about, each with its reason; test_pairs.py holds both lists to be exact."""

from __future__ import annotations

from .model import Pair

LEFT_OUT: dict[Pair, str] = {}

BY_FAULT_ONLY: dict[Pair, str] = {
    Pair("IVssBackupComponents::Query", "VSS_E_OBJECT_NOT_FOUND"): (
        "QueriedObjectId has to be GUID_NULL (reference page), so that no object can be named"
    ),
    Pair("IVssBackupComponents::PostRestore", "VSS_E_OBJECT_NOT_FOUND"): (
        "the call names no object, and the page does not say which one is meant"
    ),
}
"""Pairs of the codes that have to come from state, argument or machine, and do not."""
