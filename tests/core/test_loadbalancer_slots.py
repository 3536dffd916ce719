import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from owactors.core.loadbalancer.slots import (
    ActivationEntry,
    ActivationSlots,
    CompletionKind,
    CompletionTimeout,
    Observe,
    Release,
    Resolve,
)
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.size import ByteSize
from owactors.entity.transaction import TransactionId
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage

TID = TransactionId("t", 1)
INVOKER = InvokerInstanceId(0, ByteSize.mb(1024))


def entry(name: str, *, blocking: bool = True, uuid: str = "ns", deadline: float = 10) -> ActivationEntry:
    return ActivationEntry(name, uuid, 0, 256, TID, "guest/hello", 1, blocking, deadline)


def slots(*entries: ActivationEntry) -> ActivationSlots:
    made = ActivationSlots()
    for each in entries:
        made.take(each)
    return made


@pytest.mark.scenario("L11")
def test_a_combined_acknowledgement_frees_and_answers() -> None:
    made = slots(entry("a"))
    assert made.acknowledge(CombinedCompletionAndResultMessage(TID, "a", False, INVOKER)) == [
        Release(entry("a"), CompletionKind.REGULAR, False),
        Resolve("a", "a"),
    ]
    assert (made.total, dict(made.by_namespace)) == (0, {})


@pytest.mark.scenario("L10")
def test_a_result_answers_once_and_keeps_the_slot() -> None:
    made = slots(entry("a"))
    assert made.acknowledge(ResultMessage(TID, "a")) == [Resolve("a", "a")]
    assert made.acknowledge(ResultMessage(TID, "a")) == []
    assert made.by_namespace["ns"] == 1
    assert made.acknowledge(CompletionMessage(TID, "a", True, INVOKER)) == [
        Release(entry("a"), CompletionKind.REGULAR, True)
    ]


@pytest.mark.scenario("L11")
def test_a_completion_alone_leaves_the_caller_waiting() -> None:
    made = slots(entry("a"))
    assert made.acknowledge(CompletionMessage(TID, "a", False, INVOKER)) == [
        Release(entry("a"), CompletionKind.REGULAR, False)
    ]
    assert made.waiting == {"a"}
    assert made.acknowledge(ResultMessage(TID, "a")) == [Resolve("a", "a")]


def test_nobody_waits_for_a_call_that_does_not_block() -> None:
    made = slots(entry("a", blocking=False))
    done = made.acknowledge(CombinedCompletionAndResultMessage(TID, "a", False, INVOKER))
    assert [type(each) for each in done] == [Release]


@pytest.mark.scenario("L12")
def test_a_completion_after_the_forced_one_is_only_observed() -> None:
    made = slots(entry("a"))
    assert made.force("a", TID) == [Release(entry("a"), CompletionKind.FORCED, None)]
    late = made.acknowledge(CombinedCompletionAndResultMessage(TID, "a", False, INVOKER))
    assert late == [Observe("a", TID, CompletionKind.REGULAR_AFTER_FORCED)]
    assert made.force("a", TID) == [Observe("a", TID, CompletionKind.FORCED_AFTER_REGULAR)]


def test_a_health_check_has_no_slot() -> None:
    health = TransactionId.system("invokerHealth")
    done = ActivationSlots().acknowledge(CompletionMessage(health, "h", False, INVOKER))
    assert done == [Observe("h", health, CompletionKind.HEALTHCHECK)]


def test_an_id_is_used_once() -> None:
    with pytest.raises(ValueError, match="already under way"):
        slots(entry("a"), entry("a"))


@pytest.mark.parametrize(("limit", "seconds"), [(60_000, 180), (100, 180), (300_000, 660)])
def test_completion_times(limit: int, seconds: float) -> None:
    assert CompletionTimeout().seconds(limit) == seconds


def test_overdue_slots() -> None:
    made = slots(entry("a", deadline=5), entry("b", deadline=50))
    assert [each.activation_id for each in made.overdue(5)] == ["a"]
    assert made.memory == 512
    assert len(made.of_invoker(0)) == 2


class AnyOrder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.slots = ActivationSlots()
        self.answered: set[str] = set()
        self.released: set[str] = set()
        self.count = 0

    @rule(blocking=st.booleans(), uuid=st.sampled_from(["x", "y"]))
    def take(self, blocking: bool, uuid: str) -> None:
        self.count += 1
        self.slots.take(entry(f"a{self.count}", blocking=blocking, uuid=uuid))

    @rule(number=st.integers(1, 20), kind=st.sampled_from(["result", "completion", "combined", "force"]))
    def hear(self, number: int, kind: str) -> None:
        name = f"a{number}"
        done = {
            "result": lambda: self.slots.acknowledge(ResultMessage(TID, name)),
            "completion": lambda: self.slots.acknowledge(CompletionMessage(TID, name, False, INVOKER)),
            "combined": lambda: self.slots.acknowledge(CombinedCompletionAndResultMessage(TID, name, False, INVOKER)),
            "force": lambda: self.slots.force(name, TID),
        }[kind]()
        for each in done:
            if isinstance(each, Resolve):
                assert each.activation_id not in self.answered
                self.answered.add(each.activation_id)
            if isinstance(each, Release):
                assert each.entry.activation_id not in self.released
                self.released.add(each.entry.activation_id)

    @invariant()
    def books_agree(self) -> None:
        self.slots.validate()
        assert self.slots.total == self.count - len(self.released)


AnyOrder.TestCase.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
TestAnyOrder = AnyOrder.TestCase
