"""The intake of an invoker: each activation message becomes one Run for the pool, or one answer that says why not.

`handle(event)` answers with what is to be done. (OpenWhisk, InvokerReactive.scala, processActivationMessage.)
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define, evolve, field, frozen

from owactors.core.controller.limitcheck import check_action_limits
from owactors.core.controller.rejection import Rejection
from owactors.core.invoker import fallback
from owactors.core.invoker.actioncache import ActionCache, ActionKey, CachedAction
from owactors.entity.action import WhiskAction
from owactors.entity.activation import ActivationResponse
from owactors.entity.errors import DeserializationError
from owactors.entity.limits import LimitBounds
from owactors.message.activation import ActivationMessage
from owactors.message.container import Run
from owactors.message.store import NoDocument

STORY_LENGTH = 32
#: The order in which OpenWhisk checks them.
_LIMITS = ("timeout", "memory", "concurrency", "logs")


@frozen
class Arrived:
    """An activation message. `now` in seconds since the epoch."""

    msg: ActivationMessage
    now: float


@frozen
class ActionFetched:
    """The answer to FetchAction: the current document of that name, with its code."""

    fetch: int
    action: WhiskAction
    now: float


@frozen
class FetchFailed:
    """The answer to FetchAction: what was raised."""

    fetch: int
    cause: BaseException
    now: float


@frozen
class BlacklistRead:
    """The names of the namespaces that may not run anything, from now on."""

    namespaces: frozenset[str]
    now: float


@frozen
class StopIntake:
    """No more work: what arrives from now on is refused."""

    now: float


@frozen
class FetchAction:
    """Read the action's document and its code; answer with ActionFetched or FetchFailed."""

    fetch: int
    doc_id: str


@frozen
class PlaceRun:
    """Hand the Run to the pool."""

    run: Run


@frozen
class Refuse:
    """End the activation: acknowledge the fallback record and, if `store`, keep it. `reason` is for the log."""

    msg: ActivationMessage
    response: ActivationResponse
    reason: str
    store: bool = True


IntakeEvent = Arrived | ActionFetched | FetchFailed | BlacklistRead | StopIntake
IntakeInstruction = FetchAction | PlaceRun | Refuse


