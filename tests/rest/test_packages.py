"""Packages and bindings; what the recorded cases leave out."""

from __future__ import annotations

import pytest

from owactors.rest.ports import RestSettings
from tests.rest.test_frame import error, in_world
from tests.rest.world import ALICE, GUEST, UNLIMITED, World

NO_SUCH = "Binding references a package that does not exist."


async def bind(world: World, name: str, target: str, key: str, **more: object) -> tuple[int, str]:
    namespace, _, package = target.partition("/")
    reply = await world.ask(
        "PUT", f"packages/{name}", {"binding": {"namespace": namespace, "name": package}, **more}, key=key
    )
    return reply.status, reply.json().get("error", "")


@pytest.mark.scenario("P02")
def test_reserved_names_and_the_binding_annotation() -> None:
    async def story(world: World) -> None:
        reply = await world.ask("PUT", "packages/default", {})
        assert (reply.status, error(reply)) == (400, "Package name 'default' is reserved.")
        await world.ask("PUT", "packages/p", {"publish": True})
        body = {"binding": {"namespace": "guest", "name": "p"}, "annotations": [{"key": "binding", "value": "mine"}]}
        bound = (await world.ask("PUT", "packages/b", body, key=ALICE)).json()
        assert bound["annotations"] == [{"key": "binding", "value": {"namespace": "guest", "name": "p"}}]

    in_world(story)


@pytest.mark.scenario("P03")
def test_what_cannot_be_bound() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/private", {})
        await world.make_action("a")
        assert (await bind(world, "b", "guest/private", ALICE))[0] == 403
        assert (await bind(world, "b", "guest/absent", ALICE))[0] == 403
        assert await bind(world, "b", "_/absent", GUEST) == (400, NO_SUCH)
        assert await bind(world, "b", "_/a", GUEST) == (409, "Cannot bind to a resource that is not a package.")
        assert (await bind(world, "b", "_/private", GUEST))[0] == 200
        assert await bind(world, "c", "_/b", GUEST) == (400, "Cannot bind to another package binding.")

    in_world(story)


@pytest.mark.scenario("P09")
@pytest.mark.scenario("P13")
def test_foreign_packages() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {"publish": True})
        await bind(world, "b", "_/p", GUEST)
        for path, status in (
            ("packages/b", 403),
            ("packages/absent", 403),
            ("actions/absent/x", 403),
            ("packages/p", 200),
        ):
            reply = await world.ask("GET", f"/api/v1/namespaces/guest/{path}", key=ALICE)
            assert reply.status == status, path

    in_world(story)


@pytest.mark.scenario("P06")
@pytest.mark.scenario("P07")
@pytest.mark.scenario("P15")
def test_actions_of_a_binding() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {})
        assert (await world.ask("GET", "actions/p/")).json() == []
        await world.make_action("p/x")
        await bind(world, "b", "_/p", GUEST)
        rows = (await world.ask("GET", "actions/b/")).json()
        assert [(row["namespace"], row["name"]) for row in rows] == [("guest/p", "x")]
        reply = await world.ask("DELETE", "actions/b/x")
        assert (reply.status, error(reply)) == (400, "Operation not permitted on package binding.")
        assert (await world.ask("DELETE", "actions/p/")).status == 404
        assert (await world.ask("GET", "packages/p/x")).status == 404

    in_world(story)


@pytest.mark.scenario("P10")
def test_deleting_what_is_not_empty() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {})
        for name in ("p/x", "p/y"):
            await world.make_action(name)
        reply = await world.ask("DELETE", "packages/p")
        assert (reply.status, "contains 2 entities" in error(reply)) == (409, True)
        assert (await world.ask("DELETE", "packages/p?force=true")).status == 200
        assert (await world.ask("GET", "actions")).json() == []

    in_world(story)


@pytest.mark.scenario("P11")
def test_listing_foreign_packages() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/public", {"publish": True})
        await world.ask("PUT", "packages/private", {})
        await bind(world, "b", "_/public", GUEST, publish=True)
        rows = (await world.ask("GET", "/api/v1/namespaces/guest/packages", key=ALICE)).json()
        assert [row["name"] for row in rows] == ["public"]
        count = await world.ask("GET", "/api/v1/namespaces/guest/packages?count=true", key=ALICE)
        assert count.json() == {"packages": 1}
        assert len((await world.ask("GET", "packages")).json()) == 3
        assert (await world.ask("GET", "/api/v1/namespaces/nobody/packages")).json() == []

    in_world(story)


def test_a_binding_to_itself() -> None:
    async def story(world: World) -> None:
        document = {
            "_id": "guest/loop",
            "entityType": "package",
            "namespace": "guest",
            "name": "loop",
            "binding": {"namespace": "guest", "name": "loop"},
            "parameters": [],
            "version": "0.0.1",
            "publish": False,
            "annotations": [],
            "updated": 1,
        }
        await world.store.entities.put(document)
        for method, path in (("GET", "packages/loop"), ("GET", "actions/loop/x"), ("POST", "actions/loop/x")):
            reply = await world.ask(method, path)
            assert (reply.status, "circular" in error(reply)) == (422, True)

    in_world(story)


@pytest.mark.scenario("P14")
def test_shared_packages_that_may_only_be_executed() -> None:
    async def story(world: World) -> None:
        await world.ask("PUT", "packages/p", {"publish": True})
        await world.make_action("p/x")
        await bind(world, "b", "guest/p", ALICE)
        there = "/api/v1/namespaces/guest"
        for path, text in (
            (f"{there}/packages/p", "GET not permitted for 'guest/p' since it's a shared package"),
            (f"{there}/actions/p/x", "GET not permitted for 'guest/p' since it's an action in a shared package"),
            ("packages/b", "GET not permitted since b is a binding of a shared package"),
        ):
            reply = await world.ask("GET", path, key=ALICE)
            assert (reply.status, error(reply)) == (403, text)
        assert (await world.ask("GET", "actions/b/x", key=ALICE)).status == 403
        assert (await world.ask("POST", "actions/b/x?blocking=true", {}, key=ALICE)).status == 200
        assert (await world.ask("GET", "actions/p/x")).status == 200

    in_world(story, RestSettings(limits=UNLIMITED, execute_only_shared_packages=True))
