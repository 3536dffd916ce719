"""What an invoker is started with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from owactors.actor.messagefeed import FeedConsumer
from owactors.core.containerpool.settings import PoolSettings
from owactors.core.storepolicy import StorePolicy
from owactors.entity.instance import InvokerInstanceId
from owactors.entity.limits import LimitBounds
from owactors.entity.manifest import ExecManifest
from owactors.message.container import ProxySettings


@frozen(eq=False)
class InvokerSetup:
    """The first message to an invoker.

    `store` is the store actor. Acknowledgements go to `acks[controller id]`, else to `controller`. `factory` is a
    container factory by reference; without one each process builds its own from `factory_settings`. With `consumer`
    (of this process) messages are fetched from a broker; they may be sent as ActivationMessage as well. `health`
    gets a PingMessage every `ping_interval` seconds. `colocate` False: pool here, a process for each proxy.
    """

    instance: InvokerInstanceId
    pool: PoolSettings
    proxies: ProxySettings
    manifest: ExecManifest
    store: Any
    controller: Any = None
    acks: Mapping[str, Any] = field(factory=dict)
    bounds: LimitBounds = LimitBounds()
    policy: StorePolicy = StorePolicy()
    factory: Any = None
    factory_settings: Any = None
    colocate: bool = True
    consumer: FeedConsumer | None = None
    #: messages that the feed keeps at hand; None: as many as the feed's own rule says
    feed_ahead: int | None = None
    health: Any = None
    ping_interval: float = 1.0
    blacklist_interval: float = 300.0
    #: seconds between two looks for containers that nobody knows
    sweep_interval: float = 60.0
