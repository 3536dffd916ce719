"""Numbered scenarios of actions and packages, through HTTP."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.rest.test_actions import CODE, EXEC, annotations
from tests.rest.test_frame import error, in_world
from tests.rest.world import ALICE, World


@pytest.mark.scenario("A01")
@pytest.mark.scenario("A02")
def test_creating_and_creating_again() -> None:
    async def story(world: World) -> None:
        made = (await world.ask("PUT", "actions/x", {"exec": EXEC})).json()
        assert made["version"] == "0.0.1"
        assert annotations(made) == {"exec": "nodejs:20", "provide-api-key": False}
        again = await world.ask("PUT", "actions/x", {"exec": EXEC})
        assert (again.status, error(again)) == (409, "resource already exists")

    in_world(story)


@pytest.mark.scenario("A03")
@pytest.mark.scenario("A04")
def test_updating_what_is_there_and_what_is_not() -> None:
    async def story(world: World) -> None:
        await world.make_action("x")
        updated = await world.ask("PUT", "actions/x?overwrite=true", {"parameters": [{"key": "a", "value": 1}]})
        document = updated.json()
        assert (updated.status, document["version"], document["exec"]["code"]) == (200, "0.0.2", CODE)
        assert document["parameters"] == [{"key": "a", "value": 1}]
        assert (await world.ask("PUT", "actions/new?overwrite=true", {"exec": EXEC})).json()["version"] == "0.0.1"
        for path in ("actions/other", "actions/other?overwrite=true"):
            refused = await world.ask("PUT", path, {"parameters": []})
            assert (refused.status, error(refused)) == (400, "exec undefined")

    in_world(story)


@pytest.mark.scenario("A05")
def test_the_annotation_exec_is_the_kind_whatever_is_said() -> None:
    async def story(world: World) -> None:
        body = {"exec": EXEC, "annotations": [{"key": "exec", "value": "cobol"}]}
        assert annotations((await world.ask("PUT", "actions/x", body)).json())["exec"] == "nodejs:20"

    in_world(story)


@pytest.mark.scenario("A09")
@pytest.mark.scenario("A11")
@pytest.mark.scenario("A12")
@pytest.mark.scenario("A20")
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"exec": {"kind": "cobol:1", "code": "x"}}, ("cobol:1", "nodejs:20", "python:3.11")),
        ({"exec": {"kind": "java:8", "code": "x"}}, ("main",)),
        ({"exec": {"kind": "blackbox"}}, ("image",)),
        ({"exec": EXEC, "parameters": {"a": 1}}, ("malformed", "parameters")),
        ({"exec": {"kind": "nodejs:20"}}, ("code",)),
    ],
    ids=["unknown kind", "java without main", "blackbox without image", "parameters as an object", "no code"],
)
def test_bodies_that_are_refused(body: Any, words: tuple[str, ...]) -> None:
    async def story(world: World) -> None:
        refused = await world.ask("PUT", "actions/x", body)
        assert refused.status == 400
        assert all(word in error(refused) for word in words), error(refused)

    in_world(story)


@pytest.mark.scenario("A12")
def test_an_image_needs_no_code() -> None:
    async def story(world: World) -> None:
        made = await world.ask("PUT", "actions/x", {"exec": {"kind": "blackbox", "image": "me/mine:1"}})
        assert (made.status, made.json()["exec"]) == (200, {"kind": "blackbox", "image": "me/mine:1", "binary": False})

    in_world(story)


@pytest.mark.scenario("A13")
@pytest.mark.parametrize(("code", "binary"), [(base64.b64encode(b"PK\x03\x04zipped").decode(), True), (CODE, False)])
def test_what_counts_as_binary(code: str, binary: bool) -> None:
    async def story(world: World) -> None:
        made = (await world.ask("PUT", "actions/x", {"exec": {"kind": "nodejs:20", "code": code}})).json()
        assert made["exec"]["binary"] is binary

    in_world(story)


@pytest.mark.scenario("A15")
@pytest.mark.parametrize("field", ["parameters", "annotations"])
def test_parameters_and_annotations_beyond_their_limit(field: str) -> None:
    async def story(world: World) -> None:
        large = [{"key": "k", "value": "x" * 1_048_577}]
        refused = await world.ask("PUT", "actions/x", {"exec": EXEC, field: large})
        assert refused.status == 413
        assert error(refused).startswith(f"{field} larger than allowed: ")
        assert error(refused).endswith("> 1048576 bytes.")

    in_world(story)


@pytest.mark.scenario("A23")
@pytest.mark.scenario("A24")
@pytest.mark.scenario("P15")
def test_one_name_for_one_thing() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "triggers/t", {})
        await world.make_action("x")
        for method, path, body in (
            ("PUT", "actions/t", {"exec": EXEC}),
            ("GET", "triggers/x", None),
            ("GET", "packages/x", None),
            ("DELETE", "rules/t", None),
        ):
            refused = await world.ask(method, path, body)
            assert refused.status == 409, path
            assert "collection" in error(refused)

    in_world(story)


@pytest.mark.scenario("A25")
def test_reading_without_code() -> None:
    async def story(world: World) -> None:
        await world.make_action("x", parameters=[{"key": "a", "value": 1}])
        whole = (await world.ask("GET", "actions/x")).json()
        bare = (await world.ask("GET", "actions/x?code=false")).json()
        assert whole["exec"].pop("code") == CODE
        assert bare == whole

    in_world(story)


@pytest.mark.scenario("A26")
@pytest.mark.scenario("P08")
@pytest.mark.scenario("P09")
def test_what_is_not_there() -> None:
    async def story(world: World) -> None:
        nothing = "The requested resource does not exist."
        assert error(await world.ask("GET", "actions/x")) == nothing
        assert error(await world.ask("GET", "actions/pkg/x")) == nothing
        named = "The requested resource 'guest/pkg' does not exist."
        assert error(await world.ask("GET", "packages/pkg")) == named
        assert (await world.ask("PUT", "actions/pkg/x", {"exec": EXEC})).status == 404
        foreign = "/api/v1/namespaces/guest/actions/pkg/x"
        assert (await world.ask("GET", foreign, key=ALICE)).status == 403
        await world.make_action("x")
        deleted = await world.ask("DELETE", "actions/x")
        assert (deleted.status, deleted.json()["name"]) == (200, "x")
        again = await world.ask("DELETE", "actions/x")
        assert (again.status, error(again)) == (404, nothing)

    in_world(story)


@pytest.mark.scenario("P01")
def test_a_package_shows_its_actions_and_feeds() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {})
        await world.make_action("p/plain")
        await world.make_action("p/fed", annotations=[{"key": "feed", "value": True}])
        shown = (await world.ask("GET", "packages/p")).json()
        (action,), (feed,) = shown["actions"], shown["feeds"]
        assert (action["name"], action["version"], feed["name"]) == ("plain", "0.0.1", "fed")
        assert annotations(action)["exec"] == "nodejs:20"

    in_world(story)


@pytest.mark.scenario("P04")
def test_a_package_does_not_become_a_binding() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {})
        await world.ask("PUT", "packages/q", {})
        refused = await world.ask("PUT", "packages/q?overwrite=true", {"binding": {"namespace": "_", "name": "p"}})
        assert refused.status == 409

    in_world(story)


@pytest.mark.scenario("P05")
@pytest.mark.scenario("P16")
def test_parameters_and_records_through_a_binding() -> None:
    async def story(world: World) -> None:
        pairs = [{"key": "a", "value": "A"}, {"key": "b", "value": "B"}]
        await world.ask("PUT", "packages/p", {"parameters": pairs})
        binding = {"binding": {"namespace": "_", "name": "p"}, "parameters": [{"key": "b", "value": "X"}]}
        await world.ask("PUT", "packages/q", binding)
        await world.make_action("p/act", parameters=[{"key": "c", "value": "C"}])
        shown = (await world.ask("GET", "actions/q/act")).json()
        assert {pair["key"]: pair["value"] for pair in shown["parameters"]} == {"a": "A", "b": "X", "c": "C"}
        await world.ask("PUT", "actions/p/act?overwrite=true", {"parameters": [{"key": "a", "value": "mine"}]})
        record = (await world.ask("POST", "actions/q/act?blocking=true", {})).json()
        assert record["response"]["result"] == {"a": "mine", "b": "X"}
        noted = annotations(record)
        assert (noted["path"], noted["binding"]) == ("guest/p/act", "guest/q")

    in_world(story)
