"""A node's first process: starts an actor system with its roles, watches it, stops it on a signal."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from collections.abc import Callable
from typing import Any

from attrs import frozen

from owactors.actor.factories import FACTORIES
from owactors.actor.io import IoActor
from owactors.actor.messaging import MESSAGING
from owactors.actorbase.keys import BadKeyFile
from owactors.core.parameterencryption import BadKey
from owactors.entity.errors import DeserializationError
from owactors.message.node import NodeUp
from owactors.node import bases
from owactors.node.addresses import is_loopback, local_url
from owactors.node.folder import DataFolder, FolderRefused, Keys
from owactors.node.settings import Settings
from owactors.node.system import CannotStart, NodeSystem, Order
from owactors.node.wiring_containers import build_factory
from owactors.node.wiring_messaging import build_messaging
from owactors.observe import logs
from owactors.observe.markers import Markers
from owactors.observe.metrics import METRICS

logger = logging.getLogger(__name__)
EXIT_OK, EXIT_CANNOT_START = 0, 1
WATCH_SECONDS = 1.0
#: how often a node whose supervisor died is built up again, and how long the old processes may take to end
REVIVALS, REVIVAL_PAUSE = 20, 0.5


@frozen
class Composition:
    """What a node consists of: `order` is the first message to its `supervisor`, or a plan of several.

    `network` are further capabilities of its actor system.
    """

    order: Callable[[Settings, Keys], Order]
    supervisor: type[IoActor]
    greet: Callable[[Settings, NodeUp], None]
    network: Callable[[Settings], dict[str, Any]] = lambda settings: {}


def run(settings: Settings, composition: Composition) -> int:
    """Runs a node until SIGINT or SIGTERM; the exit code. Says on standard error where it serves."""
    stop = _stop_signals()
    logs.setup(level=settings.logging.level, form=settings.logging.format, levels=settings.logging.levels)
    Markers.logged = settings.logging.markers
    METRICS.enabled = settings.metrics.enabled
    FACTORIES.build, MESSAGING.build = build_factory, build_messaging
    MESSAGING.lag_interval = settings.kafka.lag_interval
    try:
        for warning in bases.check(settings):
            logger.warning("%s", warning)
        composition.order(settings, Keys())
    except (DeserializationError, BadKey, BadKeyFile, OSError, ValueError, ImportError) as problem:
        return _cannot_start(str(problem))
    with DataFolder(settings.node.data_dir) as folder:
        try:
            for done in folder.open():
                logger.warning("found at the start, left by an earlier node: %s", done)
            _Node(settings, composition, folder, stop).serve()
        except (FolderRefused, CannotStart) as problem:
            return _cannot_start(str(problem))
    return EXIT_OK


class _Node:
    """One node in its folder."""

    def __init__(self, settings: Settings, composition: Composition, folder: DataFolder, stop: threading.Event) -> None:
        self._settings, self._composition, self._folder, self._stop = settings, composition, folder, stop
        self._order = composition.order(settings, folder.keys())
        self._system = self._made()

    def _made(self) -> NodeSystem:
        settings, composition = self._settings, self._composition
        folder, network = self._folder.boot(), composition.network(settings)
        return NodeSystem(settings.actors.base, folder, self._order, composition.supervisor, network)

    def serve(self) -> None:
        """Starts it, waits for the end, stops it. CannotStart, also when it cannot go on."""
        try:
            up = self._system.start()
        except CannotStart:
            self._system.end()
            raise
        self._folder.announce(local_url(self._settings.node.host, up.port))
        self._composition.greet(self._settings, up)
        ended = self._watch()
        self._system.stop()
        if ended:
            raise CannotStart(ended)

    def _watch(self) -> str:
        """Until the node is to stop, or its roles ended for good: why. Without its supervisor it is built anew."""
        while not self._stop.wait(WATCH_SECONDS):
            status = self._system.status()
            if status is None and not self._stop.is_set():
                logger.error("the supervisor does not answer; building the node up again")
                self._revive()
            elif status is not None and status.ended:
                return status.ended
        return ""

    def _revive(self) -> None:
        for _ in range(REVIVALS):
            self._system.end()
            self._system = self._made()
            try:
                self._system.start()
            except CannotStart as problem:
                logger.warning("not yet: %s", problem)
            else:
                return
            if self._stop.wait(REVIVAL_PAUSE):
                return


def _stop_signals() -> threading.Event:
    stop = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: stop.set())
    return stop


def _cannot_start(reason: str) -> int:
    print(f"owactors: {reason}", file=sys.stderr)
    return EXIT_CANNOT_START


def say(line: str) -> None:
    """To whoever started the node."""
    print(f"owactors: {line}", file=sys.stderr, flush=True)


def greet_api(settings: Settings, up: NodeUp) -> None:
    """Where the API is served."""
    for line in up.report:
        logger.info("protection %s", line)
    say(f"serving on http://{settings.node.host}:{up.port}, Ctrl-C stops.")
    if not is_loopback(settings.node.host):
        say("this address can be reached from other machines.")


def greet_invoker(settings: Settings, up: NodeUp) -> None:
    """Where the invoker answers."""
    for line in up.report:
        logger.info("protection %s", line)
    say(f"{up.name} takes work; http://{settings.node.host}:{up.port}/ping answers, Ctrl-C stops.")
