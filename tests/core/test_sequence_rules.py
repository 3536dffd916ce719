"""What may be stored as a sequence."""

from __future__ import annotations

import pytest

from owactors.core.controller.rejection import Rejection
from owactors.core.controller.sequencerules import check_sequence
from owactors.entity.action import WhiskAction
from owactors.entity.names import FullyQualifiedEntityName
from tests.core.chains import action, sequence

NAME = FullyQualifiedEntityName("guest", "s")


def check(
    components: tuple[str, ...], *known: WhiskAction, limit: int = 50, bound: dict[str, str] | None = None
) -> int:
    actions = {each.doc_id: each for each in known}
    checking = check_sequence(NAME, components, limit)
    try:
        wanted = next(checking)
        while True:
            doc_id = (bound or {}).get(wanted.doc_id, wanted.doc_id)
            wanted = checking.send((FullyQualifiedEntityName.parse(doc_id), actions.get(doc_id)))
    except StopIteration as done:
        return int(done.value)


def refusal(components: tuple[str, ...], *known: WhiskAction, bound: dict[str, str] | None = None) -> str:
    with pytest.raises(Rejection) as refused:
        check(components, *known, bound=bound)
    assert refused.value.status == 400
    return refused.value.text


@pytest.mark.scenario("S01")
def test_two_existing_actions() -> None:
    assert check(("/guest/a", "/_/a"), action("a")) == 2


@pytest.mark.scenario("S02")
def test_missing_and_none() -> None:
    assert refusal(("/guest/a",)) == "Sequence component does not exist."
    assert refusal(()) == "No component specified for the sequence."


@pytest.mark.scenario("S03")
def test_length() -> None:
    assert check(("/guest/a",) * 50, action("a")) == 50
    assert refusal(("/guest/a",) * 51, action("a")) == "Too many actions in the sequence."


@pytest.mark.scenario("S03")
def test_length_when_inlined() -> None:
    thirty = sequence("t", *["/guest/a"] * 30)
    assert check(("/guest/t", "/guest/a"), thirty, action("a")) == 31
    assert refusal(("/guest/t", "/guest/t"), thirty, action("a")) == "Too many actions in the sequence."


@pytest.mark.scenario("S04")
def test_cycles() -> None:
    cyclic = "Sequence may not refer to itself."
    assert refusal(("/_/s",)) == cyclic
    assert refusal(("/guest/a", "/guest/s"), action("a")) == cyclic
    assert refusal(("/guest/t",), sequence("t", "/guest/s")) == cyclic
    assert refusal(("/guest/bound/s",), bound={"guest/bound/s": "guest/s"}) == cyclic


def test_a_cycle_among_others_ends() -> None:
    ring = [sequence("x", "/guest/y"), sequence("y", "/guest/x", "/guest/a")]
    assert refusal(("/guest/x",), *ring, action("a")) == "Sequence may not refer to itself."
