"""An invoker that can be told to take no work: by its HTTP server, or by the operator of the cluster for its host.

It tells controllers with its pings and everybody with its heartbeat. (OpenWhisk, DefaultInvokerServer.scala.)
"""

from __future__ import annotations

import time

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.clustersetup import ClusterSettings
from owactors.actor.hostbeat import BeatNow, BeatSetup, HostBeat
from owactors.actor.invoker import PING, TimerFired
from owactors.actor.io import on
from owactors.actor.localinvoker import LocalInvoker
from owactors.message.health import PingMessage
from owactors.message.host import Wanted
from owactors.message.store import NoDocument
from owactors.message.topic import Write
from owactors.store.hostorders import DOCUMENT, wanted_of

#: seconds between two looks for what the operator wants
LOOK_SECONDS = 2.0
#: with nothing under way for so long, and no work wanted, it is drained: what was on its way has arrived
QUIET_SECONDS = 2.0


@frozen
class _Look:
    """To self: what does the operator want?"""


@frozen
class _Wished:
    """To self: this; None if the store does not answer."""

    wanted: Wanted | None


class SwitchedInvoker(LocalInvoker):
    """See the module's text. Whoever extends it has `_cluster` and `_writer` before it takes work."""

    _cluster: ClusterSettings
    _writer: ActorAddress
    _beat: ActorAddress | None = None

    def __init__(self) -> None:
        super().__init__()
        self._enabled = True
        #: of the operator for this host; None: not known yet, and until then nobody hears of this invoker
        self._wanted_here: Wanted | None = None
        self._quiet_since: float | None = None
        self._stopping = False

    def _write(self, write: Write) -> None:
        self.tell(self._writer, write)

    def begin_heartbeat(self, port: int, invoke: str = "") -> None:
        """Everybody hears of this role; `port` is where its HTTP server is, `invoke` where that takes activations."""
        setup, instance = self._wanted, self._needed().instance
        host = f"{getattr(setup, 'host', '')}:{port}"
        self._beat = self.create(HostBeat)
        role = f"invoker{instance.instance}"
        self.tell(
            self._beat,
            BeatSetup(self._writer, self._cluster.topics, self._cluster.host, role, self._how, host, invoke),
        )
        self._look(_Look(), self.myAddress)

    def beat_now(self) -> None:
        """Something changed."""
        if self._beat is not None:
            self.tell(self._beat, BeatNow())

    # -- what the operator wants

    @on(_Look)
    def _look(self, message: _Look, sender: ActorAddress) -> None:
        self.start_timer("look", LOOK_SECONDS, message)
        self.spawn(self._read_wish(), done=_Wished, failed=lambda _: _Wished(None), name="wish")

    async def _read_wish(self) -> Wanted:
        try:
            return wanted_of(await self.store.get(DOCUMENT), self._cluster.host.name)
        except NoDocument:
            return Wanted.ENABLED

    @on(_Wished)
    def _wished(self, message: _Wished, sender: ActorAddress) -> None:
        wanted = message.wanted or self._wanted_here or Wanted.ENABLED
        if wanted is self._wanted_here:
            return
        before, self._wanted_here = self._wanted_here, wanted
        if before is not None or wanted is not Wanted.ENABLED:
            self.log.warning("the operator wants this host %s", wanted.value)
        self._say_whether()

    def _takes_more(self) -> bool:
        return self._enabled and self._wanted_here is Wanted.ENABLED and not self._stopping

    def _how(self) -> tuple[str, int]:
        """State and load for the heartbeat."""
        load = len(self._under_way)
        if load or self._takes_more():
            self._quiet_since = None
        elif self._quiet_since is None:
            self._quiet_since = time.monotonic()
        return self._state(), load

    def _state(self) -> str:
        if self._stopping:
            return "stopped" if self._closing else "stopping"
        if self._wanted_here is Wanted.DRAINED:
            quiet = self._quiet_since is not None and time.monotonic() - self._quiet_since >= QUIET_SECONDS
            return "drained" if quiet else "draining"
        return "enabled" if self._takes_more() else "disabled"

    # -- pings

    @on(PingMessage)
    def ping(self, message: PingMessage, sender: ActorAddress) -> None:
        if self._wanted_here is not None:
            self._ping(message.is_enabled and self._takes_more())

    def _ping(self, enabled: bool) -> None:
        ping = PingMessage(self._needed().instance, enabled)
        self._write(Write(self._cluster.topics.health().name, ping.to_json(), "a ping"))

    def _say_whether(self) -> None:
        """Work is wanted: pings begin again. It is not: a last ping says so."""
        if self._takes_more():
            self._timer_fired(TimerFired(PING), self.myAddress)
        else:
            self.cancel_timer(PING)
            self._ping(False)
        self.beat_now()

    # -- what the HTTP server asks (owactors.rest.invokerserver.InvokerControl)

    def enable(self) -> str:
        """Pings say again that work is wanted, unless the operator of the cluster wants none here."""
        instance, was = self._needed().instance, self._enabled
        self._enabled = True
        if was:
            return f"{instance} is already enabled."
        self.into_turn(self._say_whether)
        return f"{instance} is now enabled."

    def disable(self) -> str:
        """A last ping says that no work is wanted; what comes all the same is run."""
        instance, was = self._needed().instance, self._enabled
        self._enabled = False
        self.into_turn(self._say_whether)
        return f"{instance} is now disabled." if was else f"{instance} is already disabled."

    def is_enabled(self) -> bool:
        """As the port says."""
        return self._takes_more()

    def take_no_more(self) -> None:
        """For good: the role ends."""
        self._stopping = True
        self._say_whether()
