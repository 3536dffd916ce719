"""The lean load balancer as an actor: every published activation is answered and its slot freed, once."""

import json
from pathlib import Path

import pytest
from attrs import evolve

from owactors.actor.loadbalancer import NO_INVOKERS, LoadBalancer
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.size import ByteSize
from owactors.message.ack import (
    AcknowledgementMessage,
    CombinedCompletionAndResultMessage,
    CompletionMessage,
    ResultMessage,
)
from owactors.message.activation import ActivationMessage
from owactors.message.container import StoreActivation
from owactors.message.loadbalancer import (
    Answer,
    BalancerSetup,
    Freed,
    InvokerGone,
    InvokerUp,
    Publish,
    Refused,
)
from tests.actor.harness import Bench, named

SAMPLE = Path(__file__).parent.parent / "data" / "wire_samples" / "activation_message.json"
MSG = ActivationMessage.from_json(json.loads(SAMPLE.read_text()))
INVOKER = InvokerInstanceId(0, ByteSize.mb(1024))
UUID = MSG.user.namespace.uuid


@pytest.fixture
def bench() -> Bench:
    made = Bench(LoadBalancer)
    made.give(BalancerSetup(named("store")), "node")
    made.give(InvokerUp(0, named("invoker")), "node")
    return made


def publish(bench: Bench, name: str = "a" * 32, *, blocking: bool = True) -> ActivationMessage:
    msg = evolve(MSG, activation_id=name, blocking=blocking)
    bench.give(Publish(msg, 60_000, 256), "api")
    return msg


def acknowledge(bench: Bench, ack: AcknowledgementMessage) -> None:
    bench.give(ack, "invoker")


def test_an_activation_goes_to_the_invoker_and_its_answer_back(bench: Bench) -> None:
    msg = publish(bench)
    assert bench.sent_to("invoker") == [msg]
    acknowledge(bench, CombinedCompletionAndResultMessage(msg.transid, msg.activation_id, False, INVOKER))
    freed, answer = bench.sent_to("api")
    assert freed == Freed(msg.activation_id, UUID)
    assert isinstance(answer, Answer)
    assert answer.response == msg.activation_id


def test_the_result_comes_before_the_slot_is_free(bench: Bench) -> None:
    msg = publish(bench)
    acknowledge(bench, ResultMessage(msg.transid, msg.activation_id))
    assert [type(each) for each in bench.sent_to("api")] == [Answer]
    acknowledge(bench, CompletionMessage(msg.transid, msg.activation_id, False, INVOKER))
    assert [type(each) for each in bench.sent_to("api")] == [Answer, Freed]


def test_without_an_invoker_it_is_refused(bench: Bench) -> None:
    bench.give(InvokerGone(0, "stopped"), "node")
    msg = publish(bench)
    assert bench.sent_to("api") == [Refused(msg.activation_id, NO_INVOKERS, UUID)]


def test_what_an_invoker_took_with_it_is_answered_and_recorded_with_the_cause(bench: Bench) -> None:
    first, second = publish(bench, "a" * 32), publish(bench, "b" * 32, blocking=False)
    bench.give(InvokerGone(0, "the invoker's process was killed"), "node")
    records = [each.activation for each in bench.sent_to("store") if isinstance(each, StoreActivation)]
    assert [record.activation_id for record in records] == [first.activation_id, second.activation_id]
    assert all(record.response.result == {"error": "the invoker's process was killed"} for record in records)
    assert [type(each) for each in bench.sent_to("api")] == [Freed, Answer, Freed]


def test_a_slot_whose_completion_never_comes_is_freed_by_force(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    msg = publish(bench)
    import time

    later = time.monotonic() + 1000
    monkeypatch.setattr(time, "monotonic", lambda: later)
    bench.fire("sweep")
    bench.give_own()
    assert bench.sent_to("api") == [Freed(msg.activation_id, UUID)]
    assert "forced completion" in caplog.text
    acknowledge(bench, CombinedCompletionAndResultMessage(msg.transid, msg.activation_id, False, INVOKER))
    assert bench.sent_to("api") == [Freed(msg.activation_id, UUID)]


def test_late_and_unknown_acknowledgements_do_no_harm(bench: Bench) -> None:
    acknowledge(bench, ResultMessage(MSG.transid, "c" * 32))
    acknowledge(bench, CompletionMessage(MSG.transid, "c" * 32, False, INVOKER))
    assert bench.sent_to("api") == []


def test_an_accepted_call_that_nobody_can_run_gets_its_record(bench: Bench) -> None:
    bench.give(InvokerGone(0, "stopped"), "node")
    publish(bench, blocking=False)
    (stored,) = bench.sent_to("store")
    assert stored.activation.response.result == {"error": NO_INVOKERS}