@define
class Intake:
    """`bounds` are the system's limits. Messages for the same revision share one fetch."""

    bounds: LimitBounds = LimitBounds()
    cache: ActionCache = field(factory=ActionCache)
    blacklist: frozenset[str] = frozenset()
    stopped: bool = False
    story: deque[tuple[float, str, str]] = field(factory=lambda: deque(maxlen=STORY_LENGTH))
    _waiting: dict[int, list[ActivationMessage]] = field(factory=dict)
    _fetching: dict[ActionKey, int] = field(factory=dict)
    _last_fetch: int = 0

    @property
    def fetching(self) -> int:
        """Messages that wait for their action."""
        return sum(map(len, self._waiting.values()))

    def messages_waiting(self) -> frozenset[str]:
        """The ids of the activations that wait for their action."""
        return frozenset(msg.activation_id for messages in self._waiting.values() for msg in messages)

    def handle(self, event: IntakeEvent) -> list[IntakeInstruction]:
        """Take one event."""
        return ROWS[type(event)](self, event)

    def arrived(self, event: Arrived) -> list[IntakeInstruction]:
        """Refused if nothing may run for its namespace; placed at once if its action is known."""
        msg = event.msg
        if self.stopped:
            return [self._platform_error(msg, fallback.INVOKER_STOPS, event.now)]
        if msg.user.namespace.name in self.blacklist:
            return [self._blacklisted(msg, event.now)]
        key = (msg.action.doc_id, msg.revision.text)
        known = self.cache.get(key, event.now)
        if known is not None:
            return [self._place(msg, known, event.now)]
        return self._fetch(msg, key)

    def action_fetched(self, event: ActionFetched) -> list[IntakeInstruction]:
        """All that waited are placed; the revision may be newer than the one a message asked for."""
        entry = self.cache.put(event.action, event.now)
        return [self._place(msg, entry, event.now) for msg in self._arrived_for(event.fetch)]

    def fetch_failed(self, event: FetchFailed) -> list[IntakeInstruction]:
        """All that waited end."""
        return [self._not_fetched(msg, event.cause, event.now) for msg in self._arrived_for(event.fetch)]

    def blacklist_read(self, event: BlacklistRead) -> list[IntakeInstruction]:
        """For messages from here on."""
        self.blacklist = event.namespaces
        return []

    def stop(self, event: StopIntake) -> list[IntakeInstruction]:
        """Messages that wait for their action are still served."""
        self.stopped = True
        return []

    def _fetch(self, msg: ActivationMessage, key: ActionKey) -> list[IntakeInstruction]:
        under_way = self._fetching.get(key)
        if under_way is not None:
            self._waiting[under_way].append(msg)
            return []
        self._last_fetch += 1
        self._waiting[self._last_fetch] = [msg]
        if not msg.revision.empty:  # without a revision the document must be read after the message came
            self._fetching[key] = self._last_fetch
        return [FetchAction(self._last_fetch, msg.action.doc_id)]

    def _arrived_for(self, fetch: int) -> list[ActivationMessage]:
        messages = self._waiting.pop(fetch, [])
        self._fetching = {key: number for key, number in self._fetching.items() if number != fetch}
        return messages

    def _place(self, msg: ActivationMessage, known: CachedAction, now: float) -> IntakeInstruction:
        action = known.action
        if action.is_sequence:
            return self._platform_error(msg, fallback.ACTION_FETCH_ERROR, now, "a sequence has no container")
        limits = msg.user.limits
        if known.within is not limits and known.within != limits:
            exceeded = exceeded_limit(action, msg, self.bounds)
            if exceeded:
                return self._application_error(msg, exceeded, now)
            known.within = limits
        return PlaceRun(Run(action, msg))

    def _not_fetched(self, msg: ActivationMessage, cause: BaseException, now: float) -> IntakeInstruction:
        if isinstance(cause, NoDocument):
            return self._application_error(msg, fallback.ACTION_REMOVED, now, str(cause))
        text = fallback.ACTION_MISMATCH if isinstance(cause, DeserializationError) else fallback.ACTION_FETCH_ERROR
        return self._platform_error(msg, text, now, str(cause) or repr(cause))

    def _blacklisted(self, msg: ActivationMessage, now: float) -> IntakeInstruction:
        """Nobody waits for a result, and nothing is kept."""
        refusal = self._application_error(evolve(msg, blocking=False), fallback.NAMESPACES_BLACKLISTED, now)
        return evolve(refusal, store=False)

    def _application_error(self, msg: ActivationMessage, text: str, now: float, reason: str = "") -> Refuse:
        return self._refuse(msg, ActivationResponse.application_error(text), reason or text, now)

    def _platform_error(self, msg: ActivationMessage, text: str, now: float, reason: str = "") -> Refuse:
        return self._refuse(msg, ActivationResponse.whisk_error(text), reason or text, now)

    def _refuse(self, msg: ActivationMessage, response: ActivationResponse, reason: str, now: float) -> Refuse:
        self.story.append((now, msg.activation_id, reason))
        return Refuse(msg, response, reason)


def exceeded_limit(action: WhiskAction, msg: ActivationMessage, bounds: LimitBounds) -> str:
    """What an action that was stored under wider limits exceeds today; "" if nothing."""
    try:
        for name in _LIMITS:
            check_action_limits({name: getattr(action.limits, name)}, msg.user.limits, bounds)
    except Rejection as refusal:
        return refusal.text
    return ""


ROWS: dict[type[IntakeEvent], Callable[..., list[IntakeInstruction]]] = {
    Arrived: Intake.arrived,
    ActionFetched: Intake.action_fetched,
    FetchFailed: Intake.fetch_failed,
    BlacklistRead: Intake.blacklist_read,
    StopIntake: Intake.stop,
}
