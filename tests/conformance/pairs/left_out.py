"""The pairs that nothing brings about, each with its reason; test_pairs.py holds both lists to be exact."""

from __future__ import annotations

from .model import Pair

LEFT_OUT: dict[Pair, str] = {}

BY_FAULT_ONLY: dict[Pair, str] = {}
"""Pairs of the codes that have to come from state, argument or machine, and do not."""
