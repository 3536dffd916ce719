"""What becomes of the activations that an invoker had when it fell silent. Decisions only; ids are activation ids.

Those that still waited on its topic were claimed there by a controller: nobody else can run them, so they run
elsewhere. All others may have run.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from attrs import frozen


@frozen
class Waited:
    """An activation that was claimed: `controller` is the id of the one that sent it."""

    activation_id: str
    controller: str


@frozen
class SendElsewhere:
    """It is this controller's own, and it still waits for it."""

    activation_id: str


@frozen
class GiveBack:
    """The controller that sent it is there and decides."""

    activation_id: str
    controller: str


@frozen
class SendForAnother:
    """The controller that sent it does not hear us: it goes to another invoker, which answers to it."""

    activation_id: str


@frozen
class Drop:
    """Nobody waits for it any more: it has ended, with a record."""

    activation_id: str


HandOver = SendElsewhere | GiveBack | SendForAnother | Drop


def handed_over(
    own: str, members: Collection[str], under_way: Collection[str], waited: Iterable[Waited]
) -> list[HandOver]:
    """For each one that was claimed, in order. `under_way`: of this controller, on the silent invoker."""
    return [_one(own, members, under_way, each) for each in waited]


def _one(own: str, members: Collection[str], under_way: Collection[str], waited: Waited) -> HandOver:
    key = waited.activation_id
    if waited.controller == own:
        return SendElsewhere(key) if key in under_way else Drop(key)
    return GiveBack(key, waited.controller) if waited.controller in members else SendForAnother(key)


def claims(own: str, members: Collection[str], *, shared_topic: bool) -> bool:
    """Whether this controller claims what waits: of a topic that all controllers write to, only the first one does."""
    return not shared_topic or own == min({own, *members})
