"""The operator's routes for the hosts of a cluster."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from owactors.core.loadbalancer.hosts import Hosts
from owactors.message.host import Wanted
from owactors.rest.administration import Administered, AdministeredHosts, shown_hosts
from owactors.rest.application import Application
from tests.core.test_hosts import beat
from tests.rest.replay.talking import InProcess
from tests.rest.world import World


class Operated(World):
    """A controller that hears of three hosts."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted: dict[str, Wanted] = {}
        hosts = Hosts()
        for each in (beat("a", "controllera"), beat("b", "invoker0", load=2), beat("odd/name", "invoker1")):
            hosts.heard(each, 5.0)

        async def want(name: str, wanted: Wanted) -> None:
            self.wanted[name] = wanted

        administered = AdministeredHosts(
            view=lambda: shown_hosts(hosts.view(5.5, {"invoker0": "up"}), "other code"),
            invokers=lambda: hosts.names("invoker"),
            names=lambda: hosts.names(""),
            want=want,
        )
        keys = ("of the folder", "of the secret")
        self.application = Application(self.services, Administered(keys, self.store.subjects, dict, administered))
        self.transport = InProcess(self.application)

    def order(self, method: str, path: str, key: str = "of the secret") -> Any:
        bearer = {"Authorization": f"Bearer {key}"}
        return asyncio.run(self.ask(method, f"/owactors/v1/{path}", key=None, headers=bearer))


def test_the_hosts_are_shown_to_either_key_and_to_no_other() -> None:
    world = Operated()
    assert world.order("GET", "nodes", "wrong").status == 401
    for key in ("of the folder", "of the secret"):
        found = {host["name"]: host for host in world.order("GET", "nodes", key).json()["nodes"]}
        assert found["b"]["roles"] == [
            {"role": "invoker0", "state": "enabled", "health": "up", "load": 2, "boot": "boot", "lastSeen": 0.5}
        ]
        assert (found["b"]["state"], found["b"]["differs"], found["b"]["code"]) == ("enabled", True, "abc")
        assert found["b"]["memory"] == {"total": 1000, "used": 400}


@pytest.mark.parametrize(
    ("order", "wanted"), [("drain", Wanted.DRAINED), ("disable", Wanted.DISABLED), ("enable", Wanted.ENABLED)]
)
def test_orders_are_kept(order: str, wanted: Wanted) -> None:
    world = Operated()
    reply = world.order("POST", f"nodes/b/{order}")
    assert (reply.status, reply.json()) == (200, {"name": "b", "wanted": wanted.value})
    assert world.wanted == {"b": wanted}


@pytest.mark.parametrize(
    ("method", "path", "text"),
    [
        ("POST", "nodes/zzz/drain", "There is no host zzz; hosts with an invoker: b, odd/name."),
        ("POST", "nodes/a/drain", "Host a runs no invoker"),
        ("POST", "nodes/b/explode", "There is no such route"),
        ("GET", "nodes/b", "There is no such route"),
    ],
)
def test_what_there_is_not_is_said(method: str, path: str, text: str) -> None:
    world = Operated()
    reply = world.order(method, path)
    assert reply.status == 404
    assert text in reply.json()["error"]
    assert world.wanted == {}
