"""Hosts as a controller hears of them."""

from __future__ import annotations

from typing import Any

import pytest

from owactors.core.loadbalancer.hosts import DOUBT, SHOWN_OFFLINE, SHOWN_STOPPED, SILENCE, Hosts
from owactors.entity.errors import DeserializationError
from owactors.message.host import HostHeartbeat, HostIdentity

ANY = ("controller", "invoker")
UP = {"invoker0": "up", "invoker1": "up"}


def beat(host: str, role: str, state: str = "enabled", *, node: str = "", load: int = 0, **more: Any) -> HostHeartbeat:
    identity = HostIdentity(host, node or f"folder of {host}", "boot")
    return HostHeartbeat(identity, role, state, load, 1000, 400, "0.1.0", "abc", "10.0.0.1:1", **more)


def states(hosts: Hosts, now: float, **health: str) -> dict[str, str]:
    return {host.name: host.state for host in hosts.view(now, {**UP, **health})}


def test_a_host_is_what_its_invoker_is() -> None:
    hosts = Hosts()
    for each in (beat("a", "controllera"), beat("a", "invoker0", "draining", load=3), beat("b", "invoker1")):
        hosts.heard(each, 5.0)
    assert states(hosts, 6.0) == {"a": "draining", "b": "enabled"}
    assert states(hosts, 6.0, invoker1="unhealthy") == {"a": "draining", "b": "unhealthy"}
    [first, _] = hosts.view(6.0, UP)
    assert [(role.role, role.state, role.health, role.load) for role in first.roles] == [
        ("controllera", "enabled", "", 0),
        ("invoker0", "draining", "up", 3),
    ]
    assert (first.last.memory_total, first.last_seen) == (1000, 1.0)


def test_ten_seconds_of_silence_are_offline_and_a_part_that_is_missing_is_no_health() -> None:
    hosts = Hosts()
    hosts.heard(beat("a", "controllera"), 0.0)
    hosts.heard(beat("a", "invoker0"), 5.0)
    assert states(hosts, SILENCE) == {"a": "unhealthy"}
    assert states(hosts, SILENCE + 5) == {"a": "offline"}
    hosts.heard(beat("a", "controllera"), 20.0)
    hosts.heard(beat("a", "invoker0"), 20.0)
    assert states(hosts, 21.0) == {"a": "enabled"}
    assert states(hosts, 20.0 + SHOWN_OFFLINE + 1) == {}


def test_who_left_is_not_offline_and_soon_forgotten() -> None:
    hosts = Hosts()
    hosts.heard(beat("a", "invoker0", "stopped"), 0.0)
    hosts.heard(beat("b", "invoker1", "replaced"), 0.0)
    assert states(hosts, SILENCE + 1) == {"a": "stopped", "b": "replaced"}
    assert states(hosts, SHOWN_STOPPED + 1) == {}


def test_a_name_is_taken_while_somebody_with_another_folder_is_there() -> None:
    hosts = Hosts()
    hosts.heard(beat("a", "invoker0"), 0.0)
    assert hosts.other_of_name("a", "folder of a", ANY, 1.0) is None
    assert hosts.other_of_name("b", "other folder", ANY, 1.0) is None
    found = hosts.other_of_name("a", "other folder", ANY, 1.0)
    assert found is not None
    assert found.role == "invoker0"
    assert hosts.other_of_name("a", "other folder", ANY, SILENCE) is None
    hosts.heard(beat("a", "invoker0", "stopped"), 1.0)
    assert hosts.other_of_name("a", "other folder", ANY, 1.0) is None


def test_a_controller_and_an_invoker_of_one_machine_may_have_its_name() -> None:
    hosts = Hosts()
    hosts.heard(beat("a", "controllera"), 0.0)
    assert hosts.other_of_name("a", "other folder", ("invoker",), 1.0) is None
    assert hosts.other_of_name("a", "other folder", ("controller", "invoker"), 1.0) is not None


def test_only_hosts_with_an_invoker_can_be_drained() -> None:
    hosts = Hosts()
    hosts.heard(beat("a", "controllera"), 0.0)
    hosts.heard(beat("b", "invoker0"), 0.0)
    assert (hosts.names("invoker"), hosts.names("")) == ({"b"}, {"a", "b"})


def test_a_heartbeat_is_read_as_it_was_written() -> None:
    for each in (beat("a", "invoker0", "drained", load=2), beat("b", "controller0", invoke="10.0.0.1:8080")):
        assert HostHeartbeat.from_json(each.to_json()) == each
    with pytest.raises(DeserializationError):
        HostHeartbeat.from_json({"host": "a"})


B = HostIdentity("b", "folder of b", "boot")


def test_who_is_said_to_have_come_is_shown_until_it_is_heard_of_or_forgotten() -> None:
    hosts = Hosts()
    hosts.heard(beat("a", "controllera"), 0.0)
    hosts.hinted(B, True, 0.0)
    assert states(hosts, 1.0) == {"a": "enabled", "b": "joining"}
    assert [view.roles for view in hosts.view(1.0, UP)][1] == ()
    hosts.heard(beat("b", "invoker1"), 2.0)
    assert states(hosts, 2.5) == {"a": "enabled", "b": "enabled"}
    never = Hosts()
    never.hinted(B, True, 0.0)
    assert states(never, SILENCE) == {}


def test_who_is_said_to_have_left_is_shown_as_silent_only_if_it_is() -> None:
    hosts = Hosts()
    hosts.heard(beat("b", "invoker1"), 0.0)
    hosts.hinted(B, False, 0.5)
    assert states(hosts, 1.0) == {"b": "enabled"}, "not yet"
    assert states(hosts, DOUBT) == {"b": "silent"}
    assert states(hosts, SILENCE) == {"b": "offline"}, "heartbeats decide"
    hosts.heard(beat("b", "invoker1"), 3.0)
    assert states(hosts, 3.0 + DOUBT) == {"b": "enabled"}, "it was wrong"


def test_one_role_that_is_silent_is_no_health_and_who_stopped_is_not_silent() -> None:
    hosts = Hosts()
    hosts.heard(beat("b", "controllerb"), 0.0)
    hosts.heard(beat("b", "invoker1"), 3.0)
    hosts.hinted(B, False, 2.0)
    assert states(hosts, 3.0) == {"b": "unhealthy"}
    hosts.heard(beat("b", "controllerb", "stopped"), 3.0)
    hosts.heard(beat("b", "invoker1", "stopped"), 3.0)
    hosts.hinted(B, False, 4.0)
    assert states(hosts, 3.0 + DOUBT + 1) == {"b": "stopped"}


def test_hints_that_are_missing_late_or_of_another_folder_change_nothing() -> None:
    hosts = Hosts()
    hosts.heard(beat("b", "invoker1"), 0.0)
    assert states(hosts, DOUBT) == {"b": "enabled"}, "missing"
    hosts.hinted(HostIdentity("b", "another folder", "boot"), False, 1.0)
    assert states(hosts, DOUBT) == {"b": "enabled"}
    hosts.hinted(B, True, 2.0)
    assert states(hosts, SILENCE) == {"b": "offline"}, "that it came is no heartbeat"
    assert hosts.other_of_name("b", "new folder", ANY, SILENCE) is None
