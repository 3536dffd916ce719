"""What the roles of a cluster are started with, beyond what those of a single node are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from owactors.actor.controllersetup import ControllerSetup
from owactors.actor.invokersetup import InvokerSetup
from owactors.actor.store import OpenStore
from owactors.connector.topics import Topics
from owactors.core.loadbalancer.outbox import OutboxSettings
from owactors.message.host import HostIdentity
from owactors.message.node import StoreKeeper


@frozen(kw_only=True)
class ClusterSettings:
    """What all roles share. `messaging` are the settings of the broker, from which each process makes its provider.

    `memory_min` in MB, `time_max` in ms: the bounds of actions' limits. `accepted_once`: see `JournalingConsumer`.
    """

    messaging: Any
    topics: Topics = Topics()
    managed_fraction: float = 0.9
    blackbox_fraction: float = 0.1
    health_kind: str = "nodejs:default"
    memory_min: int = 128
    time_max: int = 300_000
    user_events: bool = False
    accepted_once: bool = True
    #: what was accepted waits in a controller while the broker is away
    outbox: OutboxSettings = OutboxSettings()
    #: where controllers reach the HTTP server of the invoker in this process, and how many calls may wait there
    http_host: str = "127.0.0.1"
    http_queue: int = 256
    host: HostIdentity = HostIdentity()


@frozen(eq=False, kw_only=True)
class ClusterControllerSetup(ControllerSetup):
    """The first message to a controller of a cluster.

    `shared` is what a host learns that joins (see `ClusterFacts`); `operators_key` opens the operator's routes from
    other hosts, "" where the cluster has no secret. `keeper` has the documents, if it is another one.
    `convention` is where other hosts reach the admin of this one's actor system, "" if they do not.
    """

    cluster: ClusterSettings
    keeper: StoreKeeper | None = None
    convention: str = ""
    shared: Mapping[str, Any] = field(factory=dict, repr=False)
    operators_key: str = field(default="", repr=False)


@frozen(eq=False, kw_only=True)
class ClusterInvokerSetup(InvokerSetup):
    """The first message to an invoker of a cluster. It listens on `host` and `port`.

    It opens `open_store` itself, unless `store` is the actor that has the store open. `journal` is the file that
    remembers what it has taken.
    """

    cluster: ClusterSettings
    open_store: OpenStore
    host: str
    port: int
    journal: str
    username: str = "invoker.user"
    password: str = field(default="invoker.pass", repr=False)
