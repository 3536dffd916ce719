"""The life of an actor process, from the fork to the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from thespian.system.utilis import setProcName

from owactors.actorbase.addresses import Address
from owactors.actorbase.limits import EXIT_TASKS_WITHIN
from owactors.actorbase.manager import Manager
from owactors.actorbase.memory import keep_buffers
from owactors.actorbase.port import ActorPort
from owactors.actorbase.processes import OrphanGuard, set_signals
from owactors.actorbase.site import Site
from owactors.actorbase.slowness import SlowWatch
from owactors.actorbase.sockets import Listening
from owactors.actorbase.transport import ProcessTransport


@dataclass(frozen=True)
class Birth:
    """What a new process is told about its first actor."""

    site: Site
    listening: Listening
    cls: Any
    global_name: Any
    requirements: Any
    source_hash: Any
    source: Any
    parent: Address
    capabilities: dict[str, Any]
    parent_pid: int


def live(birth: Birth) -> None:
    """Run in the forked process; returns when it should end."""
    keep_buffers()
    transport = ProcessTransport(birth.site, birth.listening)
    manager = Manager(
        birth.cls,
        birth.global_name,
        ActorPort(transport, 0),
        birth.source_hash,
        birth.source,
        birth.parent,
        birth.site.admin,
        birth.requirements,
        birth.capabilities,
        None,
        None,
    )
    transport.actors[0] = manager
    set_signals(lambda: transport.interrupt_wait(signal_shutdown=True), manager.thesplogStatus)
    watch = transport.slow_watch = SlowWatch()

    def orphaned() -> None:
        watch.switch_off()
        transport.interrupt_wait(signal_shutdown=True)

    OrphanGuard(birth.parent_pid, orphaned)
    setProcName(getattr(birth.cls, "__name__", str(birth.cls)).rpartition(".")[-1], transport.myAddress)
    try:
        manager.run()
    finally:
        _end(transport, manager)


def _end(transport: ProcessTransport, first: Manager) -> None:
    """Neighbours that are left hear of the end, coroutines get a moment, sockets go."""
    for actor in list(transport.actors.values()):
        if isinstance(actor, Manager):
            actor.leave()
    tasks = asyncio.all_tasks(transport.loop)
    for task in tasks:
        task.cancel()
    if tasks:
        transport.loop.run_until_complete(asyncio.wait(tasks, timeout=EXIT_TASKS_WITHIN))
    first.drainTransmits()
    transport.close()
