"""Hosts as network namespaces on a switch, hurt while all of them call; needs root.

Five hosts are two controllers and three invokers with a CouchDB; three hosts are `owactors node`, and two that joined.
Each test makes one row of the table in docs/guarantees.md. OWACTORS_TEST_LONG=1 runs all of it, over every transport,
OWACTORS_WRITE_DOCS=1 writes the rows that were made into the table.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

import pytest

from tests.actorbase.hosts import NoHosts
from tests.end_to_end.clusters import LiveController
from tests.end_to_end.proof import Callers, Row, Setting
from tests.end_to_end.prooftable import write_table
from tests.end_to_end.provinghosts import ProvingHosts, proving, set_clock
from tests.end_to_end.switch import SERVICES
from tests.services.kafka import Broker
from tests.store.couchserver import CouchServer

pytestmark = [pytest.mark.services, pytest.mark.timeout(300)]

LONG = bool(os.environ.get("OWACTORS_TEST_LONG"))
FIVE, THREE = Setting(5, "actors"), Setting(3, "actors")
SETTINGS = (FIVE, THREE, *([Setting(5, "HTTP first"), Setting(5, "Kafka"), Setting(3, "HTTP first")] if LONG else []))
#: seconds that a service is away
AWAY = 30 if LONG else 6
#: seconds that a partition lasts which nobody notices
UNNOTICED = 12
ONLY_LONG = pytest.mark.skipif(not LONG, reason="the same in another way, with OWACTORS_TEST_LONG=1")


def over(*gate: Setting) -> pytest.MarkDecorator:
    """A test with `hosts` of every setting; without OWACTORS_TEST_LONG, of these only."""
    others = pytest.mark.skipif(not LONG, reason="the same on other hosts, with OWACTORS_TEST_LONG=1")
    cases = [
        pytest.param(each, id=f"{each.hosts}-{each.transport}", marks=() if each in gate else others)
        for each in SETTINGS
    ]
    return pytest.mark.parametrize("hosts", cases, indirect=True, scope="module")


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Row]]:
    made: list[Row] = []
    yield made
    if os.environ.get("OWACTORS_WRITE_DOCS"):
        write_table(made)


@pytest.fixture(scope="module")
def hosts(
    request: pytest.FixtureRequest, rows: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProvingHosts]:
    try:
        with proving(request.param, tmp_path_factory.mktemp("hosts"), rows) as made:
            yield made
    except NoHosts as reason:
        pytest.skip(f"no hosts to test with: {reason}")


@over(FIVE, THREE)
def test_calls_from_every_host_are_answered(hosts: ProvingHosts) -> None:
    made = hosts.hurt("nothing", lambda callers: None)
    assert (made.refused, made.failed) == (0, 0)


@over(FIVE, THREE)
def test_an_invoker_host_dies_and_starts_again(hosts: ProvingHosts) -> None:
    name, victim = next(iter(hosts.invokers.items()))

    def happens(callers: Callers) -> float:
        victim.kill_all()
        hosts.controllers[0].wait_for(60, **hosts.states(name))
        victim.start()
        return time.monotonic()

    hosts.hurt("an invoker's host is killed (-9), started again when it was noticed", happens)


@over(FIVE, THREE)
def test_the_controller_that_others_joined_dies_and_starts_again(hosts: ProvingHosts) -> None:
    hosts.hurt("the host that others joined is killed (-9), started again after 3 s", dies(hosts.controllers[0]))


@over(FIVE)
def test_another_controller_dies_and_starts_again(hosts: ProvingHosts) -> None:
    if len(hosts.controllers) < 2:
        pytest.skip("there is no other controller")
    hosts.hurt("the other controller is killed (-9), started again after 3 s", dies(hosts.controllers[1]))


def dies(controller: LiveController) -> Callable[[Callers], float]:
    def happens(callers: Callers) -> float:
        controller.kill_all()
        time.sleep(3)
        controller.start()
        return time.monotonic()

    return happens


@over(FIVE)
def test_a_link_is_cut_and_healed(hosts: ProvingHosts) -> None:
    name, cut = list(hosts.invokers.items())[1]

    def happens(callers: Callers) -> float:
        hosts.switch.link(hosts.number(cut), "down")
        hosts.controllers[0].wait_for(60, **hosts.states(name))
        hosts.switch.link(hosts.number(cut), "up")
        return time.monotonic()

    hosts.hurt("an invoker's link is cut, healed when it was noticed", happens)


@over(FIVE)
def test_all_links_to_the_invokers_are_cut_and_healed(hosts: ProvingHosts) -> None:
    def happens(callers: Callers) -> float:
        for node in hosts.invokers.values():
            hosts.switch.link(hosts.number(node), "down")
        hosts.controllers[0].wait_for(60, **hosts.states(*hosts.invokers))
        for node in hosts.invokers.values():
            hosts.switch.link(hosts.number(node), "up")
        return time.monotonic()

    hosts.hurt("the links of all that are only invokers are cut, healed when it was noticed", happens)


@over(FIVE)
def test_controllers_cannot_hear_each_other(hosts: ProvingHosts) -> None:
    if len(hosts.controllers) < 2:
        pytest.skip("there is one controller")
    one, other = hosts.controllers

    def happens(callers: Callers) -> float:
        with hosts.switch.parted([hosts.number(one)], [hosts.number(other)]):
            wait_for_silence(hosts, one, other)
            for there, here in ((one, other), (other, one)):
                a_change_is_seen(there, here)
        return time.monotonic()

    hosts.hurt("the two controllers cannot reach each other, healed when they noticed", happens)
    assert hosts.heard(one) == hosts.heard(other) == {"controller0", "controller1", *hosts.names}


def a_change_is_seen(there: LiveController, here: LiveController) -> None:
    """A document that is kept over one controller and changed over the other, which cannot tell it."""

    def reads(node: LiveController) -> int:
        parameters = node.api("GET", "/triggers/changes").json["parameters"]
        return int(parameters[0]["value"])

    for value in (1, 2):
        body = {"parameters": [{"key": "n", "value": value}]}
        there.wait_until(
            lambda body=body: there.api("PUT", "/triggers/changes?overwrite=true", body).status == 200, "it is changed"
        )
        here.wait_until(lambda value=value: reads(here) == value, "what the other one changed is seen", 20)


def wait_for_silence(hosts: ProvingHosts, one: LiveController, other: LiveController) -> None:
    """Until neither hears the other; over Kafka they do, and it is a while."""
    if hosts.broker is not None:
        time.sleep(UNNOTICED)
        return
    one.wait_until(lambda: "controller1" not in hosts.heard(one), "controller 1 is not heard", 60)
    other.wait_until(lambda: "controller0" not in hosts.heard(other), "controller 0 is not heard", 60)
    assert {"controller0", *hosts.names} <= hosts.heard(one)


@over(FIVE, THREE)
def test_two_halves(hosts: ProvingHosts) -> None:
    first, second = halves(hosts)

    def happens(callers: Callers) -> float:
        with hosts.switch.parted(first, second):
            wait_for_halves(hosts)
        return time.monotonic()

    hosts.hurt(f"two halves cannot reach each other: {described(first, second)}; healed when they noticed", happens)


@over()
def test_two_halves_one_without_services(hosts: ProvingHosts) -> None:
    if hosts.couch is None:
        pytest.skip("there are no services")
    first, second = halves(hosts)

    def happens(callers: Callers) -> float:
        with hosts.switch.parted(first, [*second, SERVICES]):
            wait_for_halves(hosts)
        return time.monotonic()

    event = f"two halves cannot reach each other, the services are in the second: {described(first, second)}"
    hosts.hurt(f"{event}; healed when they noticed", happens)


def halves(hosts: ProvingHosts) -> tuple[list[int], list[int]]:
    """The first controller, with an invoker if three are there; all others. By the numbers of the hosts."""
    first = [hosts.number(node) for node in (hosts.controllers[0], *list(hosts.invokers.values())[:-2])]
    return first, [number for number in range(1, hosts.setting.hosts + 1) if number not in first]


def described(first: list[int], second: list[int]) -> str:
    return f"hosts {', '.join(map(str, first))}, and {', '.join(map(str, second))}".replace("hosts 1,", "host 1,")


def wait_for_halves(hosts: ProvingHosts) -> None:
    """Until each side takes the invokers of the other one for down; over Kafka only who has it hears of anybody."""
    here, there = list(hosts.invokers)[:-2], list(hosts.invokers)[-2:]
    if hosts.broker is not None:
        time.sleep(UNNOTICED)
        return
    hosts.controllers[0].wait_for(60, **hosts.states(*there))
    for controller in hosts.controllers[1:]:
        controller.wait_for(60, **hosts.states(*here))


@over(FIVE)
def test_a_slow_link(hosts: ProvingHosts) -> None:
    slow = hosts.number(list(hosts.invokers.values())[-1])

    def happens(callers: Callers) -> float:
        with hosts.switch.slow(slow, 0.1, 0.01):
            before = len(callers.calls)
            hosts.controllers[0].wait_until(lambda: len(callers.calls) > before + 100, "calls on a slow link", 60)
            hosts.all_up()
        return time.monotonic()

    hosts.hurt("an invoker's link takes 100 ms each way and loses 1 % of the frames", happens)


KILLED, STOPPED, RESTARTED = "killed (-9)", "stopped", "stopped and started again at once"
HOW = (KILLED, *[pytest.param(how, marks=ONLY_LONG) for how in (STOPPED, RESTARTED)])


def goes_and_comes_back(service: CouchServer | Broker, how: str) -> Callable[[Callers], float]:
    def happens(callers: Callers) -> float:
        if how == KILLED:
            service.kill()
        else:
            service.end()
        if how != RESTARTED:
            time.sleep(AWAY)
        service.start()
        return time.monotonic()

    return happens


def told_how(how: str) -> str:
    return how if how == RESTARTED else f"{how}, started again after {AWAY} s"


@pytest.mark.parametrize("how", HOW)
@over(FIVE)
def test_the_database_goes_and_comes_back(hosts: ProvingHosts, how: str) -> None:
    if hosts.couch is None:
        pytest.skip("the documents are on the first host")
    hosts.hurt(f"CouchDB is {told_how(how)}", goes_and_comes_back(hosts.couch, how))


@pytest.mark.parametrize("how", HOW)
@over(FIVE)
def test_the_broker_goes_and_comes_back(hosts: ProvingHosts, how: str) -> None:
    if hosts.broker is None:
        pytest.skip("there is no broker: the roles speak as actors")
    hosts.hurt(f"Kafka is {told_how(how)}", goes_and_comes_back(hosts.broker, how))


@pytest.mark.parametrize("seconds", [3600, -3600])
@over(FIVE)
def test_clocks_jump(hosts: ProvingHosts, seconds: int) -> None:
    def jump(wrong: int) -> None:
        for node in (hosts.controllers[0], list(hosts.invokers.values())[-1]):
            set_clock(node, wrong)

    def happens(callers: Callers) -> float:
        jump(seconds)
        time.sleep(5)
        hosts.all_up()
        jump(0)
        return time.monotonic()

    half_way = int((time.time() + seconds / 2) * 1000)
    hosts.hurt(f"the clocks of a controller and of an invoker jump by {seconds:+d} s and back", happens)
    wrong = f"since={half_way}" if seconds > 0 else f"upto={half_way}"
    assert hosts.controllers[0].api("GET", f"/activations?{wrong}").json, "no record is from the wrong time"


@over(FIVE)
def test_every_role_is_restarted_in_turn(hosts: ProvingHosts) -> None:
    def happens(callers: Callers) -> None:
        for node in (*hosts.invokers.values(), *hosts.controllers):
            assert node.stop() == 0
            node.start()
            hosts.all_up()

    hosts.hurt("all are stopped and started again, one after the other", happens)
