"""Runs a call: builds the message, hands it to the load balancer, waits for the result as long as is wanted.

`Runner` is the seam: `PrimitiveRunner` runs actions that have a container, `Runners` chooses between it and the
runners of sequences and compositions. (OpenWhisk, PrimitiveActions.scala, PostActionActivation.scala.)
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any, Protocol

from attrs import frozen

from owactors.core.controller.arguments import merged_arguments
from owactors.core.controller.rejection import Rejection
from owactors.core.controller.resolved import ResolvedAction
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.identity import Identity
from owactors.entity.ids import new_activation_id
from owactors.entity.transaction import TransactionId
from owactors.message.activation import ActivationMessage
from owactors.message.payload import to_payload
from owactors.message.store import NoDocument, StoreUnavailable
from owactors.rest.ports import LoadBalancerRefused, MessageTooLarge, Services

logger = logging.getLogger(__name__)


@frozen
class Queued:
    """The call was taken over; its record will be found under this id."""

    activation_id: str


Invoked = Queued | WhiskActivation


@frozen
class Invocation:
    """What is to be run: an action for a user. `payload` is an object, an array, or None.

    wait: seconds to wait for the record, None not to wait at all. `cause` is the activation id of the enclosing
    sequence or composition.
    """

    user: Identity
    resolved: ResolvedAction
    payload: Any
    wait: float | None
    transid: TransactionId
    cause: str | None = None


class Runner(Protocol):
    """Something that runs calls of some kind of action."""

    async def run(self, invocation: Invocation) -> Invoked:
        """The record or, when it did not come in time, `Queued`. Rejection when the call could not be begun."""


class Runners:
    """Chooses the runner by what the action is."""

    def __init__(self, primitive: Runner, sequences: Runner | None = None, compositions: Runner | None = None) -> None:
        self.primitive = primitive
        self.sequences = sequences
        self.compositions = compositions

    async def run(self, invocation: Invocation) -> Invoked:
        """As Runner.run."""
        action = invocation.resolved.action
        runner: Runner | None = self.primitive
        if action.is_sequence:
            runner = self.sequences
        elif action.is_conductor:
            runner = self.compositions or self.primitive
        if runner is None:
            raise Rejection(500)
        return await runner.run(invocation)


class PrimitiveRunner:
    """Runs actions that have a container of their own."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._waits = RecordWaits(services)
        #: records of calls that were refused after they were accepted
        self._ending: set[asyncio.Task[None]] = set()

    async def run(self, invocation: Invocation) -> Invoked:
        """As Runner.run."""
        message = self.message(invocation)
        try:
            if invocation.wait is None:
                return await self._queue(message, invocation.resolved)
            return await self._waited(message, invocation.resolved, invocation.wait)
        except LoadBalancerRefused as refused:
            raise Rejection(503, str(refused), message.activation_id) from refused
        except MessageTooLarge as error:
            raise Rejection(413) from error
        except StoreUnavailable as error:
            raise Rejection(503, error.reason, message.activation_id) from error

    def message(self, invocation: Invocation) -> ActivationMessage:
        """The message for an invoker, with a fresh activation id and the merged arguments."""
        resolved, payload = invocation.resolved, invocation.payload
        locked = resolved.locked
        if locked and isinstance(payload, dict):
            locked = {name: algorithm for name, algorithm in locked.items() if name not in payload}
        return ActivationMessage(
            transid=invocation.transid,
            action=resolved.name,
            revision=resolved.action.revision,
            user=invocation.user,
            activation_id=new_activation_id(),
            root_controller_index=self._services.instance,
            blocking=invocation.wait is not None,
            content=merged_arguments(resolved.arguments, payload),
            init_args=resolved.init_args,
            locked_args=locked,
            cause=invocation.cause,
        )

    async def _queue(self, message: ActivationMessage, resolved: ResolvedAction) -> Queued:
        """The acceptance is on disk and the message on its way when this returns."""
        publishing = asyncio.ensure_future(self._services.publisher.publish(message, resolved.action, False))
        if not self._keeps_record(message.user):
            await publishing
            return Queued(message.activation_id)
        accepting = asyncio.ensure_future(accept(self._services, message))
        await asyncio.wait((publishing, accepting))
        refused = publishing.exception()
        if refused is not None:
            if accepting.exception() is None:
                await self._end_acceptance(message, refused)
            raise refused
        accepting.result()
        return Queued(message.activation_id)

    def _keeps_record(self, user: Identity) -> bool:
        return self._services.settings.store_non_blocking and user.limits.store_activations is not False

    async def _end_acceptance(self, message: ActivationMessage, cause: BaseException) -> None:
        """Records that a call which was accepted on disk was then refused: no acceptance stays open."""
        now = self._services.now()
        record = WhiskActivation(
            namespace=message.user.namespace.name,
            name=message.action.name,
            subject=message.user.subject,
            activation_id=message.activation_id,
            start=now,
            end=now,
            duration=0,
            response=ActivationResponse.whisk_error(f"The activation was refused: {cause}"),
            version=str(message.action.version or "0.0.1"),
            cause=message.cause,
        )
        try:
            await self._services.activations.store(record.to_json())
        except StoreUnavailable as error:
            logger.warning("record of refused activation %s is lost: %s", message.activation_id, error)

    async def _waited(self, message: ActivationMessage, resolved: ResolvedAction, wait: float) -> Invoked:
        publishing = asyncio.ensure_future(self._services.publisher.publish(message, resolved.action, True))
        record = await self._waits.wait(publishing, message, wait)
        if record is not None:
            return record
        if self._keeps_record(message.user):
            await accept(self._services, message)
        publishing.add_done_callback(partial(self._refused_later, message))
        return Queued(message.activation_id)

    def _refused_later(self, message: ActivationMessage, publishing: asyncio.Future[Any]) -> None:
        """Nobody waits any more, and the call was accepted: a refusal becomes its record."""
        cause = None if publishing.cancelled() else publishing.exception()
        if cause is None:
            return
        logger.info("activation failed after its caller was answered: %s", cause)
        if self._keeps_record(message.user):
            task = asyncio.ensure_future(self._end_acceptance(message, cause))
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)


