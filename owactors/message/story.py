"""What became of one activation, as those who had to do with it noted it."""

from __future__ import annotations

from attrs import frozen


@frozen
class Step:
    """Something that happened: when (epoch milliseconds), to whom, and what, as a sentence."""

    at: int
    who: str
    what: str


@frozen
class Story:
    """The steps that one process noted, in their order; the namespace is "" where it was not told."""

    namespace: str
    steps: tuple[Step, ...]


@frozen
class TellStory:
    """To an invoker: what do you know of this activation? StoryTold comes back."""

    request: int
    activation_id: str


@frozen
class StoryTold:
    """The answer; None if nothing was noted, or nothing is remembered any more."""

    request: int
    story: Story | None
