"""IoActor, the base class of our actors: typed handlers, coroutines beside the actor, named timers, stash.

    class Greeter(IoActor):
        @on(Greet)
        def greet(self, message: Greet, sender: ActorAddress) -> None:
            self.spawn(fetch(message.name), done=Fetched, failed=FetchFailed)

        @on(Fetched)
        def fetched(self, message: Fetched, sender: ActorAddress) -> None: ...

Handlers are plain functions that never wait. On our base they run inside the process's asyncio loop.
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, ClassVar, TypeVar

from attrs import define, frozen
from thespian.actors import (
    Actor,
    ActorAddress,
    ActorExitRequest,
    ChildActorExited,
    WakeupMessage,
    WatchMessage,
)

from owactors.actor.beside import Cancellable, Engine, engine_for

STORY = 32
COLOCATE = "colocate"
Result = TypeVar("Result")
Method = TypeVar("Method", bound=Callable[..., None])


@frozen
class Failed:
    """A spawned coroutine raised `cause` and no `failed` was given."""

    cause: BaseException


class StashOverflow(Exception):
    """More messages were stashed than the actor's stash_limit."""


def on(*kinds: type) -> Callable[[Method], Method]:
    """Mark a method `(self, message, sender)` as handler of these message classes and their subclasses."""

    def mark(method: Method) -> Method:
        if inspect.iscoroutinefunction(method):
            raise TypeError(f"handler {method.__qualname__} must not be a coroutine: spawn one instead")
        method.__handles__ = kinds  # type: ignore[attr-defined]
        return method

    return mark


@define(eq=False)
class Spawned:
    """Handle of a coroutine that runs beside the actor."""

    name: str
    _all: set[Spawned]
    _work: Cancellable | None = None
    running: bool = True

    def cancel(self) -> None:
        """Stop the coroutine; neither `done` nor `failed` will come."""
        if self.running and self._work is not None:
            self.ended()
            self._work.cancel()

    def ended(self) -> None:
        self.running = False
        self._all.discard(self)


