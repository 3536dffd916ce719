"""IoActor on the bench: dispatch, outcomes, timers, stash, failures, exit."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from attrs import frozen
from thespian.actors import ActorAddress, ActorExitRequest, WakeupMessage

from owactors.actor.io import Failed, IoActor, on
from tests.actor.harness import Bench


@frozen
class Ask:
    what: str


@frozen
class Louder(Ask):
    pass


@frozen
class Answer:
    text: str


@frozen
class Broken:
    cause: BaseException


@frozen
class Open:
    pass


async def look_up(what: str) -> str:
    return what.upper()


class Librarian(IoActor):
    def __init__(self) -> None:
        super().__init__()
        self.heard: list[Any] = []
        self.open = True
        self.gone: list[ActorAddress] = []

    @on(Ask)
    def ask(self, message: Ask, sender: ActorAddress) -> None:
        if not self.open:
            self.stash()
            return
        self.heard.append(message)
        if message.what == "boom":
            raise ValueError("boom")
        if message.what == "close":
            self.open = False
        if message.what == "remind":
            self.start_timer("reminder", 5, Answer("late"))
        if message.what == "plain":
            self.spawn(look_up(message.what), done=Answer)
        if message.what == "careful":
            self.spawn(look_up(message.what), done=Answer, failed=Broken)

    @on(Open)
    def reopen(self, message: Open, sender: ActorAddress) -> None:
        self.open = True
        self.unstash_all()

    @on(Answer, Broken, Failed)
    def outcome(self, message: Answer | Broken | Failed, sender: ActorAddress) -> None:
        self.heard.append(message)
        self.tell(sender, message)

    def on_child_exited(self, address: ActorAddress) -> None:
        self.gone.append(address)


@pytest.fixture
def bench() -> Bench:
    return Bench(Librarian)


def test_a_subclass_of_a_message_reaches_the_handler_of_its_base(bench: Bench) -> None:
    bench.give(Louder("hello"))
    assert bench.actor.heard == [Louder("hello")]


def test_a_result_comes_back_as_a_message_from_the_actor_itself(bench: Bench) -> None:
    bench.give(Ask("plain"))
    bench.work("look_up").complete("X")
    assert bench.actor.heard[1:] == [Answer("X")]
    assert bench.sent_to("self") == [Answer("X")]
    assert bench.works == []


def test_a_coroutine_can_really_run(bench: Bench) -> None:
    bench.give(Ask("plain"))
    bench.work("look_up").run()
    assert bench.actor.heard[1:] == [Answer("PLAIN")]


def test_an_exception_comes_back_as_the_message_that_was_asked_for(bench: Bench) -> None:
    cause = OSError("away")
    bench.give(Ask("plain"))
    bench.work("look_up").fail(cause)
    bench.give(Ask("careful"))
    bench.work("look_up").fail(cause)
    assert bench.actor.heard[1] == Failed(cause)
    assert bench.actor.heard[3] == Broken(cause)


def test_outcomes_may_come_in_any_order(bench: Bench) -> None:
    bench.give(Ask("plain"))
    bench.give(Ask("plain"))
    first, second = bench.works
    second.complete("2")
    first.complete("1")
    assert bench.take() == [Answer("2"), Answer("1")]


def test_a_cancelled_coroutine_says_nothing(bench: Bench) -> None:
    spawned = bench.actor.spawn(look_up("x"), done=Answer)
    spawned.cancel()
    assert (spawned.running, bench.works, bench.actor._spawned) == (False, [], set())


def test_a_timer_fires_once_and_can_be_replaced_and_cancelled(bench: Bench) -> None:
    bench.give(Ask("remind"))
    first = bench.engine.alarms[0]
    bench.give(Ask("remind"))
    assert first.cancelled
    assert bench.timers == {"reminder": 5}
    bench.fire("reminder")
    assert bench.messages(Answer) == [Answer("late")]
    assert not bench.actor.has_timer("reminder")
    bench.give(Ask("remind"))
    bench.actor.cancel_timer("reminder")
    assert bench.timers == {}


def test_stashed_messages_come_before_the_mailbox_in_order_of_arrival(bench: Bench) -> None:
    bench.give(Ask("close"))
    for name in "abc":
        bench.give(Ask(name))
    bench.give(Open())
    assert [ask.what for ask in bench.actor.heard] == ["close", "a", "b", "c"]


def test_a_message_may_be_stashed_again(bench: Bench) -> None:
    bench.give(Ask("close"))
    for name in ["a", "close", "b"]:
        bench.give(Ask(name))
    bench.give(Open())
    assert [ask.what for ask in bench.actor.heard] == ["close", "a", "close"]
    bench.give(Open())
    assert [ask.what for ask in bench.actor.heard] == ["close", "a", "close", "b"]


def test_the_stash_has_a_limit(bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Librarian, "stash_limit", 2)
    bench.give(Ask("close"))
    for name in "abc":
        bench.give(Ask(name))
    assert "StashOverflow" in caplog.text


def test_an_unexpected_message_is_a_logged_defect(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    bench.give(Ask("x"))
    bench.give(3.5)
    assert "unexpected 3.5" in caplog.text
    assert "['Ask', 'float']" in caplog.text


def test_a_handler_that_raises_is_logged_and_the_actor_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    failures: list[Exception] = []

    class Careful(Librarian):
        def on_failure(self, failure: Exception) -> None:
            failures.append(failure)
            raise KeyError("second")

    bench = Bench(Careful)
    with caplog.at_level(logging.ERROR):
        bench.give(Ask("boom"))
    bench.give(Ask("x"))
    assert [str(failure) for failure in failures] == ["boom"]
    assert "handler of Ask raised" in caplog.text
    assert "on_failure raised" in caplog.text
    assert bench.actor.heard[-1] == Ask("x")


def test_an_outcome_that_cannot_be_wrapped_is_a_failure(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(result: str) -> Answer:
        raise TypeError("no")

    bench.actor.spawn(look_up("x"), done=refuse)
    bench.work("look_up").complete("X")
    assert "outcome of look_up raised" in caplog.text


def test_exit_calls_the_hook_cancels_everything_and_ends_delivery(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.give(Ask("plain"))
    bench.give(Ask("remind"))
    bench.exit()
    assert (bench.works, bench.timers, bench.engine.closed) == ([], {}, True)
    late = bench.actor.spawn(look_up("x"), done=Answer)
    bench.actor.start_timer("late", 1, Answer("late"))
    assert (late.running, bench.works, bench.timers) == (False, [], {})
    assert caplog.text == ""


def test_a_childs_exit_is_told_once(bench: Bench) -> None:
    bench.actor.create(Librarian)
    bench.actor.create(Librarian, colocate=False, requirements={"node": "a"})
    near, far = bench.created
    assert (near.requirements, far.requirements) == ({"colocate": True}, {"node": "a"})
    bench.child_exited(near)
    bench.child_exited(near)
    assert bench.actor.gone == [near.address]


def test_stop_is_an_exit_request_to_itself(bench: Bench) -> None:
    bench.actor.stop()
    assert isinstance(bench.sent_to("self")[0], ActorExitRequest)
    bench.give_own()
    assert bench.engine.closed


def test_a_subclass_may_override_a_handler_by_name() -> None:
    class Quiet(Librarian):
        def ask(self, message: Ask, sender: ActorAddress) -> None:
            self.heard.append("quiet")

    bench = Bench(Quiet)
    bench.give(Ask("boom"))
    assert bench.actor.heard == ["quiet"]


def test_a_coroutine_is_refused_as_handler() -> None:
    with pytest.raises(TypeError, match="must not be a coroutine"):

        class Wrong(IoActor):
            @on(Ask)
            async def ask(self, message: Ask, sender: ActorAddress) -> None: ...


def test_the_story_is_bounded(bench: Bench) -> None:
    for number in range(100):
        bench.actor.note(str(number))
    assert bench.actor.story() == [str(number) for number in range(68, 100)]


def test_wakeups_are_not_for_actors(bench: Bench) -> None:
    with pytest.raises(AssertionError):
        bench.give(WakeupMessage(None, "mine"))
