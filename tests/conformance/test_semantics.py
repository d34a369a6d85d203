"""The table of the semantics' statements is whole: each has a test that exists, or a reason."""

from __future__ import annotations

from collections import Counter

from statements import REASONS, ROOT, exists, statements, summary

#: The sections of the semantics, which have statements all of them.
SECTIONS = [
    *(f"1.{n}" for n in range(1, 8)),
    *(f"2.{n}" for n in range(1, 7)),
    "3",
    *(f"3.{n}" for n in range(1, 11)),
    *(f"4.{n}" for n in range(1, 8)),
    "5",
    "6",
    *(f"7.{n}" for n in range(1, 7)),
    *(f"8.{n}" for n in range(1, 6)),
    *(f"9.{n}" for n in range(1, 6)),
    "10",
    *(f"11.{n}" for n in range(1, 6)),
    *(str(n) for n in range(12, 17)),
]


def test_every_section_has_statements() -> None:
    found = list(dict.fromkeys(each.section for each in statements()))
    assert found == SECTIONS, "in the order of the semantics"


def test_rows_are_whole() -> None:
    for row in statements():
        assert row.mark in {"D", "O", "C", "?"}, row
        assert row.statement, row
        assert all(cell == cell.strip() for cell in row), row
    repeated = [
        key for key, count in Counter((each.section, each.statement) for each in statements()).items() if count > 1
    ]
    assert repeated == []


def test_every_test_exists() -> None:
    missing = {test for row in statements() for test in row.tests if not exists(test)}
    assert missing == set()


def test_a_row_without_a_test_has_a_reason() -> None:
    for row in statements():
        if row.kind == "test":
            assert row.tests, row
            assert row.tests == row.test.split(" "), row
        else:
            reason = row.test.partition(": ")[2]
            assert len(reason.split()) >= 4, row


def test_deviations_are_told_to_users() -> None:
    """docs/limits.md has a line for each reason that the table gives."""
    text = " ".join((ROOT / "docs" / "limits.md").read_text(encoding="utf-8").split())
    missing = {
        row.test.partition(": ")[2].partition(": tests/")[0]
        for row in statements()
        if row.kind == "deviation" and row.mark in "DO"
    }
    missing = {reason for reason in missing if reason not in text}
    assert missing == set()


def test_the_summary_counts() -> None:
    facts = [each for each in statements() if each.mark in "DO"]
    without = sum(each.kind in REASONS for each in facts)
    assert summary().startswith(f"{len(facts)} documented or observed statements, {len(facts) - without} with a test, ")
    assert "0 proved by this run" in summary({})
    assert f"{len(facts) - without} proved" in summary({test: True for each in facts for test in each.tests})
