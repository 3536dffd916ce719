"""The transport of one process: its loop, its mailbox, its connections. What Thespian calls a transport.

One process hosts any number of actors (manager.py), or Thespian's admin, or an external caller.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from time import monotonic
from typing import Any, Protocol

from thespian.actors import ActorAddress, ChildActorExited, DeadEnvelope
from thespian.system.addressManager import CannotPickleAddress
from thespian.system.transport import (
    ReceiveEnvelope,
    SendStatus,
    Thespian__UpdateWork,
    TransmitIntent,
    TransmitOnly,
)

from owactors.actorbase.addresses import Address, Place, address, number_of
from owactors.actorbase.answering import Answering
from owactors.actorbase.counters import COUNTERS
from owactors.actorbase.incoming import Incoming
from owactors.actorbase.letters import IntentLetter, Letter, is_exempt
from owactors.actorbase.limits import BATCH_WITHIN, DISPATCH_BATCH, MAX_UNACKED_FRAMES, PAUSE_FRAMES
from owactors.actorbase.outgoing import Peer
from owactors.actorbase.protocol import pack_letter
from owactors.actorbase.running import RETURN_FIRST
from owactors.actorbase.site import Site
from owactors.actorbase.slowness import SlowWatch
from owactors.actorbase.sockets import Listening
from owactors.actorbase.thespianside import ThespianSide

Mail = tuple[int, ActorAddress, Any, Incoming | None, int]


class LocalActor(Protocol):
    """An actor of this process."""

    def take(self, message: Any, sender: ActorAddress) -> bool:
        """Handle a message; False when the actor has ended."""


class ProcessTransport(ThespianSide, Answering):
    """Everything of one process that has to do with messages."""

    def __init__(self, site: Site, listening: Listening | None = None, external: bool = False) -> None:
        super().__init__(site.key, listening or site.listen(), site.tls)
        self.site, self.folder, self.external = site, site.folder, external
        self.port = self.listening.port
        self.myAddress: Address = address(site.host, self.port)
        self.name: tuple[str, int] = self.myAddress.addressDetails.sockname
        self._adminAddr = site.admin
        self.actors: dict[int, LocalActor] = {}
        self.mailbox: deque[Mail] = deque()
        self.peers: dict[tuple[str, int], Peer] = {}
        self.closed = False
        self.slow_watch: SlowWatch | None = None
        self._dirty: list[Peer] = []
        self._kicked = self._dispatching = False
        self._next_number = secrets.randbits(48)

    def new_number(self) -> int:
        """For a new actor of this process; starts at random, so that an old address reaches nobody."""
        self._next_number += 1
        return self._next_number

    # -- the mailbox

    def arrived(self, target: int, sender: ActorAddress, message: Any, via: Incoming, size: int) -> None:
        self.mailbox.append((target, sender, message, via, size))

    def deliver(self, number: int, sender: ActorAddress, message: Any) -> None:
        """Put a message into the mailbox of an actor of this process, as it is."""
        self.mailbox.append((number, sender, message, None, 0))
        if not self._kicked and not self._dispatching:
            self.kick()

    def admits(self, message: Any) -> bool:
        """A message between actors of this process may still be put into the mailbox."""
        if len(self.mailbox) < MAX_UNACKED_FRAMES or is_exempt(message):
            return True
        COUNTERS.letters_returned += 1
        return False

    def kick(self) -> None:
        """See to it that the mailbox is looked at in the next turn of the loop."""
        if not self._kicked and self.mailbox and self.handler not in (None, TransmitOnly):
            self._kicked = True
            self.loop.call_soon(self._kick_dispatch)

    def _kick_dispatch(self) -> None:
        self._kicked = False
        self.dispatch()

    def dispatch(self) -> None:
        """Handle a batch of messages, then send what they caused."""
        if self._dispatching:
            return
        mailbox = self.mailbox
        self._dispatching = True
        watch = self.slow_watch
        if watch is not None:
            watch.start()
        try:
            until = monotonic() + BATCH_WITHIN
            for _ in range(DISPATCH_BATCH):
                if not mailbox or self.handler is None or self.handler is TransmitOnly:
                    break
                number, sender, message, via, size = mailbox.popleft()
                if via is not None:
                    via.taken(size)
                self._hand_over(number, sender, message)
                if monotonic() > until:
                    break
        except BaseException as failure:
            self.give_up(failure)
        finally:
            self._dispatching = False
            if watch is not None:
                watch.stop()
        if self._dirty:
            self._flush_dirty()
        if mailbox:
            self.kick()

    def _hand_over(self, number: int, sender: ActorAddress, message: Any) -> None:
        actor = self.actors.get(number)
        if actor is not None:
            if not actor.take(message, sender):
                self.ended(number)
        elif number or self.actors:
            self.nobody(number, message)
        elif self.handler is RETURN_FIRST:
            self.finish(ReceiveEnvelope(sender, message))
        else:
            self.handled(self.handler(ReceiveEnvelope(sender, message)))

    def ended(self, number: int) -> None:
        """An actor has ended; the process ends with its first one."""
        if number:
            self.actors.pop(number, None)
        else:
            self.handled(False)

    def nobody(self, number: int, message: Any) -> None:
        """A message for an actor that is gone."""
        if isinstance(message, (DeadEnvelope, ChildActorExited)):
            return
        target = Address(self.myAddress.addressDetails.in_process(number))
        self.scheduleTransmit(None, TransmitIntent(self._adminAddr, DeadEnvelope(target, message)))

    # -- sending

    def is_here(self, place: Any) -> bool:
        """The address is one of this process."""
        name = place.sockname
        return name == self.name or (name[1] == self.port and bool(place.isLocalAddr()))

    def submit(self, place: Any, letter: Letter) -> None:
        """Send to another process; only in the loop's thread."""
        name = place.sockname
        peer = self.peers.get(name)
        if peer is None:
            peer = self.peers[name] = Peer(self, Address(Place(*name)))
        peer.submit(letter)

    async def room(self, target: ActorAddress) -> None:
        """Wait until not much waits on the way to this actor; only in the loop."""
        place = target.addressDetails
        if type(place) is not Place:
            return
        if self.is_here(place):
            while len(self.mailbox) > PAUSE_FRAMES:
                await asyncio.sleep(0)
        elif (peer := self.peers.get(place.sockname)) is not None:
            await peer.queue.room()

    def hurry(self) -> None:
        for peer in list(self.peers.values()):
            peer.hurry()

    def mark_dirty(self, peer: Peer) -> None:
        """This peer has something to write: at the end of the batch, or in the next turn of the loop."""
        if peer.dirty:
            return
        peer.dirty = True
        if not self._dirty and not self._dispatching:
            self.loop.call_soon(self._flush_dirty)
        self._dirty.append(peer)

    def _flush_dirty(self) -> None:
        dirty, self._dirty = self._dirty, []
        for peer in dirty:
            peer.flush()

    def scheduleTransmit(
        self, address_manager: Any, intent: Any, has_exclusive_flag: bool = False, sender: int = 0
    ) -> None:
        """Thespian's way to send. Raises what pickle raises, CannotPickleAddress for a child not yet known."""
        if not self._resolve(address_manager, intent):
            return
        place = intent.targetAddr.addressDetails
        if self.is_here(place):
            self.in_loop(self._send_here, intent, sender)
        else:
            frame = pack_letter(number_of(intent.targetAddr), sender, intent.message)
            self.in_loop(self.submit, place, IntentLetter(intent, frame))

    def _send_here(self, intent: Any, sender: int) -> None:
        number = number_of(intent.targetAddr)
        if number and number not in self.actors:
            intent.tx_done(SendStatus.DeadTarget)
            return
        own = self.myAddress if not sender else Address(self.myAddress.addressDetails.in_process(sender))
        self.deliver(number, own, intent.message)
        intent.tx_done(SendStatus.Sent)

    @staticmethod
    def _resolve(address_manager: Any, intent: Any) -> bool:
        """Make the target usable; False when there is nothing to send."""
        if address_manager:
            target, message = address_manager.prepMessageSend(intent.targetAddr, intent.message)
            if isinstance(message, SendStatus.BASE):
                intent.tx_done(SendStatus.Sent)
                return False
            if not target:
                raise CannotPickleAddress(intent.targetAddr)
            intent.changeTargetAddr(target)
            intent.changeMessage(message)
        if isinstance(intent.message, Thespian__UpdateWork):
            intent.tx_done(SendStatus.Sent)
            return False
        return True

    def deadAddress(self, address_manager: Any, dead: ActorAddress) -> None:
        """A child is gone; if it was the first of its process, so is the process."""
        place = dead.addressDetails
        peer = self.peers.get(getattr(place, "sockname", ("", 0)))
        if peer is not None and not number_of(dead):
            peer.fail(SendStatus.DeadTarget)

    def lostRemote(self, remote: ActorAddress) -> None:
        """The admin lost another system: drop what waits for it."""
        place = remote.addressDetails
        for peer in list(self.peers.values()):
            same = peer.name == place.sockname if place.isLocalAddr() else place.isSameSystem(peer.address)
            if same:
                peer.fail(SendStatus.Failed)

    # -- what else Thespian asks of a transport

    def pending(self) -> bool:
        return any(not peer.idle() for peer in self.peers.values())

    def unsettled(self) -> int:
        """Letters that were not taken yet."""
        return sum(len(peer.queue) for peer in self.peers.values())

    def give_up_letters(self) -> None:
        """The process ends: nobody waits for them any longer."""
        for peer in list(self.peers.values()):
            peer.fail(SendStatus.Failed)

    def flush_all(self) -> None:
        """Nothing that was handled or sent in this run may wait for the next one."""
        self.acknowledge_all()
        self._flush_dirty()

    # -- ending

    def close(self) -> None:
        """Give everything back; pending letters fail."""
        if self.closed:
            return
        self.flush_all()
        self.closed = True
        self.give_up_letters()
        self.close_incoming()
        for sock in self.listening.sockets():
            self.loop.remove_reader(sock.fileno())
        self.listening.close()
        if not self.loop.is_running():
            self.loop.close()
