"""The memory of what happened to activations is bounded, and told in words."""

from owactors.message.story import Step, Story
from owactors.observe.stories import MOST_STEPS, Stories


def test_steps_are_told_in_their_order() -> None:
    times = iter((10_000_000, 20_999_999))
    stories = Stories(clock=lambda: next(times))
    stories.begin("a", "guest")
    stories.note("a", "pool", "given to container %s", 7)
    stories.note("a", "container", "100 % done")
    assert stories.told("a") == Story(
        "guest", (Step(10, "pool", "given to container 7"), Step(20, "container", "100 % done"))
    )
    assert stories.told("b") is None


def test_what_was_begun_first_is_forgotten_first() -> None:
    stories = Stories(most=2)
    for name in ("a", "b", "c"):
        stories.begin(name, name)
        stories.note(name, "x", "y")
    stories.note("b", "x", "z")
    assert stories.told("a") is None
    assert [len(story.steps) for story in (stories.told("b"), stories.told("c")) if story] == [2, 1]


def test_a_long_story_ends_somewhere() -> None:
    stories = Stories()
    for number in range(3 * MOST_STEPS):
        stories.note("a", "x", "%s", number)
    told = stories.told("a")
    assert told is not None
    assert (len(told.steps), told.namespace) == (MOST_STEPS, "")
