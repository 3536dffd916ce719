"""Sequences and compositions over the API: what callers see, and what is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from owactors.core.controller.throttle import Throttles
from owactors.message.store import StoreUnavailable
from owactors.rest.ports import LoadBalancerRefused, RestSettings
from tests.rest.chainbench import Bench, header, played, shown

HERE = "/namespaces/_/actions"
CONDUCTOR = {"conductor": True}


def inc(content: Any) -> Any:
    return {"v": content.get("v", 0) + 1}


async def called(bench: Bench, name: str, body: Any = None, query: str = "blocking=true") -> Any:
    answer = await bench.request("POST", f"{HERE}/{name}?{query}", body or {})
    return answer


@pytest.mark.scenario("S07")
def test_the_record_is_answered_and_kept() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("s", "/_/inc", "/guest/inc")
        answer = await called(bench, "s", {"v": 5})
        record = shown(answer)
        assert answer.status == 200
        assert record["response"]["result"] == {"v": 7}
        assert record["logs"] == [message.activation_id for message in bench.functions.messages]
        assert header(answer, "x-openwhisk-activation-id") == record["activationId"]
        stored = await bench.record(record["activationId"])
        assert stored["logs"] == record["logs"]
        assert {message.cause for message in bench.functions.messages} == {record["activationId"]}

    played(scene)


def test_each_component_has_a_transaction_below_the_requests() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("s", "/_/inc", "/_/inc")
        await called(bench, "s")
        first, second = (message.transid for message in bench.functions.messages)
        assert first.id != second.id
        assert first.parent is not None
        assert first.parent == second.parent

    played(scene)


@pytest.mark.scenario("S08")
def test_nested_records_are_kept() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("x", "/_/inc")
        await bench.sequence("s", "/_/x", "/_/inc")
        outer = shown(await called(bench, "s"))
        inner = await bench.record(outer["logs"][0])
        assert (inner["name"], inner["cause"]) == ("x", outer["activationId"])

    played(scene)


@pytest.mark.scenario("S11")
def test_a_component_that_was_deleted() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("s", "/_/inc")
        await bench.request("DELETE", f"{HERE}/inc")
        answer = await called(bench, "s", query="blocking=true&result=true")
        assert (answer.status, shown(answer)) == (502, {"error": "Sequence component does not exist."})

    played(scene)


@pytest.mark.scenario("S14")
def test_a_run_outlives_its_caller() -> None:
    async def scene(bench: Bench) -> None:
        gate = asyncio.Event()

        async def slow(content: Any) -> Any:
            await gate.wait()
            return {"done": True}

        await bench.function("slow", slow)
        await bench.sequence("s", "/_/slow")
        answer = await called(bench, "s")
        assert answer.status == 202
        activation_id = shown(answer)["activationId"]
        assert [a.activation_id for a in await bench.store.activations.unfinished()].count(activation_id) == 1
        gate.set()
        await bench.application.api.chains.drain()
        record = await bench.record(activation_id)
        assert record["response"]["result"] == {"done": True}
        assert activation_id not in [a.activation_id for a in await bench.store.activations.unfinished()]

    played(scene, Bench(settings=RestSettings(blocking_wait=0.02)))


@pytest.mark.scenario("C14")
@pytest.mark.parametrize("kind", ["sequence", "composition"])
def test_not_waiting(kind: str) -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("sequence", "/_/inc")
        await bench.function("composition", lambda c: {"params": {"v": 1}}, CONDUCTOR)
        answer = await called(bench, kind, query="blocking=false")
        assert answer.status == 202
        activation_id = shown(answer)["activationId"]
        assert header(answer, "x-openwhisk-activation-id") == activation_id
        await bench.application.api.chains.drain()
        record = await bench.record(activation_id)
        assert (record["name"], record["response"]["result"]) == (kind, {"v": 1})
        assert await bench.store.activations.unfinished() == ()

    played(scene)


@pytest.mark.scenario("S15")
def test_a_component_that_became_private() -> None:
    async def scene(bench: Bench) -> None:
        await bench.subject("other")
        package = "/namespaces/other/packages/p?overwrite=true"
        await bench.request("PUT", package, {"publish": True}, user="other")
        code = {"exec": {"kind": "nodejs:20", "code": "-"}}
        await bench.request("PUT", "/namespaces/other/actions/p/a", code, user="other")
        await bench.sequence("s", "/other/p/a")
        await bench.request("PUT", package, {"publish": False}, user="other")
        answer = await called(bench, "s")
        assert answer.status == 403
        assert "other/p" in shown(answer)["error"]

    played(scene)


@pytest.mark.scenario("S19")
def test_a_run_is_charged_once() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("s", "/_/inc", "/_/inc", "/_/inc")
        assert (await called(bench, "s")).status == 200
        assert (await called(bench, "s")).status == 429

    played(scene, Bench(throttles=Throttles(1, 10, 10)))


@pytest.mark.scenario("S13")
def test_no_invoker_for_a_component() -> None:
    async def scene(bench: Bench) -> None:
        def refuse(content: Any) -> Any:
            raise LoadBalancerRefused("no invoker")

        await bench.function("a", refuse)
        await bench.sequence("s", "/_/a")
        answer = await called(bench, "s", query="blocking=true&result=true")
        assert (answer.status, shown(answer)) == (500, {"error": "Sequence failed."})

    played(scene)


def test_a_store_that_does_not_take_the_acceptance_begins_nothing() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("s", "/_/inc")

        async def full(*arguments: object) -> None:
            raise StoreUnavailable("disk full")

        bench.application.services.activations = _With(bench.store.activations, accept=full)
        answer = await called(bench, "s", query="blocking=false")
        assert answer.status == 503
        assert bench.functions.messages == []

    played(scene)


def test_a_store_that_does_not_take_the_record_is_no_reason_to_hide_the_result() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("s", "/_/inc")

        async def full(*arguments: object) -> None:
            raise StoreUnavailable("disk full")

        bench.application.services.activations = _With(bench.store.activations, store=full)
        answer = await called(bench, "s", query="blocking=true&result=true")
        assert shown(answer) == {"v": 1}

    played(scene)


def test_namespaces_may_keep_no_records() -> None:
    async def scene(bench: Bench) -> None:
        await bench.store.subjects.put({"_id": "guest/limits", "storeActivations": False})
        await bench.function("inc", inc)
        await bench.sequence("s", "/_/inc")
        assert (await called(bench, "s")).status == 200
        assert (await called(bench, "s", query="blocking=false")).status == 202
        await bench.application.api.chains.drain()
        assert await bench.store.activations.list("guest") == []

    played(scene)


@pytest.mark.scenario("C03")
def test_a_composition() -> None:
    async def scene(bench: Bench) -> None:
        def conduct(content: Any) -> Any:
            if "k" in content:
                return {"params": content}
            return {"action": "inc", "params": {"v": 1}, "state": {"k": 2}}

        await bench.function("inc", inc)
        await bench.function("c", conduct, CONDUCTOR)
        record = shown(await called(bench, "c"))
        assert record["response"]["result"] == {"v": 2, "k": 2}
        assert len(record["logs"]) == 3
        assert {"key": "conductor", "value": True} in record["annotations"]

    played(scene)


@pytest.mark.scenario("C05")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("none", "Failed to resolve action with name 'guest/none' during composition."),
        ("/other/a", "Failed entitlement check for action with name 'other/a' during composition."),
        (42, "Failed to parse action name from json value 42 during composition."),
    ],
)
def test_what_a_conductor_may_not_call(name: Any, text: str) -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("c", lambda c: {"params": c} if "error" in c else {"action": name}, CONDUCTOR)
        assert shown(await called(bench, "c", query="blocking=true&result=true")) == {"error": text}

    played(scene)


@pytest.mark.scenario("C10")
def test_a_conductor_in_a_sequence_in_a_conductor() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.function("inner", lambda c: {"params": {"v": 10}}, CONDUCTOR)
        await bench.sequence("s", "/_/inner", "/_/inc")
        await bench.function("c", lambda c: {"params": c} if "v" in c else {"action": "s"}, CONDUCTOR)
        record = shown(await called(bench, "c"))
        assert record["response"]["result"] == {"v": 11}
        sequence = await bench.record(record["logs"][1])
        inner = await bench.record(sequence["logs"][0])
        assert (sequence["name"], inner["name"], inner["cause"]) == ("s", "inner", sequence["activationId"])

    played(scene)


@pytest.mark.scenario("C11")
def test_through_a_binding() -> None:
    async def scene(bench: Bench) -> None:
        await bench.request("PUT", "/namespaces/_/packages/p", {})
        await bench.request("PUT", "/namespaces/_/packages/bound", {"binding": {"namespace": "guest", "name": "p"}})
        await bench.function("p/c", lambda c: {"params": {}}, CONDUCTOR)
        record = shown(await called(bench, "bound/c"))
        annotations = {entry["key"]: entry["value"] for entry in record["annotations"]}
        assert annotations["binding"] == "guest/bound"
        assert annotations["path"] == "guest/p/c"

    played(scene)


def test_a_defect_still_leaves_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("inc", inc)
        await bench.sequence("s", "/_/inc")

        def defect(machine: object, event: object) -> Any:
            raise ZeroDivisionError

        monkeypatch.setattr("owactors.core.controller.sequence.Sequence.handle", defect)
        answer = await called(bench, "s")
        assert answer.status == 500
        record = await bench.record(shown(answer)["activationId"])
        assert record["response"]["statusCode"] == 3

    played(scene)


SEQUENCE = {"kind": "sequence"}


@pytest.mark.scenario("S05")
def test_names_of_components() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", inc)
        bad = await bench.request("PUT", f"{HERE}/s", {"exec": {**SEQUENCE, "components": ["a"]}})
        assert bad.status == 400
        assert "must contain at least the namespace and the name of the entity" in shown(bad)["error"]
        good = await bench.request("PUT", f"{HERE}/s", {"exec": {**SEQUENCE, "components": ["/_/a"]}})
        assert shown(good)["exec"]["components"] == ["/guest/a"]

    played(scene)


@pytest.mark.scenario("S06")
def test_a_sequence_that_becomes_an_action_has_no_parameters() -> None:
    async def scene(bench: Bench) -> None:
        await bench.function("a", inc)
        await bench.sequence("s", "/_/a")
        code = {"exec": {"kind": "nodejs:20", "code": "-"}}
        changed = await bench.request("PUT", f"{HERE}/s?overwrite=true", code)
        assert shown(changed)["parameters"] == []

    played(scene)


@pytest.mark.scenario("S16")
def test_a_private_action_of_others_cannot_be_a_component() -> None:
    async def scene(bench: Bench) -> None:
        await bench.subject("other")
        code = {"exec": {"kind": "nodejs:20", "code": "-"}}
        await bench.request("PUT", "/namespaces/other/actions/a", code, user="other")
        refused = await bench.request("PUT", f"{HERE}/s", {"exec": {**SEQUENCE, "components": ["/other/a"]}})
        assert refused.status == 403
        assert "other/a" in shown(refused)["error"]

    played(scene)


class _With:
    """A store with some of its methods replaced."""

    def __init__(self, real: Any, **replaced: Any) -> None:
        self._real = real
        self._replaced = replaced

    def __getattr__(self, name: str) -> Any:
        return self._replaced.get(name) or getattr(self._real, name)
