"""Messages between two processes: what comes out of the restricted unpickler equals what went in."""

import pickle
from typing import Any

import pytest
from attrs import evolve

from owactors.actorbase.protocol import pack_letter
from owactors.actorbase.unpickling import loads
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.identity import Identity, Namespace, Privilege
from owactors.entity.ids import DocRevision
from owactors.entity.instance import ControllerInstanceId, InvokerInstanceId
from owactors.entity.limits import UserLimits
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.parameters import Parameters, ParameterValue
from owactors.entity.semver import SemVer
from owactors.entity.size import ByteSize
from owactors.entity.transaction import TransactionId
from owactors.message.ack import CombinedCompletionAndResultMessage, CompletionMessage, ResultMessage
from owactors.message.activation import ActivationMessage
from owactors.message.shared import MOST_KEPT, SharedForm
from owactors.message.store import RecordEntry, StoreRecords

ROOT = TransactionId.fresh(1_700_000_000_000)
USER = Identity(
    "a subject with \ud800 and ü",
    Namespace("guest", "some uuid"),
    {"api_key": "uuid:key"},
    frozenset({Privilege.READ, Privilege.ACTIVATE}),
    UserLimits(allowed_kinds=("python:3",), max_payload_size=ByteSize.mb(3), store_activations=False),
)
MESSAGE = ActivationMessage(
    transid=ROOT,
    action=FullyQualifiedEntityName("guest/pkg", "echo", SemVer(1, 2, 3), "other/binding"),
    revision=DocRevision("1-abc"),
    user=USER,
    activation_id="0" * 32,
    root_controller_index=ControllerInstanceId("0"),
    blocking=True,
    content={"deep": [1, 2.5, None, 2**70]},
)
RECORD = WhiskActivation(
    namespace="guest",
    name="echo",
    subject="guest",
    activation_id="0" * 32,
    start=1,
    end=3,
    response=ActivationResponse.success({"list": [1]}, 12),
    logs=("a line",),
    version="1.2.3",
    publish=True,
    annotations=Parameters(
        {
            "plain": ParameterValue({"a": 1}),
            "init": ParameterValue(1, True),
            "locked": ParameterValue("x", encryption="aes-256"),
        }
    ),
    duration=2,
    cause="1" * 32,
)
INVOKER = InvokerInstanceId(3, ByteSize.mb(512), "unique", "shown", ByteSize.mb(1), ("tag",), ("ns",))
ENTRY = RecordEntry("guest", "0" * 32, 5, "pkg/echo", b"{}", b'{"a":1}')
MESSAGES = (
    StoreRecords(7, (ENTRY,), (("guest", "1" * 32),)),
    MESSAGE,
    evolve(MESSAGE, transid=ROOT.child(5), revision=DocRevision(), blocking=False, content=None),
    evolve(MESSAGE, transid=evolve(ROOT, extra_logging=True), init_args=("a", "b"), locked_args={"b": "aes-128"}),
    evolve(MESSAGE, cause="2" * 32, trace_context={"traceparent": "00-1"}),
    ResultMessage(ROOT, RECORD),
    ResultMessage(ROOT, "0" * 32),
    ResultMessage(ROOT, WhiskActivation("n", "a", "s", "0" * 32, 0, 0, ActivationResponse.whisk_error("no"))),
    CompletionMessage(ROOT.child(6), "0" * 32, None, INVOKER),
    CompletionMessage(ROOT, "0" * 32, True, ControllerInstanceId("c1")),
    CombinedCompletionAndResultMessage(ROOT, RECORD, False, INVOKER),
    CombinedCompletionAndResultMessage(ROOT.child(7), "0" * 32, None, ControllerInstanceId("c1")),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_a_message_arrives_as_it_was_sent(message: Any) -> None:
    assert loads(pickle.dumps(message, 5)) == message
    assert len(pack_letter(1, 2, message)) > 0


def test_a_caller_that_comes_again_is_the_same_object() -> None:
    first, second = (loads(pickle.dumps(evolve(MESSAGE, activation_id=each * 32), 5)) for each in "12")
    assert first.user is second.user
    assert first.action is second.action


def test_what_is_kept_of_shared_values_is_bounded() -> None:
    form: SharedForm[list[int]] = SharedForm(list, list)
    values = [[number] for number in range(3 * MOST_KEPT)]
    assert [form.value(form.form(value)) for value in values] == values
    assert len(form._forms) <= MOST_KEPT
    assert len(form._values) <= MOST_KEPT


def test_a_value_that_took_the_place_of_another_is_not_taken_for_it() -> None:
    form: SharedForm[list[int]] = SharedForm(list, list)
    for number in range(3 * MOST_KEPT):
        assert form.value(form.form([number])) == [number]
