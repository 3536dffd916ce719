"""Runs sequences and compositions: feeds the machines of owactors.core.controller and does what they say.

A run goes on by itself; a caller only waits for it. Whatever happens, it ends in one record.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Any

from attrs import define, evolve, field, frozen

from owactors.core.controller.composition import Composition
from owactors.core.controller.enclosingrecord import EnclosingActivation, enclosing_record
from owactors.core.controller.entitlement import ACTIONS, Resource
from owactors.core.controller.innercalls import (
    CallComponent,
    CallConductor,
    CallFailed,
    CallFinished,
    CallOverdue,
    ComponentForbidden,
    ComponentKind,
    ComponentMissing,
    ComponentResolved,
    Event,
    Finish,
    ResolutionFailed,
    ResolveComponent,
    Start,
    Used,
)
from owactors.core.controller.rejection import Rejection
from owactors.core.controller.resolved import ResolvedAction
from owactors.core.controller.sequence import Sequence
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.identity import Identity, Privilege
from owactors.entity.ids import new_activation_id
from owactors.entity.names import FullyQualifiedEntityName
from owactors.entity.transaction import TransactionId
from owactors.message.event import ActivationEvent
from owactors.message.store import NoDocument, StoreUnavailable
from owactors.rest.entitling import Entitlement
from owactors.rest.invoking import Invocation, Invoked, PrimitiveRunner, Queued, accept
from owactors.rest.ports import Services
from owactors.rest.repository import Repository

logger = logging.getLogger(__name__)

Machine = Sequence | Composition
Ended = tuple[WhiskActivation, Used]


@frozen
class _Run:
    """One run: what is run for whom, and whether its record is kept."""

    enclosing: EnclosingActivation
    resolved: ResolvedAction
    transid: TransactionId
    kept: bool


@define
class _Components:
    """Components found so far, and those still being looked for; the transaction of the last call."""

    called: TransactionId
    found: dict[int, ResolvedAction] = field(factory=dict)
    sought: deque[asyncio.Task[Event]] = field(factory=deque)

    def stop(self) -> None:
        """Nobody asks for the rest any more."""
        for task in self.sought:
            task.cancel()


class ChainRunner:
    """A Runner for sequences and compositions; their components run through `primitive` or through itself."""

    def __init__(
        self,
        services: Services,
        repository: Repository,
        entitlement: Entitlement,
        primitive: PrimitiveRunner,
    ) -> None:
        self._services = services
        self._repository = repository
        self._entitlement = entitlement
        self._primitive = primitive
        self._running: set[asyncio.Task[Ended]] = set()

    async def run(self, invocation: Invocation) -> Invoked:
        """As Runner.run. Once it has begun, a run goes on to its end, whether its caller waits or not."""
        run, wait = self._begun(invocation), invocation.wait
        if wait is None:
            await self._accept(run, invocation.payload)
        running = asyncio.create_task(self._to_the_end(run, invocation.payload, Used()))
        self._running.add(running)
        running.add_done_callback(self._running.discard)
        if wait is None:
            return Queued(run.enclosing.activation_id)
        done, _ = await asyncio.wait((running,), timeout=wait)
        if done:
            return running.result()[0]
        await self._accept(run, invocation.payload)
        if running.done():  # in the meantime: its record must end the acceptance
            await self._keep(run, running.result()[0])
        return Queued(run.enclosing.activation_id)

    @property
    def under_way(self) -> int:
        """How many runs have begun and not ended, nested ones not counted."""
        return len(self._running)

    async def drain(self) -> None:
        """Returns when no run is going on any more."""
        while self._running:
            await asyncio.wait(self._running)

    def _begun(self, invocation: Invocation) -> _Run:
        user, resolved = invocation.user, invocation.resolved
        enclosing = EnclosingActivation(
            activation_id=new_activation_id(),
            action=resolved.action,
            user=user,
            accepted_at=invocation.transid.start,
            cause=invocation.cause,
            binding=resolved.binding,
        )
        kept = user.limits.store_activations is not False
        wanted = invocation.wait is not None or self._services.settings.store_non_blocking
        return _Run(enclosing, resolved, invocation.transid, kept and wanted)

    async def _accept(self, run: _Run, payload: Any) -> None:
        """Writes the acceptance, unless the record is there already or is not wanted. Rejection 503."""
        if not run.kept:
            return
        activation_id, user = run.enclosing.activation_id, run.enclosing.user
        message = self._primitive.message(Invocation(user, run.resolved, payload, None, run.transid))
        try:
            await accept(self._services, evolve(message, activation_id=activation_id))
        except StoreUnavailable as error:
            raise Rejection(503, error.reason, activation_id) from error

    # --- one run ---------------------------------------------------------------------------------

    async def _to_the_end(self, run: _Run, payload: Any, used: Used) -> Ended:
        machine = self._machine(run, payload, used)
        components = _Components(run.transid)
        start = self._services.now()
        try:
            ended = await self._drive(machine, run, components, start)
        except Exception as error:
            logger.exception("%s %s broke down", run.resolved.name, run.enclosing.activation_id)
            response = ActivationResponse.whisk_error(f"The activation broke down: {type(error).__name__}.")
            now = self._services.now()
            ended = enclosing_record(run.enclosing, machine.tally, response, start, now), machine.used
        finally:
            components.stop()
        self._tell(run, ended[0])
        await self._keep(run, ended[0])
        return ended

    def _tell(self, run: _Run, record: WhiskActivation) -> None:
        body = ActivationEvent.of(record) if self._services.event is not None else None
        if body is not None and self._services.event is not None:
            self._services.event(run.enclosing.user, body)

    def _machine(self, run: _Run, payload: Any, used: Used) -> Machine:
        limit = self._services.settings.limits.sequence_length
        kind = Sequence if run.enclosing.action.is_sequence else Composition
        return kind(run.enclosing, limit, payload, used)

    async def _keep(self, run: _Run, record: WhiskActivation) -> None:
        if not run.kept:
            return
        try:
            await self._services.activations.store(record.to_json())
        except StoreUnavailable as error:
            logger.error("record of %s %s is lost: %s", record.name, record.activation_id, error)

    async def _drive(self, machine: Machine, run: _Run, components: _Components, start: int) -> Ended:
        events: deque[Event] = deque((Start(start),))
        while True:
            for instruction in machine.handle(events.popleft()):
                if isinstance(instruction, Finish):
                    return instruction.record, instruction.used
                if isinstance(instruction, ResolveComponent):
                    self._seek(machine, run, instruction, components, events)
                else:
                    events.append(await self._call(run, instruction, components))
            if not events:
                events.append(await components.sought.popleft())

    # --- components ------------------------------------------------------------------------------

    def _seek(
        self, machine: Machine, run: _Run, wanted: ResolveComponent, components: _Components, events: deque[Event]
    ) -> None:
        """Look for a component beside the run; one that is known already costs no task."""
        known = self._repository.known_resolved(wanted.name.doc_id)
        if known is not None and isinstance(machine, Sequence):
            events.append(self._known(wanted.index, known, components))
        else:
            seeking = self._resolve(machine, run, wanted, components)
            components.sought.append(asyncio.create_task(seeking))

    def _known(self, index: int, resolved: ResolvedAction, components: _Components) -> Event:
        components.found[index] = resolved
        return ComponentResolved(self._services.now(), index, _kind(resolved), resolved.action.limits.timeout)

    async def _resolve(self, machine: Machine, run: _Run, wanted: ResolveComponent, components: _Components) -> Event:
        name, index, now = wanted.name, wanted.index, self._services.now
        try:
            if isinstance(machine, Composition):
                await self._check(run.enclosing.user, name)
            resolved = await self._repository.resolve(name.path, name.name)
        except Rejection:
            return ComponentForbidden(now(), index)
        except NoDocument:
            return ComponentMissing(now(), index)
        except Exception as error:
            logger.warning("component %s could not be resolved: %r", name, error)
            return ResolutionFailed(now(), index, repr(error))
        return self._known(index, resolved, components)

    async def _check(self, user: Identity, name: FullyQualifiedEntityName) -> None:
        resource = Resource(name.path, ACTIONS, name.name)
        await self._entitlement.check(user, Privilege.ACTIVATE, (resource,), throttle=False)

    async def _call(self, run: _Run, call: CallComponent | CallConductor, components: _Components) -> Event:
        try:
            if isinstance(call, CallConductor):
                return await self._call_primitive(run, run.resolved, components, call.payload, call.wait_ms)
            resolved = components.found[call.index]
            if call.wait_ms is not None:
                return await self._call_primitive(run, resolved, components, call.payload, call.wait_ms)
            return await self._call_nested(run, resolved, components, call)
        except Exception as error:
            logger.warning("a component of %s could not be run: %r", run.enclosing.activation_id, error)
            return CallFailed(self._services.now(), repr(error))

    def _transaction(self, run: _Run, components: _Components) -> TransactionId:
        """Of the next call. As in OpenWhisk each call of a composition is a child of the one before it."""
        parent = run.transid if run.enclosing.action.is_sequence else components.called
        components.called = parent.child(self._services.now())
        return components.called

    async def _call_primitive(
        self, run: _Run, resolved: ResolvedAction, components: _Components, payload: Any, wait_ms: int
    ) -> Event:
        enclosing = run.enclosing
        transid = self._transaction(run, components)
        invocation = Invocation(enclosing.user, resolved, payload, wait_ms / 1000, transid, enclosing.activation_id)
        invoked = await self._primitive.run(invocation)
        now = self._services.now()
        return CallOverdue(now, invoked.activation_id) if isinstance(invoked, Queued) else CallFinished(now, invoked)

    async def _call_nested(
        self, run: _Run, resolved: ResolvedAction, components: _Components, call: CallComponent
    ) -> Event:
        enclosing = run.enclosing
        transid = self._transaction(run, components)
        invocation = Invocation(enclosing.user, resolved, call.payload, None, transid, enclosing.activation_id)
        inner = self._begun(invocation)
        record, used = await self._to_the_end(evolve(inner, kept=run.kept), call.payload, call.used)
        return CallFinished(self._services.now(), record, used)


def _kind(resolved: ResolvedAction) -> ComponentKind:
    if resolved.action.is_sequence:
        return ComponentKind.SEQUENCE
    return ComponentKind.CONDUCTOR if resolved.action.is_conductor else ComponentKind.ACTION
