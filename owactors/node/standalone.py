"""The role `standalone`: controller and invoker on one node, started, watched and stopped from one process."""

from __future__ import annotations

import logging
import signal
import sys
import threading

from attrs import evolve

from owactors.actor.factories import FACTORIES
from owactors.core.parameterencryption import BadKey
from owactors.entity.errors import DeserializationError
from owactors.message.node import NodeUp, StartNode
from owactors.node.folder import DataFolder, FolderRefused
from owactors.node.settings import Settings
from owactors.node.system import CannotStart, NodeSystem
from owactors.node.wiring import build_factory, controller_setup, invoker_setup, is_loopback, local_url, manifest_of
from owactors.observe import logs
from owactors.observe.markers import Markers
from owactors.observe.metrics import METRICS

logger = logging.getLogger(__name__)
EXIT_OK, EXIT_CANNOT_START = 0, 1
WATCH_SECONDS = 1.0
#: how often a node whose supervisor died is built up again, and how long the old processes may take to end
REVIVALS, REVIVAL_PAUSE = 20, 0.5


def run(settings: Settings) -> int:
    """Runs a node until SIGINT or SIGTERM; the exit code. Says on standard error where it serves."""
    stop = _stop_signals()
    logs.setup(level=settings.logging.level, form=settings.logging.format, levels=settings.logging.levels)
    Markers.logged = settings.logging.markers
    METRICS.enabled = settings.metrics.enabled
    FACTORIES.build = build_factory
    try:
        order = _order(settings)
    except (DeserializationError, BadKey, ValueError) as problem:
        return _cannot_start(str(problem))
    with DataFolder(settings.node.data_dir) as folder:
        try:
            for left in folder.open():
                logger.warning("removed what an earlier node left: %s", left)
            order = evolve(order, controller=evolve(order.controller, admin_key=folder.admin_key()))
            system = NodeSystem(settings.actors.base, folder.boot(), order)
            _serve(settings, system, folder, order, stop)
        except (FolderRefused, CannotStart) as problem:
            return _cannot_start(str(problem))
    return EXIT_OK


def _serve(settings: Settings, system: NodeSystem, folder: DataFolder, order: StartNode, stop: threading.Event) -> None:
    """Starts the node, waits for the end, stops it. CannotStart."""
    try:
        up = system.start()
    except CannotStart:
        system.end()
        raise
    folder.announce(local_url(settings.node.host, up.port))
    _greet(settings, up)
    _watch(system, settings, folder, order, stop).stop()


def _stop_signals() -> threading.Event:
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    return stop


def _order(settings: Settings) -> StartNode:
    manifest = manifest_of(settings)
    return StartNode(
        controller_setup(settings, manifest), invoker_setup(settings, manifest), settings.node.drain_timeout
    )


def _cannot_start(reason: str) -> int:
    print(f"owactors: {reason}", file=sys.stderr)
    return EXIT_CANNOT_START


def _greet(settings: Settings, up: NodeUp) -> None:
    for line in up.report:
        logger.info("protection %s", line)
    print(f"owactors: serving on http://{settings.node.host}:{up.port}, Ctrl-C stops.", file=sys.stderr, flush=True)
    if not is_loopback(settings.node.host):
        print("owactors: this address can be reached from other machines.", file=sys.stderr, flush=True)


def _watch(
    system: NodeSystem, settings: Settings, folder: DataFolder, order: StartNode, stop: threading.Event
) -> NodeSystem:
    """Until the node is to stop; a system whose supervisor or admin died is built anew."""
    while not stop.wait(WATCH_SECONDS):
        if not system.alive() and not stop.is_set():
            logger.error("the supervisor does not answer; building the node up again")
            system = _revive(system, settings, folder, order, stop)
    return system


def _revive(
    system: NodeSystem, settings: Settings, folder: DataFolder, order: StartNode, stop: threading.Event
) -> NodeSystem:
    for _ in range(REVIVALS):
        system.end()
        system = NodeSystem(settings.actors.base, folder.boot(), order)
        try:
            system.start()
        except CannotStart as problem:
            logger.warning("not yet: %s", problem)
        else:
            return system
        if stop.wait(REVIVAL_PAUSE):
            break
    return system
