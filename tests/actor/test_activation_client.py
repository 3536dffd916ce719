"""What stands where OpenWhisk's second scheduler has a client for each container, which fetches its activations.

Here one feed fetches for all containers of an invoker, from the invoker's topic: docs/differences/connector.md. Each
test shows what becomes of the case that the client's scenario is about.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from owactors.actor.messagefeed import REFILL, FeedSetup, MessageFeed
from owactors.actor.messaging import MESSAGING
from owactors.actor.rejoiningconsumer import RejoiningConsumer
from owactors.actor.switchedinvoker import _Wished
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import BrokerUnavailable, FencedInstance
from owactors.core.messagefeed import FeedSettings, FeedState
from owactors.entity.ids import DocRevision
from owactors.message.feed import FeedStopped, Handle, Processed, StopFeed
from owactors.message.host import HostIdentity, Wanted
from owactors.message.node import RoleFailed, RoleReplaced
from tests.actor.harness import Bench, named
from tests.actor.test_clusterinvoker import ClusterBench, messaging  # noqa: F401
from tests.actor.test_invoker import FEED, InvokerBench, message
from tests.actor.test_invoker import Topic as NoTopic
from tests.actor.test_messagefeed import M, Topic, feeding, handled, numbers, polls, state
from tests.core.pool_bench import action


class NoBroker(MemoryMessaging):
    """A messaging whose broker cannot be reached."""

    async def ensure_topic(self, *_: Any) -> None:
        raise BrokerUnavailable("no broker at b:9092")


@pytest.mark.scenario("AC-01")
def test_the_feed_begins_by_itself_and_without_a_broker_the_invoker_ends_with_the_cause(tmp_path: Path) -> None:
    """OpenWhisk: a client that is made reports so and is asked; one that cannot be made ends its container."""
    begun = feeding(Topic(numbers(1)))
    assert state(begun) is FeedState.FILLING_PIPELINE
    polls(begun)
    assert handled(begun) == numbers(1)

    MESSAGING.build = lambda settings: NoBroker()
    without = ClusterBench(tmp_path)
    assert without.sent_to("supervisor") == [RoleFailed("no broker at b:9092")]
    assert (without.created, without.messages(FeedSetup), without.works) == ([], [], [])


@pytest.mark.scenario("AC-02")
def test_what_is_fetched_is_handed_over_and_without_any_it_is_asked_again() -> None:
    """OpenWhisk: no activation, or one that cannot be read, makes the container ask again."""
    topic = Topic()
    bench = feeding(topic)
    polls(bench)
    assert (handled(bench), [work.name for work in bench.works]) == ([], ["fill"])
    topic.messages.extend(numbers(2))
    polls(bench)
    assert handled(bench) == numbers(2)

    invoker = InvokerBench(consumer=NoTopic())
    spoiled = {**message(blocking=True).to_json(), "content": 5}
    invoker.give(Handle(orjson.dumps(spoiled)), FEED)
    assert [each for each in invoker.sent_to(FEED) if isinstance(each, Processed)] == [Processed(1)]
    [ack] = invoker.acks
    assert "content" in ack.response.response.result["error"]


@pytest.mark.scenario("AC-03")
def test_a_lost_place_is_taken_again_by_a_new_consumer_and_a_lost_broker_is_waited_for() -> None:
    """OpenWhisk: another scheduler, a missing queue or a broken connection makes a new client, which fetches."""
    topics = [Topic(peek_failure=FencedInstance("a controller has the place")), Topic(numbers(1))]
    made: list[Topic] = []

    def make() -> Any:
        made.append(topics[len(made)])
        return made[-1]

    async def may() -> None: ...

    bench = Bench(MessageFeed)
    bench.give(FeedSetup(FeedSettings("test", M, M, backoff=0.5), RejoiningConsumer(make, may), named("handler")))
    polls(bench)
    assert topics[0].log == ["peek", "close"]
    topics[1].peek_failure = BrokerUnavailable("away")
    bench.fire(REFILL)
    polls(bench)
    assert (handled(bench), bench.timers[REFILL]) == ([], 1.0)
    topics[1].peek_failure = None
    bench.fire(REFILL)
    polls(bench)
    assert (handled(bench), made) == (numbers(1), topics)


@pytest.mark.scenario("AC-04")
def test_a_newer_version_runs_a_place_lost_for_good_ends_the_role_and_any_failure_is_tried_again(
    tmp_path: Path,
) -> None:
    """OpenWhisk: another version, a closed client or an unknown error ends client and container."""
    invoker = InvokerBench()
    invoker.give(message())
    invoker.fetched(action(revision=DocRevision("2-b")))
    assert [run.action.revision for run in invoker.runs] == [DocRevision("2-b")]

    replaced = ClusterBench(tmp_path).up()
    replaced.fire("look")
    replaced.work("look_up").complete(_Wished(Wanted.ENABLED, HostIdentity("thief", "folder", "life")))
    assert isinstance(replaced.sent_to("supervisor")[-1], RoleReplaced)
    replaced.exit()

    failing = feeding(Topic(numbers(1), peek_failure=RuntimeError("unknown")), backoff=0.5)
    polls(failing)
    assert (state(failing), failing.timers[REFILL]) == (FeedState.FILLING_PIPELINE, 0.5)


@pytest.mark.scenario("AC-05")
def test_a_stopped_feed_fetches_no_more_and_says_so_once_all_is_handled_also_if_asked_again() -> None:
    """OpenWhisk: a client that is told to stop tells the scheduler, closes, and reports; also when it is closed."""
    topic = Topic(numbers(1))
    bench = feeding(topic)
    polls(bench)
    bench.give(StopFeed(), "invoker")
    assert bench.sent_to("invoker") == []
    bench.give(Processed(), "handler")
    polls(bench)
    topic.messages.append(b"later")
    bench.give(Processed(), "handler")
    assert set(map(type, bench.sent_to("invoker"))) == {FeedStopped}
    assert (state(bench), bench.works, handled(bench)) == (FeedState.STOPPED, [], numbers(1))
    bench.give(StopFeed(), "other")
    assert bench.sent_to("other") == [FeedStopped()]
