"""Which components a backup includes: rules R1 to R6 of semantics 8."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from selection_support import Described, everywhere, explicit, included, missing, writer

from vsspy import selection
from vsspy._component_tree import ComponentTree
from vsspy._paths import VolumeNames
from vsspy.errors import FileSetError, ObjectNotFoundError, SelectionError
from vsspy.filesets import locate
from vsspy.metadata import ComponentMetadata, WriterMetadata
from vsspy.selection import Rule, Selection, check_rule, resolve

# The worked example of semantics 8.3, numbered from 1.
EXAMPLE: list[Described] = [
    ("Executables", False),
    ("Executables\\ConfigFiles", False),
    ("LicenseInfo", True),
    ("Security", True),
    ("Security\\UserInfo", False),
    ("Security\\Certificates", False),
    ("writerData", True),
    ("writerData\\Set1", False),
    ("writerData\\Set1\\Jan", False),
    ("writerData\\Set1\\Dec", False),
    ("writerData\\Set2", False),
    ("writerData\\Set2\\Jan", False),
    ("writerData\\Set2\\Dec", False),
    ("writerData\\QueryLogs\\Query", False),
    ("writerData\\Usage", True),
    ("writerData\\Usage\\Jan", False),
    ("writerData\\Usage\\Dec", False),
]


def numbers(names: Sequence[str] | set[str]) -> set[int]:
    return {index for index, (name, _) in enumerate(EXAMPLE, 1) if name in names}


@pytest.mark.parametrize(
    ("added", "backed_up"),
    [
        ([1, 2], {1, 2}),
        ([1, 2, 4], {1, 2, 4, 5, 6}),
        ([1, 2, 7], {1, 2, *range(7, 18)}),
        ([1, 2, 15], {1, 2, 15, 16, 17}),
        ([], set()),
    ],
)
def test_worked_example_valid(added: list[int], backed_up: set[int]) -> None:
    tree = ComponentTree(writer(EXAMPLE).components)
    indices = [number - 1 for number in added]
    assert tree.why_invalid(indices) is None
    assert {i + 1 for index in indices for i in (index, *tree.members(index))} == backed_up


@pytest.mark.parametrize(
    ("added", "reason"),
    [
        ([1, 2, 7, 15], "writerData\\Usage is implicit through writerData"),
        ([1, 2, 8], "writerData\\Set1 is not selectable: it only comes with writerData"),
        ([1, 2, 16], "writerData\\Usage\\Jan is not selectable: it only comes with writerData\\Usage"),
        ([1, 4], "Executables\\ConfigFiles has to be included whenever its writer is"),
        ([7], "Executables has to be included whenever its writer is"),
    ],
)
def test_worked_example_invalid(added: list[int], reason: str) -> None:
    tree = ComponentTree(writer(EXAMPLE).components)
    assert tree.why_invalid(number - 1 for number in added) == reason


@pytest.mark.parametrize(
    ("selected", "absent", "expected"),
    [
        (None, [], {1, 2, 3, 4, 7}),
        (["Security"], [], {1, 2, 4}),
        (["WRITERDATA"], [], {1, 2, 7}),
        (["writerData\\Usage"], [], {1, 2, 15}),
        (["usage"], [], {1, 2, 15}),
        (["writerData", "writerData\\Usage"], [], {1, 2, 7}),  # 15 is implicit through 7: not added
        (None, [9], {1, 2, 3, 4, 15}),  # R5: Set1\Jan is missing, so writerData is out, the set below it is not
        (None, [9, 17], {1, 2, 3, 4}),
        (None, [2], set()),  # R5: a mandatory component is missing: the whole writer is out
        (["LicenseInfo"], [1], None),
        (["Security"], [6], None),
    ],
)
def test_selection_of_the_worked_example(
    selected: list[str] | None, absent: list[int], expected: set[int] | None
) -> None:
    rules = [Rule("select", "demo writer", name) for name in selected or []]
    why_not = missing(*(EXAMPLE[number - 1][0] for number in absent))
    if expected is None:
        with pytest.raises(SelectionError, match="its volume is missing"):
            resolve([writer(EXAMPLE)], rules, why_not)
        return
    chosen = resolve([writer(EXAMPLE)], rules, why_not)
    assert numbers(explicit(chosen)) == expected
    tree = ComponentTree(writer(EXAMPLE).components)
    assert tree.why_invalid([number - 1 for number in expected]) is None
    named = {item.name for item in chosen.left_out}
    assert named == ({"Demo Writer"} if not expected else {name for name, _ in EXAMPLE} - included(chosen))


def test_selecting_what_only_comes_with_another() -> None:
    with pytest.raises(SelectionError, match="it only comes with writerData"):
        check_rule(Rule("select", "Demo Writer", "writerData\\Set1"), [writer(EXAMPLE)])
    check_rule(Rule("exclude", "Demo Writer", "writerData\\Set1"), [writer(EXAMPLE)])


def test_excluding_a_member_excludes_its_set_but_not_the_sets_beside_it() -> None:
    chosen = resolve([writer(EXAMPLE)], [Rule("exclude", "Demo Writer", "writerData\\Set1")], everywhere)
    assert numbers(explicit(chosen)) == {1, 2, 3, 4, 15}
    reasons = {item.name: item.reason for item in chosen.left_out}
    assert reasons["writerData\\Set1\\Jan"] == "excluded"
    assert reasons["writerData"] == "writerData\\Set1 of its set is left out: excluded"
    assert reasons["writerData\\Set2"] == "it only comes with writerData"


def test_excluding_a_mandatory_component_leaves_the_writer_out() -> None:
    chosen = resolve([writer(EXAMPLE)], [Rule("exclude", "Demo Writer", "Executables")], everywhere)
    assert not chosen.inclusions
    assert [(item.kind, item.name) for item in chosen.left_out] == [("writer", "Demo Writer")]
    assert "excluded" in chosen.left_out[0].reason


@pytest.mark.parametrize(
    "name", ["second writer", str(UUID(int=2)), UUID(int=2), UUID(int=1002), f"{{{UUID(int=1002)}}}", "INSTANCE B"]
)
def test_writers_are_named_by_name_class_and_instance(name: str | UUID) -> None:
    writers = [writer([("A", True)], "First Writer", 1), writer([("A", True)], "Second Writer", 2, "Instance B")]
    check_rule(Rule("select", name), writers)
    chosen = resolve(writers, [Rule("select", name)], everywhere)
    assert [inclusion.writer.name for inclusion in chosen.inclusions] == ["Second Writer"]
    assert [(item.kind, item.name, item.reason) for item in chosen.left_out] == [
        ("writer", "First Writer", "not selected")
    ]
    chosen = resolve(writers, [Rule("exclude", name)], everywhere)
    assert [inclusion.writer.name for inclusion in chosen.inclusions] == ["First Writer"]


def test_an_empty_instance_name_names_nothing() -> None:
    with pytest.raises(ObjectNotFoundError):
        check_rule(Rule("select", ""), [writer([("A", True)])])


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ObjectNotFoundError, match=r"no writer Demo; there are: Demo Writer"):
        check_rule(Rule("select", "Demo"), [writer(EXAMPLE)])
    with pytest.raises(ObjectNotFoundError, match="no component Demo Writer: writerdata.Set3"):
        check_rule(Rule("exclude", "Demo Writer", "writerdata\\Set3"), [writer(EXAMPLE)])


def test_a_writer_without_components_has_nothing_to_select() -> None:
    empty = writer([])
    assert resolve([empty], [], everywhere) == Selection()
    with pytest.raises(SelectionError, match="it has no components"):
        resolve([empty], [Rule("select", "Demo Writer")], everywhere)
    assert resolve([empty], [Rule("select", "Demo Writer", required=False)], everywhere) == Selection()


def test_a_writer_of_which_nothing_selected_remains_does_not_take_part() -> None:
    rules = [Rule("select", "Demo Writer", "Security", required=False)]
    chosen = resolve([writer(EXAMPLE)], rules, missing("Security\\UserInfo"))
    assert not chosen.inclusions
    reasons = {item.name: item.reason for item in chosen.left_out}
    assert reasons["Security"] == "Security\\UserInfo of its set is left out: its volume is missing"
    assert reasons["Executables"] == "nothing selected is included"


def test_under_holds_for_mandatory_components_too() -> None:
    def under(component: ComponentMetadata, folders: Sequence[str]) -> str | None:
        return None if component.full_name in folders else "it lies elsewhere"

    components = [("Must", False), ("May", True)]
    rules = [Rule("select", "Demo Writer", under=("May",), required=False)]
    assert not resolve([writer(components)], rules, everywhere, under).inclusions
    rules = [Rule("select", "Demo Writer", under=("May", "Must"))]
    assert explicit(resolve([writer(components)], rules, everywhere, under)) == ["Must", "May"]
    rules = [Rule("select", "Demo Writer", under=("Must",))]
    assert explicit(resolve([writer(components)], rules, everywhere, under)) == ["Must"]


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[Described], set[str]]:
    names = draw(st.lists(st.lists(st.sampled_from("abAé"), min_size=1, max_size=4).map("\\".join), max_size=7))
    unique = list({name.upper(): name for name in names}.values())
    components = [(name, draw(st.booleans())) for name in unique]
    absent = {name for name in unique if draw(st.integers(0, 3)) == 0}
    return components, absent


@given(trees())
def test_selection_against_every_choice_there_is(described: tuple[list[Described], set[str]]) -> None:
    """The default selection is the valid choice that backs up most, found by trying all choices with the rules' own words."""
    components, absent = described
    names = [name for name, _ in components]

    def ancestors(name: str, *, selectable: bool) -> list[str]:
        return [
            other for other, sel in components if sel or not selectable if name.upper().startswith(other.upper() + "\\")
        ]

    def outcome(choice: Sequence[str]) -> set[str] | None:
        """What AddComponent for these backs up; None if the choice breaks a rule."""
        backed_up: set[str] = set()
        for name, sel in components:
            above = ancestors(name, selectable=True)
            chosen_above = [other for other in above if other in choice]
            if name in choice and ((not sel and above) or chosen_above):
                return None
            if name not in choice and not sel and not above and choice:
                return None
            if name in choice or chosen_above:
                backed_up.add(name)
        return None if backed_up & absent else backed_up

    valid = {
        choice: result
        for size in range(len(names) + 1)
        for choice in itertools.combinations(names, size)
        if (result := outcome(choice)) is not None
    }
    most = max(valid.values(), key=len)
    chosen = resolve([writer(components)], [], missing(*absent))
    assert tuple(explicit(chosen)) in valid
    assert included(chosen) == most
    if chosen.inclusions:
        assert {item.name for item in chosen.left_out} == set(names) - most
    tree = ComponentTree(writer(components).components)
    for choice in itertools.islice(
        itertools.chain.from_iterable(itertools.combinations(names, n) for n in range(8)), 64
    ):
        broken = tree.why_invalid(names.index(name) for name in choice) is not None
        assert broken == (outcome_without_volumes(components, choice) is None)


