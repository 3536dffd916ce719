"""Thespian's admin on this base: a daemon process that starts, finds and ends the actors of a system."""

from __future__ import annotations

import logging
import logging.config
import os
import select
import signal
from collections.abc import Callable
from functools import partial
from typing import Any

from thespian.actors import InvalidActorAddress
from thespian.system.messages.admin import SystemShutdown
from thespian.system.systemAdmin import ThespianAdmin
from thespian.system.utilis import setProcName

from owactors.actorbase.neighbours import Neighbours, shorten_convention_periods
from owactors.actorbase.parent import Parent
from owactors.actorbase.processes import ProcessWatch, fork
from owactors.actorbase.site import EXIT_WITH_STARTER, Site
from owactors.actorbase.sockets import sweep
from owactors.actorbase.transport import ProcessTransport

LOG = logging.getLogger(__name__)
START_WITHIN = 10.0
READY = b"ready "


class Admin(Neighbours, Parent, ThespianAdmin):  # type: ignore[misc]
    """The admin: everything above the transport is Thespian's own."""

    def __init__(self, transport: ProcessTransport, capabilities: dict[str, Any]) -> None:
        super().__init__(transport, transport.site.admin, capabilities, None, None)
        self.adopt_base(transport)
        self.start_neighbours()
        self._activate()

    def shut_down(self) -> None:
        """As if somebody outside had asked for it."""
        self.host.deliver(0, self.transport.myAddress, SystemShutdown())

    def _cleanupAdmin(self, finish_cleanup: Callable[[], None]) -> None:
        finish_cleanup()


def start_admin(site: Site, capabilities: dict[str, Any], log_definitions: Any) -> int:
    """Fork the admin as a daemon and wait until it listens; its process id. InvalidActorAddress if it does not."""
    receiving, sending = os.pipe()
    starter = os.getpid()
    main = partial(_daemon, site, capabilities, log_definitions, starter, sending)
    pid = fork(main, lambda: {sending})
    os.close(sending)
    os.waitpid(pid, 0)
    try:
        answer = _read_all(receiving)
    finally:
        os.close(receiving)
    if not answer.startswith(READY):
        raise InvalidActorAddress(site.admin, answer.decode(errors="replace") or "the admin did not start")
    return int(answer[len(READY) :])


def _read_all(descriptor: int) -> bytes:
    answer = b""
    while select.select([descriptor], [], [], START_WITHIN)[0]:
        more = os.read(descriptor, 4096)
        if not more:
            break
        answer += more
    return answer


def _daemon(site: Site, capabilities: dict[str, Any], log_definitions: Any, starter: int, report: int) -> None:
    os.setsid()
    if os.fork():
        return
    try:
        if isinstance(log_definitions, dict):
            logging.config.dictConfig(log_definitions)
        shorten_convention_periods()
        removed = sweep(site.folder)
        transport = ProcessTransport(site, site.listen(site.admin.addressDetails.sockname[1], tcp=True))
        admin = Admin(transport, capabilities)
        watch = ProcessWatch(transport.loop)
        if capabilities.get(EXIT_WITH_STARTER):
            watch.watch(starter, admin.shut_down)
        if removed:
            LOG.info("removed %d sockets of dead processes in %s", removed, site.folder)
    except Exception as failure:
        os.write(report, f"{type(failure).__name__}: {failure}".encode())
        os.close(report)
        return
    _set_signals(admin)
    os.write(report, READY + str(os.getpid()).encode())
    os.close(report)
    setProcName("OwactorsAdmin", transport.myAddress)
    try:
        admin.run()
    finally:
        admin.drainTransmits()
        transport.close()
        if site.temporary:
            _remove(site.folder)
        else:
            sweep(site.folder)


def _set_signals(admin: Admin) -> None:
    """SIGTERM ends the whole system; signals of a terminal are for the starter."""
    loop = admin.host.loop
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGTERM, lambda *_: loop.call_soon_threadsafe(admin.shut_down) and None)
    for each in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda *_: admin.thesplogStatus())
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def _remove(folder: str) -> None:
    """The folder that was made for this system, with its key and what dead processes left in it."""
    for name in os.listdir(folder):
        try:
            os.unlink(os.path.join(folder, name))
        except OSError:
            pass  # somebody else's end removed it
    try:
        os.rmdir(folder)
    except OSError:
        pass  # somebody has started a new system in it
