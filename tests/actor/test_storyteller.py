"""What several processes noted is put together; who does not answer is left out."""

import asyncio
from collections.abc import Callable

import pytest

from owactors.actor import storyteller
from owactors.actor.storyteller import StoryTeller
from owactors.message.story import Step, Story, StoryTold, TellStory
from owactors.observe.stories import Stories

ELSEWHERE = Story("", (Step(5, "invoker", "came"), Step(15, "container", "ran")))


def teller(answer: Callable[[StoryTeller, TellStory], int]) -> StoryTeller:
    own = Stories(clock=lambda: 10_000_000)
    own.begin("a", "guest")
    own.note("a", "controller", "accepted")
    made = StoryTeller(lambda question: answer(made, question), own)
    return made


def test_steps_of_all_are_in_the_order_of_their_times() -> None:
    def answer(made: StoryTeller, question: TellStory) -> int:
        asyncio.get_running_loop().call_soon(made.heard, StoryTold(question.request, ELSEWHERE))
        asyncio.get_running_loop().call_soon(made.heard, StoryTold(question.request, None))
        return 2

    told = asyncio.run(teller(answer).tell("a"))
    assert told is not None
    assert (told.namespace, [step.what for step in told.steps]) == ("guest", ["came", "accepted", "ran"])


def test_nobody_to_ask() -> None:
    made = teller(lambda _, question: 0)
    told = asyncio.run(made.tell("a"))
    assert told is not None
    assert [step.what for step in told.steps] == ["accepted"]
    assert asyncio.run(made.tell("b")) is None


def test_an_answer_that_does_not_come_or_comes_too_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storyteller, "PATIENCE", 0.01)
    asked: list[TellStory] = []
    made = teller(lambda _, question: asked.append(question) or 1)
    told = asyncio.run(made.tell("a"))
    assert told is not None
    assert len(told.steps) == 1
    made.heard(StoryTold(asked[0].request, ELSEWHERE))
