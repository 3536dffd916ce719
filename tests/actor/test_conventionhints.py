"""What comes of the actor systems' convention, and when a host asks where it is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from thespian.actors import ActorSystemConventionUpdate

from owactors.actor.conventionhints import CONVENTION_CAPABILITY, HOST_CAPABILITY, ConventionHints, HintsSetup
from owactors.actor.hostsupervisor import HostSupervisor
from owactors.core.loadbalancer.hosts import Hosts
from owactors.message.host import HostIdentity
from owactors.message.node import AskConvention, ConventionAt, JoinConvention, Joined
from tests.actor.harness import Bench, named

HOST = HostIdentity("b", "folder", "boot")


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The capabilities that the supervisor gives its system."""
    found: list[tuple[str, str]] = []
    monkeypatch.setattr(HostSupervisor, "updateCapability", lambda self, name, value: found.append((name, value)))
    return found


@pytest.fixture
def supervisor(changed: list[tuple[str, str]]) -> Iterator[Bench]:
    made = Bench(HostSupervisor)
    made.give(JoinConvention((named("first"), named("second")), HOST), "outside")
    yield made
    made.exit()


def test_a_host_shows_itself_and_joins_where_it_is_told(supervisor: Bench, changed: list[tuple[str, str]]) -> None:
    assert supervisor.sent_to("outside") == [Joined()]
    assert changed == [(HOST_CAPABILITY, "b folder boot")]
    assert supervisor.sent_to("first") == supervisor.sent_to("second") == [AskConvention()]
    supervisor.give(ConventionAt("10.0.0.1:5000"), "first")
    supervisor.give(ConventionAt("10.0.0.1:5000"), "first")
    assert changed[1:] == [(CONVENTION_CAPABILITY, "10.0.0.1:5000")]


def test_a_system_that_was_started_anew_is_joined_anew(supervisor: Bench, changed: list[tuple[str, str]]) -> None:
    supervisor.give(ConventionAt("10.0.0.1:5000"), "first")
    supervisor.fire("convention")
    assert supervisor.sent_to("first") == [AskConvention(), AskConvention()]
    supervisor.give(ConventionAt(""), "second")
    supervisor.give(ConventionAt("10.0.0.1:6000"), "first")
    assert [value for _, value in changed] == ["b folder boot", "10.0.0.1:5000", "10.0.0.1:6000"]


def hinted(monkeypatch: pytest.MonkeyPatch, capabilities: Any, added: bool) -> list[str]:
    """The states of the hosts after this event."""
    monkeypatch.setattr(ConventionHints, "notifyOnSystemRegistrationChanges", lambda self, wanted: None)
    hosts = Hosts()
    bench = Bench(ConventionHints)
    bench.give(HintsSetup(hosts), "controller")
    bench.give(ActorSystemConventionUpdate(named("admin"), capabilities, added), "admin")
    bench.exit()
    return [f"{host.name} {host.state}" for host in hosts.view(0.0, {})]


def test_who_comes_is_shown_and_who_says_nothing_of_itself_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = {HOST_CAPABILITY: "b folder boot"}
    assert hinted(monkeypatch, shown, True) == ["b joining"]
    assert hinted(monkeypatch, shown, False) == []
    for other in ({}, None, {HOST_CAPABILITY: 5}, {HOST_CAPABILITY: "b"}):
        assert hinted(monkeypatch, other, True) == []
