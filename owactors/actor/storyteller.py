"""Puts together what several processes noted of one activation."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

from attrs import define, field

from owactors.message.story import Story, StoryTold, TellStory
from owactors.observe.stories import STORIES, Stories

PATIENCE = 2.0


@define
class _Question:
    """So many answers are still to come."""

    left: int
    answered: asyncio.Future[None]
    stories: list[Story] = field(factory=list)


class StoryTeller:
    """`ask` sends a question to every invoker within reach, from any coroutine; its result: how many there are."""

    def __init__(self, ask: Callable[[TellStory], int], stories: Stories = STORIES) -> None:
        self._ask, self._own = ask, stories
        self._numbers = count(1)
        self._questions: dict[int, _Question] = {}

    async def tell(self, activation_id: str) -> Story | None:
        """All steps, in the order of their times; what is not told within two seconds is left out."""
        own = self._own.told(activation_id)
        stories = [own, *await self._others(activation_id)] if own else await self._others(activation_id)
        if not stories:
            return None
        steps = sorted((step for story in stories for step in story.steps), key=lambda step: step.at)
        return Story(own.namespace if own else "", tuple(steps))

    async def _others(self, activation_id: str) -> list[Story]:
        number = next(self._numbers)
        question = _Question(0, asyncio.get_running_loop().create_future())
        self._questions[number] = question
        try:
            question.left = self._ask(TellStory(number, activation_id))
            if question.left > 0:
                await asyncio.wait((question.answered,), timeout=PATIENCE)
            return question.stories
        finally:
            del self._questions[number]

    def heard(self, message: StoryTold) -> None:
        """An invoker's answer; one that comes too late is dropped."""
        question = self._questions.get(message.request)
        if question is None:
            return
        question.left -= 1
        if message.story is not None:
            question.stories.append(message.story)
        if question.left <= 0 and not question.answered.done():
            question.answered.set_result(None)
