"""How a controller learns what running activations print, for clients that follow them."""

from __future__ import annotations

from typing import Any

from attrs import frozen


@frozen
class FollowLogs:
    """To an invoker: tell what activations of this namespace print from now on, and have printed if they run already.

    Of one action (`action` or `package/action`) only if it is named. PrintedLines with the number of the `follower`
    come to the sender until UnfollowLogs; `to` is filled in by the invoker.
    """

    follower: int
    namespace: str
    action: str | None = None
    to: Any = None


@frozen
class UnfollowLogs:
    """To an invoker: this follower has left."""

    follower: int


@frozen
class PrintedLine:
    """A log line as in a record, before there is one. `name` is the action's, with its package."""

    activation_id: str
    name: str
    text: str


@frozen
class PrintedLines:
    """The lines for one follower; of each activation in their order."""

    follower: int
    lines: tuple[PrintedLine, ...]