class IoActor(Actor):  # type: ignore[misc]
    """An actor whose I/O runs beside it and comes back as messages to itself; see the module's text.

    Hooks to override: on_exit, on_child_exited, on_failure. A subclass's __init__ calls super().__init__().
    """

    stash_limit: ClassVar[int] = 10_000
    _names: ClassVar[dict[type, str]] = {}
    _methods: ClassVar[dict[type, Callable[..., None]]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._names, cls._methods = _handlers_of(cls), {}

    def __init__(self) -> None:
        super().__init__()
        self._engine: Engine | None = None
        self._story: deque[type | str] = deque(maxlen=STORY)
        self._current: tuple[Any, ActorAddress] | None = None
        self._stashed: deque[tuple[Any, ActorAddress]] = deque()
        self._front: deque[tuple[Any, ActorAddress]] = deque()
        self._timers: dict[str, Cancellable] = {}
        self._spawned: set[Spawned] = set()
        self._children: list[ActorAddress] = []
        self._exited = False

    # -- for subclasses: talking

    def tell(self, address: ActorAddress, message: object) -> None:
        """Send a message; never raises for a dead target."""
        self._myRef.actor_send(address, message)

    async def room(self, address: ActorAddress) -> None:
        """Wait until there is room for more messages to this address: for coroutines that send a lot.

        A stalled peer makes the coroutine wait; a dead one does not. On stock bases there is always room.
        """
        await self._ready().room(address)

    def create(
        self, cls: type[Actor], *, colocate: bool = True, requirements: Mapping[str, Any] | None = None
    ) -> ActorAddress:
        """Create a child, in this process (colocate, where the base can) or in one of its own."""
        wanted = dict(requirements or {})
        if colocate:
            wanted[COLOCATE] = True
        address = self.createActor(cls, wanted or None)
        self._children.append(address)
        return address

    def stop(self) -> None:
        """Exit after the messages that are already in the mailbox; children first."""
        self.tell(self.myAddress, ActorExitRequest())

    # -- for subclasses: beside the actor

    def spawn(
        self,
        coroutine: Coroutine[Any, Any, Result],
        done: Callable[[Result], object] | None = None,
        failed: Callable[[BaseException], object] | None = None,
        *,
        name: str = "",
    ) -> Spawned:
        """Run a coroutine beside the actor; it is cancelled when the actor exits.

        Its result comes back as the message `done(result)`, its exception as `failed(exception)` or
        `Failed(exception)`, both to this actor and from this actor. Without `done` a result is dropped.
        """
        spawned = Spawned(name or getattr(coroutine, "__qualname__", "coroutine"), self._spawned)
        if self._exited:
            coroutine.close()
            spawned.running = False
            return spawned

        def finish(result: Any, failure: BaseException | None) -> None:
            if failure is not None:
                self._finish(spawned, failed or Failed, failure)
            else:
                self._finish(spawned, done, result)

        self._spawned.add(spawned)
        spawned._work = self._ready().spawn(coroutine, finish)
        return spawned

    def start_timer(self, name: str, seconds: float, message: object) -> None:
        """Send `message` to this actor after `seconds`; replaces a timer of the same name."""
        self.cancel_timer(name)
        if not self._exited:
            self._timers[name] = self._ready().after(seconds, lambda: self._fire(name, message))

    def cancel_timer(self, name: str) -> None:
        """The message of this timer will not come; nothing happens if there is no such timer."""
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def has_timer(self, name: str) -> bool:
        return name in self._timers

    # -- for subclasses: the mailbox

    def stash(self) -> None:
        """Put the message that is being handled aside. StashOverflow over `stash_limit` messages."""
        if self._current is None:
            raise RuntimeError("stash() outside of a handler")
        if len(self._stashed) >= self.stash_limit:
            raise StashOverflow(f"{type(self).__name__} has stashed {len(self._stashed)} messages")
        self._stashed.append(self._current)

    def unstash_all(self) -> None:
        """Put all stashed messages, in the order of their arrival, in front of the mailbox."""
        self._front.extendleft(reversed(self._stashed))
        self._stashed.clear()

    # -- for subclasses: hooks and diagnosis

    def on_exit(self) -> None:
        """The actor exits; coroutines and timers are cancelled after this."""

    def on_child_exited(self, address: ActorAddress) -> None:
        """A child made by create() is gone; called once per child, not while this actor exits itself."""

    def on_failure(self, failure: Exception) -> None:
        """A handler raised; it is logged already. The actor's stated way to fail goes here."""

    def note(self, text: str) -> None:
        """Add a line to the story that is printed with errors."""
        self._story.append(text)

    def story(self) -> list[str]:
        """The last messages and notes, oldest first."""
        return [entry if isinstance(entry, str) else entry.__name__ for entry in self._story]

    @property
    def log(self) -> logging.Logger:
        return logging.getLogger(f"{type(self).__module__}.{type(self).__name__}")

    # -- Thespian's side

    def receiveMessage(self, message: Any, sender: ActorAddress) -> Any:
        engine = self._engine or self._ready()
        if isinstance(message, (WatchMessage, WakeupMessage)):
            engine.wake(getattr(message, "payload", None))
        else:
            self._handle(message, sender)
            if self._front:
                self._handle_front()
        return engine.watching

    def _ready(self) -> Engine:
        if self._engine is None:
            self._engine = engine_for(self)
        return self._engine

    def _deliver(self, message: Any, sender: ActorAddress) -> None:
        """One turn: this message, then what was unstashed. Nothing is raised."""
        self._handle(message, sender)
        if self._front:
            self._handle_front()

    def _handle_front(self) -> None:
        while self._front:
            self._handle(*self._front.popleft())

    def _handle(self, message: Any, sender: ActorAddress) -> None:
        kind = type(message)
        self._story.append(kind)
        self._current = (message, sender)
        try:
            (self._methods.get(kind) or self._method(kind))(self, message, sender)
        except Exception as failure:
            self._fail(failure, f"handler of {kind.__name__}")
        finally:
            self._current = None

    @classmethod
    def _method(cls, kind: type) -> Callable[..., None]:
        names = (cls._names[base] for base in kind.__mro__ if base in cls._names)
        method: Callable[..., None] = getattr(cls, next(names, "_unexpected"))
        cls._methods[kind] = method
        return method

    def _unexpected(self, message: Any, sender: ActorAddress) -> None:
        if not self._exited:
            self.log.error("unexpected %.500r from %s; story: %s", message, sender, self.story())

    def _fail(self, failure: Exception, where: str) -> None:
        self.log.error("%s raised; story: %s", where, self.story(), exc_info=failure)
        try:
            self.on_failure(failure)
        except Exception as second:
            self.log.error("on_failure raised; story: %s", self.story(), exc_info=second)

    def _finish(self, spawned: Spawned, wrap: Callable[[Any], object] | None, outcome: Any) -> None:
        """A coroutine ended: its outcome is handled as a message in a turn of its own."""
        if self._exited or not spawned.running:
            return
        spawned.ended()
        if wrap is None:
            return
        try:
            message = wrap(outcome)
        except Exception as failure:
            self._fail(failure, f"outcome of {spawned.name}")
            return
        self._deliver(message, self.myAddress)

    def _fire(self, name: str, message: object) -> None:
        if self._timers.pop(name, None) is not None and not self._exited:
            self._deliver(message, self.myAddress)

    @on(ChildActorExited)
    def _child_exited(self, message: ChildActorExited, sender: ActorAddress) -> None:
        address = message.childAddress
        if address in self._children and not self._exited:  # Thespian may say it twice
            self._children.remove(address)
            self.on_child_exited(address)

    @on(ActorExitRequest)
    def _exit(self, message: ActorExitRequest, sender: ActorAddress) -> None:
        if self._exited:
            return
        try:
            self.on_exit()
        except Exception as failure:
            self.log.error("on_exit raised; story: %s", self.story(), exc_info=failure)
        self._exited = True
        for timer in self._timers.values():
            timer.cancel()
        for spawned in list(self._spawned):
            spawned.cancel()
        self._timers.clear()
        self._stashed.clear()
        self._front.clear()
        self._ready().close()


def _handlers_of(cls: type) -> dict[type, str]:
    """Message class -> name of its method; a subclass's choice comes before its base's."""
    names: dict[type, str] = {}
    for owner in reversed(cls.__mro__):
        for name, member in vars(owner).items():
            for kind in getattr(member, "__handles__", ()):
                names[kind] = name
    return names
