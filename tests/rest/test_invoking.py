"""Invoking: what the caller gets, and when."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from owactors.entity.activation import ActivationResponse
from owactors.message.store import NoDocument, StoreUnavailable
from owactors.rest.ports import LoadBalancerRefused, MessageTooLarge, RestSettings
from tests.rest.replay.talking import Reply
from tests.rest.test_frame import error, in_world
from tests.rest.world import ALICE, UNLIMITED, Bent, World

FAST_POLLS = RestSettings(limits=UNLIMITED, quick_polls=(0.01, 0.02), slow_poll=0.05, blocking_wait=0.3)


def activation_id(reply: Reply) -> str:
    return reply.header("x-openwhisk-activation-id")


def real_time(world: World) -> None:
    loop = asyncio.get_running_loop()
    world.services.monotonic = loop.time


@pytest.mark.scenario("I01")
def test_not_blocking() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        reply = await world.ask("POST", "actions/x", {"a": 1})
        assert (reply.status, reply.json()) == (202, {"activationId": activation_id(reply)})
        assert world.invoker.published[-1].activation_id == activation_id(reply)

    in_world(story)


def test_a_202_means_that_the_acceptance_is_on_disk() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        world.invoker.hold = asyncio.Event()
        asking = asyncio.create_task(world.ask("POST", "actions/x", {"a": 1}))
        for _ in range(20):
            await asyncio.sleep(0)
        (open_one,) = await world.store.activations.unfinished()
        message = json.loads(open_one.message)
        assert (message["activationId"], message["content"]) == (open_one.activation_id, {"a": 1})
        world.invoker.hold.set()
        assert activation_id(await asking) == open_one.activation_id
        assert await world.store.activations.unfinished() == ()

    in_world(story)


def test_what_was_accepted_and_then_refused_has_a_record() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        world.invoker.refuse = LoadBalancerRefused("no invoker is up")
        reply = await world.ask("POST", "actions/x", {})
        assert (reply.status, error(reply)) == (503, "no invoker is up")
        assert await world.store.activations.unfinished() == ()
        record = (await world.ask("GET", f"activations/{activation_id(reply)}")).json()
        assert record["response"]["status"] == "whisk internal error"

    in_world(story)


def test_no_202_without_a_disk() -> None:
    async def refuse(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    async def story(world: World) -> None:
        await world.make_action("x")
        world.services.activations = Bent(world.store.activations, accept=refuse)
        reply = await world.ask("POST", "actions/x", {})
        assert (reply.status, error(reply)) == (503, "the disk is full")

    in_world(story)


@pytest.mark.scenario("I02")
@pytest.mark.scenario("I22")
def test_blocking() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        record = (await world.ask("POST", "actions/x?blocking=true", {"a": 1})).json()
        assert record["response"] == {"status": "success", "success": True, "result": {"a": 1}, "size": 7}
        assert record["logs"] == []
        bare = await world.ask("POST", "actions/x?blocking=true&result=true", {"a": 1})
        assert (bare.status, bare.json(), len(activation_id(bare))) == (200, {"a": 1}, 32)

    in_world(story)


@pytest.mark.scenario("I03")
@pytest.mark.scenario("I04")
@pytest.mark.scenario("I05")
@pytest.mark.parametrize(
    ("response", "status", "bare"),
    [
        (ActivationResponse.application_error("no"), 502, {"error": "no"}),
        (ActivationResponse.developer_error("crashed"), 502, {"error": "crashed"}),
        (ActivationResponse.whisk_error("lost"), 500, {"error": "lost"}),
        (ActivationResponse.success([1, 2]), 200, [1, 2]),
        (ActivationResponse.success(None), 200, {}),
    ],
)
def test_outcomes(response: ActivationResponse, status: int, bare: Any) -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        world.invoker.behaviour = lambda message, action: response
        with_record = await world.ask("POST", "actions/x?blocking=true", {})
        assert with_record.status == status
        if isinstance(bare, list):
            assert with_record.json() == bare
        else:
            assert with_record.json()["response"]["success"] is (status == 200)
        reply = await world.ask("POST", "actions/x?blocking=true&result=true", {})
        assert (reply.status, reply.json()) == (status, bare)

    in_world(story)


@pytest.mark.scenario("I06")
def test_the_wait_ends_with_a_202_and_an_acceptance() -> None:
    async def story(world: World) -> None:
        real_time(world)
        await world.make_action("x")
        world.invoker.hold = asyncio.Event()
        reply = await world.ask("POST", "actions/x?blocking=true&timeout=20", {})
        assert (reply.status, reply.json()) == (202, {"activationId": activation_id(reply)})
        assert [one.activation_id for one in await world.store.activations.unfinished()] == [activation_id(reply)]
        world.invoker.hold.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert await world.store.activations.unfinished() == ()
        assert (await world.ask("GET", f"activations/{activation_id(reply)}")).status == 200

    in_world(story)


def test_a_call_that_is_refused_after_its_202_has_a_record() -> None:
    def refuse(*_: object) -> ActivationResponse:
        raise LoadBalancerRefused("the broker is away")

    async def story(world: World) -> None:
        real_time(world)
        await world.make_action("x")
        world.invoker.hold, world.invoker.behaviour = asyncio.Event(), refuse
        reply = await world.ask("POST", "actions/x?blocking=true&timeout=20", {})
        assert reply.status == 202
        world.invoker.hold.set()
        for _ in range(20):
            await asyncio.sleep(0)
        assert await world.store.activations.unfinished() == ()
        record = (await world.ask("GET", f"activations/{activation_id(reply)}")).json()
        assert record["response"]["result"] == {"error": "The activation was refused: the broker is away"}

    in_world(story)


@pytest.mark.scenario("I08")
def test_an_acknowledgement_with_only_the_id_makes_the_store_be_asked() -> None:
    async def story(world: World) -> None:
        real_time(world)
        await world.make_action("x")
        world.invoker.with_record = False
        misses = iter([True, True])

        async def get(namespace: str, found: str) -> dict[str, Any]:
            if next(misses, False):
                raise NoDocument(found)
            return await world.store.activations.get(namespace, found)

        world.services.activations = Bent(world.store.activations, get=get)
        reply = await world.ask("POST", "actions/x?blocking=true", {"a": 1})
        assert (reply.status, reply.json()["response"]["result"]) == (200, {"a": 1})

    in_world(story, FAST_POLLS)


@pytest.mark.scenario("I09")
def test_without_polling_only_the_id() -> None:
    async def story(world: World) -> None:
        real_time(world)
        await world.make_action("x")
        world.invoker.with_record = False
        assert (await world.ask("POST", "actions/x?blocking=true", {})).status == 202

    in_world(story, RestSettings(limits=UNLIMITED, polling_from_store=False))


@pytest.mark.scenario("I10")
def test_a_record_without_acknowledgement_is_found() -> None:
    async def story(world: World) -> None:
        real_time(world)
        await world.make_action("x")

        def silent(message: Any, action: Any, blocking: bool) -> Any:
            async def never() -> None:
                await world.invoker.publish(message, action, blocking)
                await asyncio.Event().wait()

            return never()

        world.services.publisher = Bent(world.invoker, publish=silent)
        reply = await world.ask("POST", "actions/x?blocking=true&result=true", {"a": 1})
        assert (reply.status, reply.json()) == (200, {"a": 1})

    in_world(story, FAST_POLLS)


@pytest.mark.scenario("I11")
def test_nothing_comes_at_all() -> None:
    async def story(world: World) -> None:
        real_time(world)
        await world.make_action("x")
        world.invoker.with_record = world.invoker.keep_records = False
        assert (await world.ask("POST", "actions/x?blocking=true", {})).status == 202

    in_world(story, FAST_POLLS)


@pytest.mark.scenario("I12")
@pytest.mark.scenario("I13")
def test_parameters_and_final_ones() -> None:
    async def story(world: World) -> None:
        given = [{"key": "x", "value": "B"}, {"key": "e", "value": ""}, {"key": "n", "value": None}]
        await world.make_action("plain", parameters=given)
        bare = await world.ask("POST", "actions/plain?blocking=true&result=true", {"x": 2})
        assert bare.json() == {"x": 2, "e": "", "n": None}
        await world.make_action("final", parameters=given, annotations=[{"key": "final", "value": True}])
        for name, status in (("x", 400), ("e", 400), ("n", 202), ("other", 202)):
            assert (await world.ask("POST", "actions/final", {name: 1})).status == status, name

    in_world(story)


@pytest.mark.scenario("I16")
def test_no_invokers() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        world.invoker.refuse = LoadBalancerRefused("")
        reply = await world.ask("POST", "actions/x?blocking=true", {})
        assert (reply.status, error(reply)[:36]) == (503, "The server is currently unavailable ")
        world.invoker.refuse = MessageTooLarge()
        assert (await world.ask("POST", "actions/x?blocking=true", {})).status == 413

    in_world(story)


@pytest.mark.scenario("I17")
@pytest.mark.scenario("P12")
def test_an_action_of_a_foreign_public_package() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/shared", {"publish": True})
        await world.make_action("shared/x")
        path = "/api/v1/namespaces/guest/actions/shared/x"
        record = (await world.ask("POST", f"{path}?blocking=true", {}, key=ALICE)).json()
        assert (record["namespace"], record["subject"]) == ("alice", "alice")
        assert (await world.ask("GET", path, key=ALICE)).status == 200
        for method, body in (("PUT", {"publish": True}), ("DELETE", None)):
            reply = await world.ask(method, path, body, key=ALICE)
            assert (reply.status, error(reply)[-17:]) == (403, "'guest/shared/x'.")

    in_world(story)


def test_the_message_says_all_an_invoker_needs() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {"parameters": [{"key": "pp", "value": 1, "init": True}]})
        await world.make_action("p/x")
        await world.ask("PUT", "packages/b", {"binding": {"namespace": "_", "name": "p"}})
        await world.ask("POST", "actions/b/x", {"a": 1}, headers={"X-Request-ID": "t1"})
        message = world.invoker.published[-1].to_json()
        assert message["action"] == {"path": "guest/p", "name": "x", "version": "0.0.1", "binding": "guest/b"}
        assert (message["transid"][0], message["initArgs"]) == ("t1", ["pp"])
        assert (message["content"], message["blocking"]) == ({"pp": 1, "a": 1}, False)
        assert message["user"]["authkey"]["api_key"].startswith("23bc46b1")
        assert message["revision"].startswith("1-")

    in_world(story)


@pytest.mark.scenario("I25")
def test_namespaces_that_keep_no_records_have_no_acceptances() -> None:
    async def story(world: World) -> None:
        await world.store.subjects.put({"_id": "guest/limits", "storeActivations": False})
        await world.make_action("x")
        world.invoker.keep_records = False
        assert (await world.ask("POST", "actions/x", {})).status == 202
        assert await world.store.activations.unfinished() == ()

    in_world(story)


@pytest.mark.scenario("E01")
@pytest.mark.scenario("E04")
@pytest.mark.scenario("E05")
@pytest.mark.scenario("T09")
def test_throttles() -> None:
    async def story(world: World) -> None:
        await world.store.subjects.put(
            {"_id": "guest/limits", "invocationsPerMinute": 2, "firesPerMinute": 1, "concurrentInvocations": 5}
        )
        await world.make_action("x")
        foreign = "/api/v1/namespaces/alice/actions/x"
        assert (await world.ask("POST", foreign, {})).status == 403
        assert (await world.ask("POST", "actions/x", {})).status == 202
        reply = await world.ask("POST", "actions/x", {})
        text = "Too many requests in the last minute (count: 3, allowed: 2)."
        assert (reply.status, error(reply)) == (429, text)
        assert (await world.ask("POST", foreign, {})).status == 429
        world.clock.ms += 60_000
        world.invoker.counts = {"23bc46b1-71f6-4ed5-8c54-816aa4f8c502": 5}
        reply = await world.ask("POST", "actions/x", {})
        text = "Too many concurrent requests in flight (count: 5, allowed: 5)."
        assert (reply.status, error(reply)) == (429, text)
        await world.ask("PUT", "triggers/t", {})
        assert [(await world.ask("POST", "triggers/t", {})).status for _ in range(2)] == [204, 429]

    in_world(story)