async def accept(services: Services, message: ActivationMessage) -> None:
    """Writes to disk that a call was accepted: the message as JSON, from which it can be explained or repeated."""
    content = to_payload(message.to_json())
    await services.activations.accept(message.activation_id, message.user.namespace.name, content)


async def _done_within(future: asyncio.Future[Any], seconds: float) -> bool:
    """Waits for the end of a future, at most so long; the future goes on. (asyncio.wait, for one future only.)"""
    if future.done():
        return True
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def wake(_: object = None) -> None:
        if not woken.done():
            woken.set_result(None)

    timer = loop.call_later(seconds, wake)
    future.add_done_callback(wake)
    try:
        await woken
    finally:
        timer.cancel()
        future.remove_done_callback(wake)
    return future.done()


class RecordWaits:
    """Waits for a record: from the acknowledgement or, when that does not bring it, from the store."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def wait(
        self, acknowledged: asyncio.Future[WhiskActivation | None], message: ActivationMessage, seconds: float
    ) -> WhiskActivation | None:
        """The record, None if it has not come in `seconds`. Errors of publishing are raised."""
        clock = self._services.monotonic
        start = clock()
        slow = self._services.settings.slow_poll if self._services.settings.polling_from_store else seconds
        while (left := start + seconds - clock()) > 0:
            if await _done_within(acknowledged, min(left, slow)):
                record = acknowledged.result()
                return record if record is not None else await self._quick(message, start + seconds)
            if left > slow and (record := await self._stored(message)) is not None:
                return record
        return None

    async def _quick(self, message: ActivationMessage, deadline: float) -> WhiskActivation | None:
        settings, clock = self._services.settings, self._services.monotonic
        if not settings.polling_from_store:
            return None
        begun = clock()
        offsets = [*settings.quick_polls]
        while clock() < deadline:
            offset = offsets.pop(0) if offsets else clock() - begun + settings.slow_poll
            await asyncio.sleep(max(0.0, min(begun + offset, deadline) - clock()))
            record = await self._stored(message)
            if record is not None:
                return record
        return None

    async def _stored(self, message: ActivationMessage) -> WhiskActivation | None:
        try:
            found = await self._services.activations.get(message.user.namespace.name, message.activation_id)
            return WhiskActivation.from_json(found)
        except NoDocument:
            return None
        except (StoreUnavailable, DeserializationError) as error:
            raise Rejection(500, "", message.activation_id) from error
