"""What the pool knows of one container, and the containers that can serve the same activations."""

from __future__ import annotations

from enum import Enum

from attrs import define, field

from owactors.entity.action import WhiskAction
from owactors.message.container import Run


class Stage(Enum):
    """Where a container is in its life, as the pool sees it."""

    STARTING = "starting"  # a prewarm that is being made
    PREWARMED = "prewarmed"
    WARMING_COLD = "warmingCold"  # being made for an activation
    WARMING = "warming"  # a prewarm that was given to an action
    WARMED = "warmed"
    REMOVING = "removing"  # it goes; its memory is still taken
    GONE = "gone"  # memory is free; activations on their way to it have not come back yet

    # Enum's own hash runs in Python; these are keys on the hot path.
    __hash__ = object.__hash__


#: Stages in which a container may serve activations of its group.
SERVING = frozenset({Stage.WARMING_COLD, Stage.WARMING, Stage.WARMED})

#: Namespace that invokes, namespace (and package) of the action, name of the action.
GroupKey = tuple[str, str, str]


def group_key(run: Run) -> GroupKey:
    """What narrows an activation down to a few groups."""
    action = run.action
    return (run.msg.user.namespace.name, action.namespace, action.name)


def same_action(one: WhiskAction, other: WhiskAction) -> bool:
    """True if a container made for the one can serve the other: equal in all but the document's revision."""
    if one is other:
        return True
    if not one.revision.empty and one.revision == other.revision and one.doc_id == other.doc_id:
        return True
    return _substance(one) == _substance(other)


def _substance(action: WhiskAction) -> tuple[object, ...]:
    return (
        action.namespace,
        action.name,
        action.version,
        action.limits,
        action.publish,
        action.annotations,
        action.parameters,
        action.exec,
    )


@define(eq=False)
class Group:
    """Containers of one action in one invocation namespace; `open` are those with room, by stage.

    The container that got room last is taken first, so that surplus ones grow old.
    """

    key: GroupKey
    action: WhiskAction
    function: str
    members: int = 0
    open: dict[Stage, dict[int, Entry]] = field(
        factory=lambda: {Stage.WARMED: {}, Stage.WARMING: {}, Stage.WARMING_COLD: {}}
    )

    def take(self) -> Entry | None:
        """Take out a container with room: warm before warming before cold."""
        for entries in self.open.values():
            if entries:
                return entries.popitem()[1]
        return None


@define(eq=False)
class Entry:
    """One container in the books. `jobs` are its activations by id, in the order in which they were sent.

    `resized`: it was prewarmed with another amount of memory than it has now.
    """

    number: int
    memory: int
    stage: Stage
    kind: str
    group: Group | None = None
    expires: float | None = None
    jobs: dict[str, Run] = field(factory=dict)
    last_used: float = 0.0
    resized: bool = False

    @property
    def has_capacity(self) -> bool:
        """True while fewer activations are inside than its action allows."""
        return self.group is not None and len(self.jobs) < self.group.action.limits.concurrency

    @property
    def is_idle(self) -> bool:
        """True if it is warm and nothing runs in it: it may be evicted."""
        return self.stage is Stage.WARMED and not self.jobs
