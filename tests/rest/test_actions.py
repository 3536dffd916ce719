"""Actions: creating, updating, reading, listing, deleting; what the recorded cases leave out."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from attrs import evolve

from owactors.core.attachment import attachment_name
from owactors.entity.manifest import ExecManifest
from owactors.entity.parameters import Parameters, ParameterValue
from owactors.rest.ports import RestSettings
from tests.rest.replay.cases import manifest
from tests.rest.test_frame import error, in_world
from tests.rest.world import ALICE, GUEST, UNLIMITED, Bent, World

CODE = "function main(p){return p}"
EXEC = {"kind": "nodejs:20", "code": CODE}


def annotations(document: dict[str, Any]) -> dict[str, Any]:
    return {entry["key"]: entry["value"] for entry in document["annotations"]}


@pytest.mark.scenario("A06")
@pytest.mark.scenario("A07")
def test_annotations_are_merged_and_removed() -> None:
    async def story(world: World) -> None:
        given = [{"key": "a", "value": 1}, {"key": "b", "value": 1}, {"key": "provide-api-key", "value": True}]
        await world.make_action("x", annotations=given)
        body = {"annotations": [{"key": "a", "value": 2}], "delAnnotations": ["b"]}
        updated = (await world.ask("PUT", "actions/x?overwrite=true", body)).json()
        assert annotations(updated) == {"a": 2, "provide-api-key": True, "exec": "nodejs:20"}
        assert updated["version"] == "0.0.2"

    in_world(story)


@pytest.mark.scenario("A08")
def test_kinds_are_trimmed_and_lowered() -> None:
    async def story(world: World) -> None:
        reply = await world.ask("PUT", "actions/x", {"exec": {"kind": " NodeJS:20 ", "code": CODE}})
        assert reply.json()["exec"]["kind"] == "nodejs:20"

    in_world(story)


@pytest.mark.scenario("A10")
@pytest.mark.scenario("I18")
def test_a_deprecated_kind_may_be_read_and_deleted_only() -> None:
    async def story(world: World) -> None:
        await world.make_action("old")
        source = manifest()
        source["runtimes"]["nodejs"][1]["deprecated"] = True
        world.services.manifest = ExecManifest.from_json(source)
        world.application.api.repository.invalidate(["guest/old"])
        assert (await world.ask("GET", "actions/old")).status == 200
        for method, path, body in (
            ("PUT", "actions/old?overwrite=true", {"publish": True}),
            ("PUT", "actions/new", {"exec": EXEC}),
            ("POST", "actions/old?blocking=true", {}),
        ):
            reply = await world.ask(method, path, body)
            assert (reply.status, error(reply)[:49]) == (400, "The 'nodejs:20' runtime is no longer supported. Y")
        assert (await world.ask("DELETE", "actions/old")).status == 200

    in_world(story)


@pytest.mark.scenario("A14")
def test_code_beyond_the_limit() -> None:
    async def story(world: World) -> None:
        body = {"exec": {"kind": "nodejs:20", "code": "x" * 1001}}
        reply = await world.ask("PUT", "actions/x", body)
        assert (reply.status, error(reply)) == (413, "exec larger than allowed: 1001 > 1000 bytes.")

    small = evolve(UNLIMITED, exec=type(UNLIMITED.exec)(1000))
    in_world(story, RestSettings(limits=small))


@pytest.mark.scenario("A16")
@pytest.mark.parametrize(
    ("limits", "text"),
    [
        ({"memory": 64}, "memory size 64 MB below allowed threshold of 128 MB"),
        ({"memory": 1024}, "memory size 1024 MB exceeds allowed threshold of 512 MB"),
        ({"timeout": 50}, "duration 50 milliseconds below allowed threshold of 100 milliseconds"),
        ({"logs": 11}, "log size 11 MB exceeds allowed threshold of 10 MB"),
    ],
)
def test_limits_out_of_range(limits: dict[str, int], text: str) -> None:
    async def story(world: World) -> None:
        reply = await world.ask("PUT", "actions/x", {"exec": EXEC, "limits": limits})
        assert (reply.status, error(reply)) == (400, f"requirement failed: {text}")

    in_world(story)


@pytest.mark.scenario("A17")
@pytest.mark.scenario("A19")
def test_limits_of_the_namespace() -> None:
    async def story(world: World) -> None:
        own = {"_id": "guest/limits", "maxActionMemory": 256, "concurrentInvocations": 30}
        await world.store.subjects.put(own)
        reply = await world.ask("PUT", "actions/x", {"exec": EXEC, "limits": {"memory": 512}})
        assert error(reply).endswith("exceeds allowed threshold of 256 MB")
        reply = await world.ask("PUT", "actions/x", {"exec": EXEC, "limits": {"instances": 31}})
        expected = "Max action instance concurrency must not exceed your namespace concurrency of 30."
        assert (reply.status, error(reply)) == (400, expected)

    in_world(story)


@pytest.mark.scenario("A18")
def test_limits_not_named_stay() -> None:
    async def story(world: World) -> None:
        await world.make_action("x", limits={"memory": 128})
        limits = (await world.ask("PUT", "actions/x?overwrite=true", {"limits": {"timeout": 1000}})).json()["limits"]
        assert limits == {"timeout": 1000, "memory": 128, "logs": 10, "concurrency": 1}

    in_world(story)


@pytest.mark.scenario("A21")
@pytest.mark.scenario("A22")
def test_names() -> None:
    async def story(world: World) -> None:
        too_long = await world.ask("PUT", "actions/" + "x" * 257, {"exec": EXEC})
        assert error(too_long) == "Name segement longer than allowed: 257 > 256."
        ns = await world.ask("GET", "/api/v1/namespaces/" + "x" * 257 + "/actions")
        assert error(ns) == "Namespace longer than allowed: 257 > 256."
        assert (await world.ask("PUT", "actions/%20x", {"exec": EXEC})).status == 400
        for name in ("my%20action", "Case", "case"):
            await world.make_action(name)
        assert (await world.ask("POST", "actions/my%20action?blocking=true", {})).json()["name"] == "my action"
        assert (await world.ask("GET", "actions?count=true")).json() == {"actions": 3}

    in_world(story)


@pytest.mark.scenario("A27")
@pytest.mark.scenario("A28")
def test_lists_are_pages_newest_first() -> None:
    async def story(world: World) -> None:
        for number in range(35):
            await world.make_action(f"a{number}")
        rows = (await world.ask("GET", "actions")).json()
        assert [row["name"] for row in rows] == [f"a{number}" for number in range(34, 4, -1)]
        assert len((await world.ask("GET", "actions?limit=0")).json()) == 35
        assert (await world.ask("GET", "actions?count=true&skip=40")).json() == {"actions": 0}

    in_world(story)


@pytest.mark.scenario("A30")
def test_kinds_a_namespace_may_use() -> None:
    async def story(world: World) -> None:
        await world.store.subjects.put({"_id": "guest/limits", "allowedKinds": ["python:3.11"]})
        reply = await world.ask("PUT", "actions/x", {"exec": EXEC})
        text = "The supplied authentication is not authorized to access actions of kind 'nodejs:20'."
        assert (reply.status, error(reply)) == (403, text)
        assert (await world.ask("PUT", "actions/x", {"exec": {**EXEC, "kind": "python:3.11"}})).status == 200

    in_world(story)


@pytest.mark.scenario("A32")
@pytest.mark.parametrize("binary", [False, True])
def test_large_code_is_an_attachment_and_reads_back(binary: bool) -> None:
    code = base64.b64encode(bytes(range(256)) * 100).decode() if binary else "// ä\n" * 6000

    async def story(world: World) -> None:
        await world.ask("PUT", "actions/big", {"exec": {"kind": "nodejs:20", "code": code}})
        document = await world.store.entities.get("guest/big")
        assert attachment_name(document) is not None
        found = (await world.ask("GET", "actions/big")).json()
        assert found["exec"] == {"kind": "nodejs:20", "code": code, "binary": binary}
        assert "code" not in (await world.ask("GET", "actions/big?code=false")).json()["exec"]
        # an update that does not name the code keeps it
        body = {"parameters": [{"key": "a", "value": 1}]}
        assert (await world.ask("PUT", "actions/big?overwrite=true", body)).json()["exec"]["code"] == code
        assert (await world.ask("GET", "actions/big")).json()["exec"]["code"] == code
        copied = (await world.ask("GET", "actions/big")).json()
        assert (await world.ask("PUT", "actions/copy", copied)).json()["exec"] == copied["exec"]
        assert (await world.ask("DELETE", "actions/big")).json()["exec"]["code"] == code

    in_world(story)


@pytest.mark.scenario("A31")
def test_after_a_change_nothing_old_is_read() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        for round in range(5):
            assert (await world.ask("POST", "actions/x?blocking=true&result=true", {})).json() == (
                {} if round == 0 else {"round": round}
            )
            body = {"parameters": [{"key": "round", "value": round + 1}]}
            await world.ask("PUT", "actions/x?overwrite=true", body)
        assert world.invoker.published[-1].revision.number == 5
        await world.ask("DELETE", "actions/x")
        assert (await world.ask("POST", "actions/x?blocking=true", {})).status == 404

    in_world(story)


def test_a_change_at_another_controller_is_seen_when_it_is_told() -> None:
    async def story(world: World) -> None:
        told: list[str] = []
        world.services.changed = told.append
        await world.make_action("x")
        assert told == ["guest/x"]
        await world.ask("POST", "actions/x", {})
        document = await world.store.entities.get("guest/x")
        await world.store.entities.put({**document, "parameters": [{"key": "far", "value": 1}]})
        assert (await world.ask("POST", "actions/x?blocking=true&result=true", {})).json() == {}
        world.application.api.repository.invalidate(["guest/x"])
        assert (await world.ask("POST", "actions/x?blocking=true&result=true", {})).json() == {"far": 1}

    in_world(story)


def test_a_change_that_nobody_told_is_seen_when_all_is_doubted() -> None:
    """As when another controller comes, which may have changed what is cached here before it was heard."""

    async def story(world: World) -> None:
        await world.make_action("x")
        await world.ask("POST", "actions/x", {})
        document = await world.store.entities.get("guest/x")
        await world.store.entities.put({**document, "parameters": [{"key": "far", "value": 1}]})
        world.application.api.repository.doubt(None)
        assert (await world.ask("POST", "actions/x?blocking=true&result=true", {})).json() == {"far": 1}

    in_world(story)


@pytest.mark.scenario("A33")
def test_parameters_are_stored_locked_and_travel_locked() -> None:
    def lock(parameters: Parameters) -> Parameters:
        entries = parameters.entries.items()
        return Parameters({key: ParameterValue("locked", entry.init, "aes-256") for key, entry in entries})

    async def story(world: World) -> None:
        world.services.lock = lock
        made = await world.ask("PUT", "actions/x", {"exec": EXEC, "parameters": [{"key": "s", "value": "v"}]})
        assert made.json()["parameters"] == [{"key": "s", "value": "v"}]
        locked = [{"key": "s", "value": "locked", "encryption": "aes-256"}]
        assert (await world.ask("GET", "actions/x")).json()["parameters"] == locked
        await world.ask("POST", "actions/x", {"t": 1})
        assert world.invoker.published[-1].locked_args == {"s": "aes-256"}
        await world.ask("POST", "actions/x", {"s": "plain"})
        assert world.invoker.published[-1].locked_args == {}

    in_world(story)


@pytest.mark.scenario("A34")
def test_answers_without_bodies() -> None:
    async def story(world: World) -> None:
        made = await world.ask("PUT", "actions/x", {"exec": EXEC})
        gone = await world.ask("DELETE", "actions/x")
        assert [(made.status, made.body), (gone.status, gone.body)] == [(200, b""), (204, b"")]

    in_world(story, RestSettings(limits=UNLIMITED, response_payload=False))


@pytest.mark.scenario("A29")
@pytest.mark.scenario("E06")
def test_foreign_actions_are_out_of_reach() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        for method, path in (
            ("GET", "actions"),
            ("GET", "actions/x"),
            ("PUT", "actions/y"),
            ("DELETE", "actions/x"),
            ("POST", "actions/x"),
        ):
            body = {"exec": EXEC} if method == "PUT" else None
            reply = await world.ask(method, f"/api/v1/namespaces/guest/{path}", body, key=ALICE)
            assert reply.status == 403, (method, path)
        assert (await world.ask("GET", "actions/x", key=GUEST)).status == 200

    in_world(story)


def test_two_updates_at_once_one_conflict() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        await world.ask("PUT", "actions/x?overwrite=true", {"publish": True})
        store = world.store.entities

        async def late(doc_id: str) -> dict[str, Any]:
            return {**await store.get(doc_id), "_rev": "1-old"}

        world.application.api.repository._store = Bent(store, get=late)
        reply = await world.ask("PUT", "actions/x?overwrite=true", {"publish": True})
        assert (reply.status, error(reply)) == (409, "Concurrent modification to resource detected.")

    in_world(story)


def test_a_document_nobody_can_read() -> None:
    async def story(world: World) -> None:
        document = {"_id": "guest/broken", "entityType": "action", "namespace": "guest", "name": "broken"}
        await world.store.entities.put({**document, "updated": 1, "exec": {"kind": "gone:1", "code": ""}})
        reply = await world.ask("GET", "actions/broken")
        assert (reply.status, error(reply)) == (500, "Resource is corrupted and cannot be read.")

    in_world(story)
