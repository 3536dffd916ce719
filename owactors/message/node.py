"""What the roles of a node say to the supervisor that starts and watches them, and it to the outside."""

from __future__ import annotations

from typing import Any

from attrs import field, frozen

from owactors.message.host import HostIdentity


@frozen(eq=False)
class StartNode:
    """To the supervisor: start these roles. NodeUp or NodeFailed comes back.

    `controller` and `invoker` are the first messages of the two roles (`ControllerSetup`, `InvokerOrder`).
    """

    controller: Any
    invoker: Any
    drain_timeout: float = 3.0
    #: what the actor base is told of the controller's process
    requirements: dict[str, Any] = field(factory=dict)


@frozen(eq=False)
class StartRole:
    """To the supervisor of one role: start `controller` or `invoker` with its first message. NodeUp or NodeFailed."""

    role: str
    setup: Any
    drain_timeout: float = 3.0
    #: what the actor base is told of the role's process
    requirements: dict[str, Any] = field(factory=dict)


@frozen
class NodeUp:
    """The node serves on `port`; `report` are sentences about what holds functions back; `name` is an invoker's."""

    port: int
    report: tuple[str, ...] = ()
    name: str = ""


@frozen
class NodeFailed:
    """The node cannot start: why, and what to do."""

    reason: str


@frozen
class GetNodeStatus:
    """To the supervisor: are you there? NodeStatus comes back."""


@frozen
class NodeStatus:
    """How often each role was started again since the start. `ended`: for good, all of them, and why."""

    restarts: dict[str, int] = field(factory=dict, hash=False)
    ended: str = ""


@frozen
class StopNode:
    """To the supervisor: finish what runs, then stop. NodeStopped comes back."""


@frozen
class NodeStopped:
    """All roles have ended."""


@frozen
class ControllerUp:
    """From a controller: it serves on `port`. `balancer` takes acknowledgements, `store` records and questions."""

    port: int
    balancer: Any
    store: Any


@frozen
class RoleFailed:
    """From a role: it cannot start, and why. It stops by itself."""

    reason: str


@frozen
class RoleReplaced:
    """From a role: another one has its place, and why. It is to finish what runs and then to end for good."""

    reason: str


@frozen
class InvokerReady:
    """From an invoker: it takes work. `report` says what holds functions back here, a sentence each.

    `port` is that of its HTTP server, 0 if it has none.
    """

    instance: int
    report: tuple[str, ...] = ()
    port: int = 0


@frozen
class StopRole:
    """To a role: take no more work, finish what runs within `seconds`, leave nothing behind. RoleStopped comes back."""

    seconds: float


@frozen
class RoleStopped:
    """Nothing runs any more, or time is up: `left` says how many activations were given up."""

    left: int = 0


@frozen
class StoreKeeper:
    """The actor that has the store of a cluster open, and the id of its controller."""

    store: Any
    controller: str


@frozen
class AskCluster:
    """To a controller: what does a host need to know that joins? ClusterFacts comes back.

    `name` is the host's lasting name, `node` the mark of its data folder. With `invoker` it gets its number. `roles`
    are the kinds of those that it is to have: another data folder may have others under the same name.
    To a supervisor: ask one of these `entrances`, for at most `seconds`; ClusterFacts or NodeFailed comes back.
    """

    name: str
    node: str
    invoker: bool = False
    roles: tuple[str, ...] = ("controller", "invoker")
    entrances: tuple[Any, ...] = ()
    shown: str = ""
    seconds: float = 20.0


@frozen
class AskConvention:
    """To a controller, from a host that joined it: where is the admin of its actor system? ConventionAt comes back."""


@frozen
class ConventionAt:
    """`at` is its host:port, "" if it takes no part in a convention."""

    at: str


@frozen
class JoinConvention:
    """To a supervisor: let this host's actor system be one of the convention of the controller at these `entrances`.

    The system shows itself there as `host`. Joined comes back at once; it goes on by itself.
    """

    entrances: tuple[Any, ...]
    host: HostIdentity


@frozen
class Joined:
    """It will be tried."""


@frozen(eq=False)
class ClusterFacts:
    """Settings that all hosts share, "section.key" to what one writes in a settings file.

    `keeper` has the store open, None if each host reaches it by itself; `invoker` is the number of the host's invoker.
    `refused` says why the host cannot join.
    """

    shared: dict[str, Any] = field(factory=dict, repr=False)
    keeper: StoreKeeper | None = None
    invoker: int = -1
    refused: str = ""
