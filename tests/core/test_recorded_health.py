"""Every order of a running OpenWhisk to test an invoker is the one we send, to the byte; who calls is by chance."""

from __future__ import annotations

from attrs import evolve

from owactors.core.loadbalancer.healthaction import health_identity, health_message
from owactors.entity.instance import ControllerInstanceId
from owactors.message.payload import to_payload
from tests.message.recordings import recorded


def test_every_test_of_an_invoker_is_the_one_that_openwhisk_sends() -> None:
    compared = 0
    callers: dict[int, set[str]] = {}
    for theirs in recorded("invoker"):
        if not theirs.call.startswith("HEALTH"):
            continue
        key, started = theirs.value["user"]["authkey"]["api_key"], theirs.value["transid"][1]
        controller = theirs.value["rootControllerIndex"]["asString"]
        user = health_identity(*key.split(":"))
        order = health_message(ControllerInstanceId(controller), user, started)
        mine = evolve(order, activation_id=theirs.value["activationId"])
        assert to_payload(mine.to_json()).decode() == theirs.text, theirs.where
        callers.setdefault(started, set()).add(key)
        compared += 1
    assert compared == 50
    assert {len(keys) for keys in callers.values()} == {1}  # one for each life of a controller