def outcome_without_volumes(components: list[Described], choice: Sequence[str]) -> bool | None:
    for name, sel in components:
        above = [o for o, s in components if s and name.upper().startswith(o.upper() + "\\")]
        if name in choice and ((not sel and above) or any(o in choice for o in above)):
            return None
        if name not in choice and not sel and not above and choice:
            return None
    return True


@pytest.mark.captured
def test_default_selection_of_a_captured_server(captured_documents: Path) -> None:
    """C:\\ less SqlServerWriter: what DiskShadow's document of that server has; the ASR writer is out by R5."""
    folder = captured_documents / "server2012r2"
    writers = [WriterMetadata.from_xml(path.read_text("utf-8")) for path in sorted(folder.glob("WM*.xml"))]
    volumes = VolumeNames([["C:\\"]])
    environment = {"SystemRoot": "C:\\Windows", "windir": "C:\\Windows", "ProgramData": "C:\\ProgramData"}

    def why_not(component: ComponentMetadata) -> str | None:
        try:
            for file_set in selection.file_sets(component):
                locate(file_set, volumes, environment, volumes)
        except FileSetError as error:
            return str(error.detail)
        return None

    chosen = resolve(writers, [Rule("exclude", "SqlServerWriter")], why_not)
    found = {(str(each.writer.instance_id), each.component.full_name) for each in chosen.inclusions}
    document = ElementTree.fromstring((folder / "BCDocument.xml").read_text("utf-8"))
    there = {(str(UUID(w.attrib["instanceId"])), c.attrib["componentName"]) for w in document for c in w}
    assert found == there
    assert len(there) == 8
    left_out = {item.name: item.reason for item in chosen.left_out}
    assert left_out["SqlServerWriter"] == "excluded"
    assert "BCD\\BCD" in left_out["ASR Writer"]
    assert "Volume{c7463aba-f40d-11e9-80c7-806e6f6e6963}" in left_out["ASR Writer"]
    assert len(left_out) == 2
    assert sum(1 for each in chosen.inclusions for _ in each.file_sets) > 18_925
