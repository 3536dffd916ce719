"""An invoker that can be told to take no work: by its HTTP server, or by the operator of the cluster for its host.

It tells controllers with its pings and everybody with its heartbeat. (OpenWhisk, DefaultInvokerServer.scala.)
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from attrs import evolve, frozen
from thespian.actors import ActorAddress

from owactors.actor.clustersetup import ClusterSettings
from owactors.actor.hostbeat import BeatNow, BeatSetup, HostBeat
from owactors.actor.invoker import PING, TimerFired
from owactors.actor.io import on
from owactors.actor.linesender import LineSender, LineSenderSetup
from owactors.actor.localinvoker import LocalInvoker
from owactors.core.livelogs.wishes import LogWishes
from owactors.message.health import PingMessage
from owactors.message.host import HostIdentity, Wanted
from owactors.message.livelogs import ControllerFollows, FollowLogs
from owactors.message.node import RoleReplaced
from owactors.message.topic import Write
from owactors.store.clusterhosts import DOCUMENT, follows_of, holder_of, take_place, wanted_of

#: seconds between two looks for what the operator wants
LOOK_SECONDS = 2.0
#: with nothing under way for so long, and no work wanted, it is drained: what was on its way has arrived
QUIET_SECONDS = 2.0
REPLACED = (
    "{} was started on host {}, too, and has its place there. This one ends; give one of them another number (--id) or "
    "name."
)


@frozen
class _Look:
    """To self: what does the operator want?"""


@frozen
class _Wished:
    """To self: this, who has this invoker's number, and who follows lines; None if the store does not answer."""

    wanted: Wanted | None = None
    holder: HostIdentity | None = None
    follows: Mapping[str, ControllerFollows] | None = None


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
        self._registered = False
        #: who has this one's place
        self._replaced: HostIdentity | None = None
        self._log_wishes = LogWishes()
        self._line_sender: ActorAddress | None = None

    def _write(self, write: Write) -> None:
        self.tell(self._writer, write)

    def begin_heartbeat(self, port: int, invoke: str = "") -> None:
        """Everybody hears of this role; `port` is where its HTTP server is, `invoke` where that takes activations."""
        host = f"{getattr(self._wanted, 'host', '')}:{port}"
        self._beat = self.create(HostBeat)
        cluster = self._cluster
        about = BeatSetup(self._writer, cluster.topics, cluster.host, self._role(), self._how, host, invoke)
        self.tell(self._beat, about)
        self._look(_Look(), self.myAddress)

    def beat_now(self) -> None:
        """Something changed."""
        if self._beat is not None:
            self.tell(self._beat, BeatNow())

    # -- what the operator wants

    @on(_Look)
    def _look(self, message: _Look, sender: ActorAddress) -> None:
        self.start_timer("look", LOOK_SECONDS, message)
        self.spawn(self.look_up(), done=_same, failed=lambda _: _Wished(), name="wish")

    async def look_up(self) -> _Wished:
        """What the store says of this host and role. StoreError."""
        host, role = self._cluster.host, str(self._role())
        if not self._registered:
            await take_place(self.store, role, host)
            self._registered = True
        document = await self.store.get(DOCUMENT)
        return _Wished(wanted_of(document, host.name), holder_of(document, role), follows_of(document))

    def _role(self) -> str:
        return f"invoker{self._needed().instance.instance}"

    def holds_its_place(self, found: _Wished) -> bool:
        """Whether no other host has this one's number."""
        return found.holder is None or found.holder == self._cluster.host

    @on(_Wished)
    def _wished(self, message: _Wished, sender: ActorAddress) -> None:
        if not self.holds_its_place(message):
            self._be_replaced(message.holder)
            return
        self._let_follow(message.follows)
        wanted = message.wanted or self._wanted_here or Wanted.ENABLED
        if wanted is self._wanted_here:
            return
        before, self._wanted_here = self._wanted_here, wanted
        if before is not None or wanted is not Wanted.ENABLED:
            self.log.warning("the operator wants this host %s", wanted.value)
        self._say_whether()

    def _let_follow(self, controllers: Mapping[str, ControllerFollows] | None) -> None:
        """Clients of these controllers are told what activations here print."""
        orders = [] if controllers is None else self._log_wishes.handle(controllers, time.monotonic())
        if orders and self._line_sender is None:
            self._line_sender = self.create(LineSender)
            self.tell(self._line_sender, LineSenderSetup(self._cluster.messaging, self._cluster.topics))
        for order in orders:
            self.tell(self._line_sender, order)
            self.follow_logs(evolve(order, to=self._line_sender) if isinstance(order, FollowLogs) else order)

    def _be_replaced(self, by: HostIdentity | None) -> None:
        """Another host has this one's number, and its work from now on: what runs here is finished, then it ends."""
        if self._replaced is None and by is not None:
            self._replaced = by
            self.cancel_timer(PING)
            self.cancel_timer("look")
            self.beat_now()
            self.tell(self._supervisor, RoleReplaced(REPLACED.format(self._role(), by.name)))

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
        if self._replaced is not None:
            return "replaced"
        if self._stopping:
            return "stopped" if self._closing else "stopping"
        if self._wanted_here is Wanted.DRAINED:
            quiet = self._quiet_since is not None and time.monotonic() - self._quiet_since >= QUIET_SECONDS
            return "drained" if quiet else "draining"
        return "enabled" if self._takes_more() else "disabled"

    # -- pings

    @on(PingMessage)
    def ping(self, message: PingMessage, sender: ActorAddress) -> None:
        if self._wanted_here is not None and self._replaced is None:
            self._ping(message.is_enabled and self._takes_more())

    def _ping(self, enabled: bool) -> None:
        ping = PingMessage(self._needed().instance, enabled)
        self._write(Write(self._cluster.topics.health().name, ping.to_json(), "a ping"))

    def _say_whether(self) -> None:
        """Each second pings say whether work is wanted; the HTTP server's `disable` ends them, as with OpenWhisk."""
        if self._replaced is not None:
            return  # its pings would count for the other one
        if self._enabled:
            self._timer_fired(TimerFired(PING), self.myAddress)
        else:
            self.cancel_timer(PING)
        if not self._takes_more():
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


def _same(found: _Wished) -> _Wished:
    return found
