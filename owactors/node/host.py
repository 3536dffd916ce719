"""A host of a cluster, with one command: an invoker, with or without a controller beside it.

The first host has both and keeps the documents. One that joins learns from a controller what all have in common.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from owactors.actor.hostsupervisor import HostSupervisor
from owactors.message.node import AskCluster, ClusterFacts, NodeUp
from owactors.node.addresses import is_loopback, own_address
from owactors.node.cluster import check, controller_order, host_name_of, invoker_order, network
from owactors.node.folder import Keys
from owactors.node.running import Composition, say
from owactors.node.running import run as run_node
from owactors.node.settings import Settings
from owactors.node.settings_shared import contradicted, with_shared
from owactors.node.system import START_SECONDS, Ask, CannotStart, up_of
from owactors.node.wiring_messaging import entrance

logger = logging.getLogger(__name__)
BUS_PORT = 3234
ASK_SECONDS = 20.0
NO_STORE = (
    "the cluster keeps its documents in the host {}, and a second controller needs a store that both reach: start the "
    "first host with --couchdb URL, or join without --controller."
)

NO_SECRET = (
    "there is no secret file {}: copy it from the host at {}, where it is cluster.key in the data folder unless "
    "--secret-file names another, and give its copy with --secret-file."
)


def run_host(settings: Settings, controller: bool) -> int:
    """Runs the host until SIGINT or SIGTERM; the exit code. `controller`: not only an invoker."""
    settings = completed(settings, controller)
    composition = Composition(
        lambda settings, keys: _plan(settings, keys, controller), HostSupervisor, _greet(controller), _network
    )
    return run_node(settings, composition)


def completed(settings: Settings, controller: bool) -> Settings:
    """With what one command need not say: its addresses, its ids, its key."""
    joins, cluster, node = settings.cluster.join, settings.cluster, settings.node
    host = own_address(joins[0]) if joins and _unsaid(settings, "node.host") else node.host
    listen = f"{host}:{BUS_PORT}" if _unsaid(settings, "cluster.listen") else cluster.listen
    key_file = cluster.key_file or Path(node.data_dir) / "cluster.key"
    invoker = settings.invoker
    if controller and _unsaid(settings, "invoker.port"):
        invoker = evolve(invoker, port=0)
    named = settings.controller
    if _unsaid(settings, "controller.id"):
        named = evolve(named, id=host_name_of(settings))
    return evolve(
        settings,
        node=evolve(node, host=host),
        cluster=evolve(cluster, transport="actors", listen=listen, key_file=key_file),
        invoker=evolve(invoker, unique_name=invoker.unique_name or host_name_of(settings)),
        controller=named,
    )


def _unsaid(settings: Settings, key: str) -> bool:
    return settings.origins[key] == "default"


@frozen(eq=False)
class _HostPlan:
    """What the supervisor of the host is told, one thing after the other."""

    settings: Settings
    keys: Keys
    controller: bool

    @property
    def drain_timeout(self) -> float:
        """Its roles stop one after the other."""
        return (2 if self.controller else 1) * (self.settings.node.drain_timeout + 5.0)

    def start(self, ask: Ask) -> NodeUp:
        """CannotStart."""
        settings, join = self.settings, self.settings.cluster.join
        if join:
            facts = self._facts(ask, join, False)
            settings = self._as_the_cluster(facts)
            if self.controller and facts.store is not None:
                raise CannotStart(NO_STORE.format(join[0]))
        if not self.controller:
            return self._start_invoker(ask, settings, join)
        up = up_of(ask(controller_order(settings, self.keys), START_SECONDS))
        added = self._start_invoker(ask, settings, (settings.cluster.listen,))
        return evolve(up, report=added.report, name=added.name)

    def _start_invoker(self, ask: Ask, settings: Settings, at: tuple[str, ...]) -> NodeUp:
        number, facts = settings.invoker.id, self._facts(ask, at, settings.invoker.id < 0)
        here = evolve(settings, cluster=evolve(settings.cluster, join=at))
        order = invoker_order(here, self.keys, number if number >= 0 else facts.invoker, facts.store)
        return up_of(ask(order, START_SECONDS))

    def _facts(self, ask: Ask, at: tuple[str, ...], invoker: bool) -> ClusterFacts:
        """CannotStart: nobody answers, or this host may not join."""
        shown, name = ", ".join(at), host_name_of(self.settings)
        question = AskCluster(name, self.keys.node, invoker, tuple(map(entrance, at)), shown, ASK_SECONDS)
        answer = ask(question, ASK_SECONDS + 5)
        if not isinstance(answer, ClusterFacts):
            raise CannotStart(f"the controller at {shown} said {answer!r}; see the log above")
        return answer

    def _as_the_cluster(self, facts: ClusterFacts) -> Settings:
        others = contradicted(self.settings, facts.shared)
        if others:
            logger.warning("the cluster has these settings otherwise, and its values hold here: %s", ", ".join(others))
        return with_shared(self.settings, facts.shared)


def _plan(settings: Settings, keys: Keys, controller: bool) -> Any:
    check(settings)
    key_file, joins = settings.cluster.key_file, settings.cluster.join
    if joins and key_file is not None and not key_file.exists():
        raise ValueError(NO_SECRET.format(key_file, joins[0]))
    if not joins:
        controller_order(settings, Keys())  # whether it can be started is seen at once
    return _HostPlan(settings, keys, controller)


def _network(settings: Settings) -> dict[str, Any]:
    return network(settings, next(iter(settings.cluster.join), settings.cluster.listen))


def _greet(controller: bool) -> Any:
    return lambda settings, up: _say_where(settings, up, controller)


def _say_where(settings: Settings, up: NodeUp, controller: bool) -> None:
    for line in up.report:
        logger.info("protection %s", line)
    if controller:
        say(f"serving on http://{settings.node.host}:{up.port}; {up.name} takes work; Ctrl-C stops.")
        say(f"further hosts: owactors node --join {settings.cluster.listen} --secret-file <copy of the file>")
        say(f"the secret is in {settings.cluster.key_file}; copy it by a safe way, readable for its owner only.")
        if is_loopback(settings.node.host):
            say("only this machine reaches it; --host ADDRESS opens it to others.")
    else:
        say(f"{up.name} takes work; http://{settings.node.host}:{up.port}/ping answers; Ctrl-C stops.")
