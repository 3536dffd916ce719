"""Names, settings and groups of topics, as a running OpenWhisk had them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from owactors.connector.topics import Topic, Topics
from owactors.entity.instance import ControllerInstanceId

RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "wire_recordings" / "topics.json").read_text()
)
ZERO, ONE = ControllerInstanceId("0"), ControllerInstanceId("1")


def every(topics: Topics) -> list[Topic]:
    """All topics of two controllers and two invokers."""
    own = [topics.invoker(0), topics.invoker(1), topics.completed(ZERO), topics.completed(ONE)]
    shared = [make(controller) for make in (topics.health, topics.cache_invalidation) for controller in (ZERO, ONE)]
    return [*own, *shared, topics.events()]


def test_settings_are_as_recorded() -> None:
    made = {topic.name: topic for topic in every(Topics())}
    assert set(made) == set(RECORDED["topics"])
    for name, recorded in RECORDED["topics"].items():
        assert made[name].config.to_kafka() == recorded["settings"], name
        assert made[name].config.partitions == recorded["partitions"], name


def test_groups_are_as_recorded() -> None:
    made = {topic.group: topic.name for topic in every(Topics()) if topic.group != "kamon"}
    recorded = {
        name: member["subscription"][0]
        for name, group in RECORDED["groups"].items()
        for member in group["members"]
        if name in made
    }
    assert recorded == made


def test_the_prefix_is_in_front_of_names_and_groups() -> None:
    topics = Topics(prefix="a-", user_event_prefix="b-")
    assert [topic.name for topic in every(topics)] == [
        *("a-invoker0", "a-invoker1", "a-completed0", "a-completed1"),
        *("a-health", "a-health", "a-cacheInvalidation", "a-cacheInvalidation", "b-events"),
    ]
    assert [topic.group for topic in every(topics)] == [
        *("a-invoker0", "a-invoker1", "a-completed0", "a-completed1", "a-health0", "a-health1"),
        *("a-cacheInvalidationcontroller0", "a-cacheInvalidationcontroller1", "kamon"),
    ]


def test_whoever_only_sends_needs_no_group() -> None:
    assert (Topics().health().group, Topics().cache_invalidation().group) == (None, None)
