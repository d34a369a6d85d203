"""Which components a backup includes where writers depend on each other: R6 of semantics 8.2, and all rules tried out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selection_support import Described, depends_on, everywhere, explicit, included, missing, writer

from vsspy.errors import ObjectNotFoundError, SelectionError
from vsspy.metadata import ComponentMetadata, WriterMetadata
from vsspy.selection import Rule, check_rule, resolve


def shop(dependency: str, *, inside: str = "Data") -> WriterMetadata:
    """A writer whose component depends on something."""
    return writer([("Data", True), ("Other", True)], "Shop", 1, inside={inside: dependency})


ACCOUNTS = [("Must", False), ("Ledger", True), ("Ledger\\2026", False), ("Ledger\\Books", True), ("Notes", True)]


def test_a_dependency_brings_its_component_in_and_says_so() -> None:
    writers = [shop(depends_on(2, "ledger\\books")), writer(ACCOUNTS, "Accounts", 2)]
    chosen = resolve(writers, [Rule("select", "Shop", "Data")], everywhere)
    assert [(each.component.full_name, each.because) for each in chosen.inclusions] == [
        ("Data", None),
        ("Must", "Shop: Data"),  # in every backup of its writer
        ("Ledger\\Books", "Shop: Data"),
    ]
    assert {item.name: item.reason for item in chosen.left_out} == {
        "Other": "not selected",
        "Ledger": "not selected",
        "Ledger\\2026": "not selected",
        "Notes": "not selected",
    }


def test_what_only_comes_with_another_brings_its_nearest_selectable_ancestor() -> None:
    writers = [shop(depends_on(2, "Ledger\\2026")), writer(ACCOUNTS, "Accounts", 2)]
    chosen = resolve(writers, [Rule("select", "Shop", "Data")], everywhere)
    assert explicit(chosen) == ["Data", "Must", "Ledger"]
    assert included(chosen) == {"Data", "Must", "Ledger", "Ledger\\2026", "Ledger\\Books"}


def test_a_component_that_is_covered_by_its_ancestor_is_not_added() -> None:
    writers = [shop(depends_on(2, "Ledger\\Books")), writer(ACCOUNTS, "Accounts", 2)]
    rules = [Rule("select", "Shop", "Data"), Rule("select", "Accounts", "Ledger")]
    chosen = resolve(writers, rules, everywhere)
    assert [(each.component.full_name, each.because) for each in chosen.inclusions] == [
        ("Data", None),
        ("Must", None),
        ("Ledger", None),
    ]


def test_an_ancestor_that_a_dependency_brought_covers_what_was_selected() -> None:
    writers = [shop(depends_on(2, "Ledger")), writer(ACCOUNTS, "Accounts", 2)]
    rules = [Rule("select", "Shop", "Data"), Rule("select", "Accounts", "Ledger\\Books")]
    chosen = resolve(writers, rules, everywhere)
    assert explicit(chosen) == ["Data", "Must", "Ledger"]
    assert chosen.inclusions[2].because == "Shop: Data"


def test_dependencies_go_on_and_round() -> None:
    writers = [
        writer([("A", True)], "One", 1, inside=depends_on(2, "B")),
        writer([("B", True)], "Two", 2, inside=depends_on(3, "C")),
        writer([("C", True)], "Three", 3, inside=depends_on(1, "A")),
        writer([("D", True)], "Four", 4),
    ]
    chosen = resolve(writers, [Rule("select", "Two")], everywhere)
    assert [(each.component.name, each.because) for each in chosen.inclusions] == [
        ("A", "Three: C"),
        ("B", None),
        ("C", "Two: B"),
    ]
    assert [(item.kind, item.name) for item in chosen.left_out] == [("writer", "Four")]
    chosen = resolve(writers, [], missing("C"))
    assert explicit(chosen) == ["D"]
    assert {item.name: item.reason for item in chosen.left_out} == {
        "A": "it depends on B of Two, which is left out: it depends on C of Three, which is left out: "
        "its volume is missing",
        "B": "it depends on C of Three, which is left out: its volume is missing",
        "C": "its volume is missing",
    }


@pytest.mark.parametrize(
    ("dependency", "rules", "absent", "reason"),
    [
        (depends_on(2, "Ledger"), [Rule("exclude", "Accounts")], [], "Ledger of Accounts, which is left out: excluded"),
        (depends_on(2, "Ledger"), [Rule("exclude", "Accounts", "Ledger")], [], "which is left out: excluded"),
        (depends_on(2, "Ledger"), [], ["Ledger\\2026"], "Ledger\\2026 of its set is left out: its volume is missing"),
        (
            depends_on(2, "Notes"),
            [],
            ["Must"],
            "Must, which every backup of this writer includes, is left out: its vol",
        ),
        (depends_on(2, "Nothing"), [], [], "it depends on Nothing of Accounts, which has no such component"),
        (depends_on(7, "Deep\\X"), [], [], f"Deep\\X of the writer {UUID(int=7)}, which is not there"),
    ],
)
def test_what_depends_on_something_missing_is_left_out_and_the_reason_names_it(
    dependency: str, rules: list[Rule], absent: list[str], reason: str
) -> None:
    writers = [shop(dependency), writer(ACCOUNTS, "Accounts", 2)]
    chosen = resolve(writers, rules, missing(*absent))
    assert "Data" not in included(chosen)
    assert "Other" in included(chosen)
    reasons = {item.name: item.reason for item in chosen.left_out if item.writer == "Shop"}
    assert set(reasons) == {"Data"}
    assert reason in reasons["Data"]
    with pytest.raises(SelectionError) as caught:
        resolve(writers, [*rules, Rule("select", "Shop", "Data")], missing(*absent))
    assert reason in str(caught.value)
    assert explicit(resolve(writers, [*rules, Rule("select", "Shop", "Data", required=False)], missing(*absent))) == []


def test_the_set_around_a_component_goes_with_it() -> None:
    inside = {"Set\\Member": depends_on(2, "Gone")}
    writers = [writer([("Set", True), ("Set\\Member", False), ("Set\\Part", True)], inside=inside)]
    chosen = resolve(writers, [], everywhere)
    assert explicit(chosen) == ["Set\\Part"]
    reasons = {item.name: item.reason for item in chosen.left_out}
    assert reasons["Set"].startswith("Set\\Member of its set is left out: it depends on Gone")
    assert reasons["Set\\Member"].startswith("it depends on Gone")


def test_a_dependency_may_be_met_by_any_instance_so_all_come_in() -> None:
    writers = [
        shop(depends_on(2, "Notes")),
        writer([("Notes", True), ("More", True)], "Accounts", 2, "one", instance=21),
        writer([("Notes", True)], "Accounts", 2, "two", instance=22),
        writer([("Else", True)], "Accounts", 2, "three", instance=23),
    ]
    chosen = resolve(writers, [Rule("select", "Shop", "Data")], everywhere)
    assert [(each.writer.instance_name, each.component.name) for each in chosen.inclusions] == [
        (None, "Data"),
        ("one", "Notes"),
        ("two", "Notes"),
    ]
    chosen = resolve(writers, [Rule("exclude", "two")], everywhere)
    assert explicit(chosen) == ["Other", "Notes", "More", "Else"]


def test_a_component_of_another_computer_is_named_and_drops_nothing() -> None:
    writers = [shop(depends_on(2, "\\\\server2\\Ledger\\Books")), writer(ACCOUNTS, "Accounts", 2)]
    chosen = resolve(writers, [Rule("select", "Shop", "Data")], everywhere)
    assert explicit(chosen) == ["Data"]
    elsewhere = [item for item in chosen.left_out if item.instance_id is None]
    assert [(item.kind, item.name, item.writer, item.writer_id) for item in elsewhere] == [
        ("component", "\\\\server2\\Ledger\\Books", "Accounts", UUID(int=2))
    ]
    assert "another computer" in elsewhere[0].reason
    assert "Data of Shop depends on it" in elsewhere[0].reason
    assert resolve(writers, [Rule("select", "Shop", "Other")], everywhere).left_out[-1].instance_id is not None


def test_what_a_rule_with_folders_brings_in_lies_in_them() -> None:
    def under(component: ComponentMetadata, folders: Sequence[str]) -> str | None:
        return None if component.full_name in folders else "it lies elsewhere"

    writers = [shop(depends_on(2, "Notes")), writer([("Notes", True)], "Accounts", 2)]
    rules = [Rule("select", "Shop", "Data", under=("Data",), required=False)]
    chosen = resolve(writers, rules, everywhere, under)
    assert not chosen.inclusions
    assert chosen.left_out[0].reason == "it depends on Notes of Accounts, which is left out: it lies elsewhere"
    assert explicit(resolve(writers, [*rules, Rule("select", "Accounts")], everywhere, under)) == ["Data", "Notes"]
    rules = [Rule("select", "Shop", "Data", under=("Data", "Notes"))]
    assert explicit(resolve(writers, rules, everywhere, under)) == ["Data", "Notes"]


# -- globs ---------------------------------------------------------------------------------------------------------


NAMES: list[Described] = [
    ("Srv\\A", True),
    ("Srv\\B", True),
    ("Srv\\Logs\\A1", True),
    ("Srv\\Logs", True),
    ("Top", True),
]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["Srv\\A", "Srv\\B", "Srv\\Logs", "Top"]),
        ("a*", ["Srv\\A", "Srv\\Logs\\A1"]),  # plain names, any letter case
        ("?", ["Srv\\A", "Srv\\B"]),
        ("srv\\*", ["Srv\\A", "Srv\\B", "Srv\\Logs"]),
        ("Srv\\?", ["Srv\\A", "Srv\\B"]),
        ("*\\A?", ["Srv\\Logs\\A1"]),
        ("T?p", ["Top"]),
    ],
)
def test_globs_of_components(pattern: str, expected: list[str]) -> None:
    writers = [writer(NAMES)]
    rule = Rule("select", "Demo Writer", pattern)
    check_rule(rule, writers)
    assert explicit(resolve(writers, [rule], everywhere)) == expected
    left = explicit(resolve(writers, [Rule("exclude", "Demo Writer", pattern)], everywhere))
    assert set(left).isdisjoint(expected)


def test_globs_of_writers() -> None:
    writers = [writer([("A", True)], name, number) for number, name in enumerate(["SQL One", "SQL Two", "Other"], 1)]
    check_rule(Rule("select", "sql*"), writers)
    chosen = resolve(writers, [Rule("select", "sql*"), Rule("exclude", "* Tw?")], everywhere)
    assert [each.writer.name for each in chosen.inclusions] == ["SQL One"]
    with pytest.raises(ObjectNotFoundError, match="no writer X"):
        check_rule(Rule("select", "X*"), writers)


def test_a_name_with_a_wildcard_in_it_names_itself_first() -> None:
    writers = [writer([("A*", True), ("AB", True)])]
    assert explicit(resolve(writers, [Rule("select", "Demo Writer", "A*")], everywhere)) == ["A*"]


def test_globs_of_nothing_and_of_what_cannot_be_selected_are_refused() -> None:
    writers = [writer([("Set", True), ("Set\\One", False), ("Set\\Two", False)])]
    with pytest.raises(ObjectNotFoundError, match="no component Demo Writer: x"):
        check_rule(Rule("select", "Demo Writer", "x*"), writers)
    with pytest.raises(SelectionError, match="it only comes with Set"):
        check_rule(Rule("select", "Demo Writer", "Set\\*"), writers)
    check_rule(Rule("exclude", "Demo Writer", "Set\\*"), writers)


# -- all rules, tried out ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """Some writers: their components, what each depends on, what cannot be backed up, and what is asked for."""

    writers: list[list[Described]]
    dependencies: dict[tuple[int, str], list[tuple[int, str]]]
    absent: set[tuple[int, str]]
    excluded: list[tuple[int, str]]
    selected: list[tuple[int, str]] | None

    def real(self) -> list[WriterMetadata]:
        return [
            writer(
                components,
                f"W{number}",
                number,
                inside={
                    name: f'<FILE_LIST path="C:\\{number}" filespec="*" filespecBackupType="3855"/>'
                    + "".join(depends_on(*target) for target in self.dependencies.get((number, name), []))
                    for name, _ in components
                },
            )
            for number, components in enumerate(self.writers, 1)
        ]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    name = st.sampled_from(["a", "a\\b", "A\\B\\a", "a\\b\\b", "a\\x\\a", "b", "b\\a"])
    writers = []
    for count in draw(st.sampled_from([(5,), (3, 3), (2, 4), (2, 2, 2), (3, 2, 1)])):
        names = draw(st.lists(name, min_size=1, max_size=count, unique_by=str.upper))
        writers.append([(each, draw(st.booleans())) for each in names])
    every = [(number, each) for number, components in enumerate(writers, 1) for each, _ in components]
    one = st.sampled_from(every)
    selected = draw(st.lists(one, max_size=2)) or None
    source = one | st.sampled_from(selected) if selected else one
    dependencies: dict[tuple[int, str], list[tuple[int, str]]] = {}
    for _ in range(draw(st.integers(0, 4))):
        target = (9, "gone") if draw(st.integers(0, 9)) == 0 else draw(one)
        dependencies.setdefault(draw(source), []).append(target)
    none: st.SearchStrategy[list[tuple[int, str]]] = st.just([])
    few = none | none | st.lists(one, max_size=2)
    return World(writers, dependencies, set(draw(few)), draw(few), selected)


def above(name: str, other: str) -> bool:
    """Whether *other* is an ancestor of *name*."""
    return name.upper().startswith(other.upper() + "\\")


def backed_up(components: list[Described], choice: Sequence[str]) -> frozenset[str] | None:
    """What AddComponent for these of one writer backs up; None if the table of semantics 8.2 forbids it."""
    found = set()
    for name, selectable in components:
        heads = [other for other, sel in components if sel and above(name, other)]
        chosen = [other for other in heads if other in choice]
        if name in choice and (chosen or (heads and not selectable)):
            return None
        if name not in choice and choice and not selectable and not heads:
            return None
        if name in choice or chosen:
            found.add(name)
    return frozenset(found)


def outcomes(world: World) -> list[frozenset[tuple[int, str]]]:
    """All that a backup of these writers can consist of, found by trying each choice of explicit components."""
    each_writer = []
    for number, components in enumerate(world.writers, 1):
        names = [name for name, _ in components]
        choices = itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(len(names) + 1))
        results = {result for choice in choices if (result := backed_up(components, choice)) is not None}
        each_writer.append([frozenset((number, name) for name in result) for result in results])
    barred = world.absent | {
        (number, name)
        for number, components in enumerate(world.writers, 1)
        for name, _ in components
        for where, what in world.excluded
        if where == number and (name == what or above(name, what))
    }
    return [
        union
        for parts in itertools.product(*each_writer)
        if (union := frozenset().union(*parts)).isdisjoint(barred)
        and all(set(world.dependencies.get(component, ())) <= union for component in union)
    ]


@settings(max_examples=200)
@given(worlds())
def test_selection_against_every_choice_of_all_writers(world: World) -> None:
    """Each thing that was asked for is in the backup if any backup can have it, with what all such backups have besides."""
    valid = outcomes(world)
    every = {(number, name) for number, components in enumerate(world.writers, 1) for name, _ in components}
    asked = (
        every
        if world.selected is None
        else {
            (number, name)
            for number, name in every
            for where, what in world.selected
            if where == number and (name == what or above(name, what))
        }
    )
    expected: set[tuple[int, str]] = set()
    for number, name in asked:
        components = world.writers[number - 1]
        if not dict(components)[name] and any(sel and above(name, other) for other, sel in components):
            continue  # cannot be asked for: it only comes with another one
        having = [outcome for outcome in valid if (number, name) in outcome]
        if having:
            expected |= frozenset.intersection(*having)
    assert frozenset(expected) in valid
    if world.selected is None:
        assert len(expected) == max(map(len, valid))

    def why_not(component: ComponentMetadata) -> str | None:
        where = (int(component.files[0].path.rpartition("\\")[2]), component.full_name)
        return "its volume is missing" if where in world.absent else None

    rules = [Rule("exclude", f"W{number}", name) for number, name in world.excluded]
    rules += [Rule("select", f"W{number}", name, required=False) for number, name in world.selected or ()]
    chosen = resolve(world.real(), rules, why_not)
    found = [
        (each.writer.writer_id.int, component.full_name)
        for each in chosen.inclusions
        for component in (each.component, *each.implicit)
    ]
    assert set(found) == expected
    assert len(found) == len(expected)
    added = {(each.writer.writer_id.int, each.component.full_name) for each in chosen.inclusions}
    for number, components in enumerate(world.writers, 1):
        names = [name for name, _ in components if (number, name) in added]
        assert backed_up(components, names) == frozenset(name for where, name in expected if where == number)
        told = {item.name for item in chosen.left_out if item.writer == f"W{number}"}
        left = {name for name, _ in components} - {name for where, name in expected if where == number}
        assert told in (left, {f"W{number}"} if not names else left)
