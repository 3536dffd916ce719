"""What a role of a host says of itself, and how often."""

from __future__ import annotations

from owactors import __version__
from owactors.actor.hostbeat import BeatNow, BeatSetup, HostBeat
from owactors.connector.topics import Topics
from owactors.message.host import HostHeartbeat, HostIdentity
from owactors.message.topic import Write
from owactors.observe.hostfacts import fingerprint
from tests.actor.harness import Bench, named

ME = HostIdentity("b", "folder", "this life")


def test_each_second_it_says_who_how_and_with_which_code() -> None:
    how = [("enabled", 3)]
    bench = Bench(HostBeat)
    setup = BeatSetup(
        named("writer"), Topics("dev-"), ME, "invoker1", lambda: how[-1], "10.0.0.2:8080", "10.0.0.2:8081"
    )
    bench.give(setup, "invoker")
    bench.work("to_thread").complete(fingerprint())
    assert bench.timers == {"beat": 1.0}
    how.append(("draining", 2))
    bench.fire("beat")
    how.append(("drained", 0))
    bench.give(BeatNow(), "invoker")
    writes = [each for each in bench.sent_to("writer") if isinstance(each, Write)]
    assert {each.topic for each in writes} == {"dev-hostHeartbeat"}
    beats = [HostHeartbeat.from_json(each.value) for each in writes]
    assert [(each.state, each.load) for each in beats] == how
    for each in beats:
        assert (each.host, each.role, each.version, each.code) == (ME, "invoker1", __version__, fingerprint())
        assert (each.address, each.invoke) == ("10.0.0.2:8080", "10.0.0.2:8081")
        assert 0 < each.memory_used < each.memory_total
    assert bench.timers == {"beat": 1.0}
    bench.exit()
