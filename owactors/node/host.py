"""A host of a cluster that needs no broker, with one command: a controller, an invoker, or both.

The first host keeps the documents unless a CouchDB does. One that joins learns from a controller what all have in
common, unless it was told of the CouchDB itself.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from owactors.actor.hostsupervisor import HostSupervisor
from owactors.message.node import AskCluster, ClusterFacts, JoinConvention, NodeUp
from owactors.node.addresses import is_loopback, own_address
from owactors.node.cluster import check, controller_order, host_name_of, identity_of, invoker_order, network, process_of
from owactors.node.folder import Keys
from owactors.node.invokernumber import number_of
from owactors.node.running import Composition, greet_invoker, say
from owactors.node.running import run as run_node
from owactors.node.settings import Settings
from owactors.node.settings_shared import contradicted, with_shared
from owactors.node.system import START_SECONDS, Ask, CannotStart, up_of
from owactors.node.wiring_messaging import entrance

logger = logging.getLogger(__name__)
BUS_PORT = 3234
ASK_SECONDS = 20.0
#: all addresses of a machine, and an address that nobody has: what leads there is reached by others, too
EVERYWHERE, OUTSIDE = ("0.0.0.0", "::", ""), "192.0.2.1:9"
NO_SECRET = (
    "there is no secret file {}: copy it from the host at {}, where it is cluster.key in the data folder unless "
    "--secret-file names another, and give its copy with --secret-file."
)


@frozen
class Roles:
    """What a host has of both; at least one."""

    controller: bool
    invoker: bool

    @property
    def names(self) -> tuple[str, ...]:
        """As the hosts know them."""
        return ("controller",) * self.controller + ("invoker",) * self.invoker


def run_host(settings: Settings, roles: Roles) -> int:
    """Runs the host until SIGINT or SIGTERM; the exit code. The settings are completed."""
    composition = Composition(
        lambda settings, keys: _plan(settings, keys, roles), HostSupervisor, _greet(roles), _network
    )
    return run_node(settings, composition)


def completed(settings: Settings, roles: Roles) -> Settings:
    """With what one command need not say: its addresses, its ids, its key, its store."""
    joins, cluster, node = settings.cluster.join, settings.cluster, settings.node
    host = own_address(joins[0]) if joins and _unsaid(settings, "node.host") else node.host
    reached = own_address(OUTSIDE) if host in EVERYWHERE else host
    listen = f"{reached}:{BUS_PORT}" if _unsaid(settings, "cluster.listen") else cluster.listen
    key_file = cluster.key_file or Path(node.data_dir) / "cluster.key"
    invoker, named, store = settings.invoker, settings.controller, settings.store
    if roles.controller and _unsaid(settings, "invoker.port"):
        invoker = evolve(invoker, port=0)
    if _unsaid(settings, "controller.id"):
        named = evolve(named, id=host_name_of(settings))
    if _unsaid(settings, "store.backend") and not _unsaid(settings, "couchdb.url"):
        store = evolve(store, backend="couchdb")
    return evolve(
        settings,
        node=evolve(node, host=host),
        cluster=evolve(cluster, transport="actors", listen=listen, key_file=key_file),
        invoker=evolve(invoker, unique_name=invoker.unique_name or ("" if invoker.id >= 0 else host_name_of(settings))),
        controller=named,
        store=store,
    )


def _unsaid(settings: Settings, key: str) -> bool:
    return settings.origins[key] == "default"


@frozen(eq=False)
class _HostPlan:
    """What the supervisor of the host is told, one thing after the other."""

    settings: Settings
    keys: Keys
    roles: Roles

    @property
    def drain_timeout(self) -> float:
        """Its roles stop one after the other."""
        return len(self.roles.names) * (self.settings.node.drain_timeout + 5.0)

    @property
    def requirements(self) -> dict[str, Any]:
        """Of the controller's process."""
        return process_of(self.settings) if self.roles.controller else {}

    def start(self, ask: Ask, admin: str) -> NodeUp:
        """CannotStart."""
        settings, join, keeper = self.settings, self.settings.cluster.join, None
        if self._learns:
            facts = self._facts(ask, join, False)
            settings, keeper = self._as_the_cluster(facts), facts.keeper
            if keeper is not None:
                logger.info("documents and records are in the host of controller %s", keeper.controller)
        if join:
            ask(JoinConvention(tuple(map(entrance, join)), identity_of(settings, self.keys)), ASK_SECONDS)
        if not self.roles.controller:
            return self._start_invoker(ask, settings, join)
        up = up_of(ask(controller_order(settings, self.keys, keeper, admin), START_SECONDS))
        if not self.roles.invoker:
            return up
        added = self._start_invoker(ask, settings, (settings.cluster.listen,))
        return evolve(up, report=added.report, name=added.name)

    @property
    def _learns(self) -> bool:
        """Whether it asks what all have in common; a single role that was told of the CouchDB need not."""
        return bool(self.settings.cluster.join) and not self._was_told

    @property
    def _was_told(self) -> bool:
        return len(self.roles.names) == 1 and self.settings.store.backend == "couchdb"

    def _start_invoker(self, ask: Ask, settings: Settings, at: tuple[str, ...]) -> NodeUp:
        here = evolve(settings, cluster=evolve(settings.cluster, join=at))
        if self._was_told:
            order = invoker_order(here, self.keys, number_of(settings, self.keys))
        else:
            number, facts = settings.invoker.id, self._facts(ask, at, settings.invoker.id < 0)
            order = invoker_order(here, self.keys, number if number >= 0 else facts.invoker, facts.keeper)
        return up_of(ask(order, START_SECONDS))

    def _facts(self, ask: Ask, at: tuple[str, ...], number: bool) -> ClusterFacts:
        """With the number of its invoker if asked. CannotStart: nobody answers, or this host may not join."""
        shown, name = ", ".join(at), host_name_of(self.settings)
        entrances = tuple(map(entrance, at))
        question = AskCluster(name, self.keys.node, number, self.roles.names, entrances, shown, ASK_SECONDS)
        answer = ask(question, ASK_SECONDS + 5)
        if not isinstance(answer, ClusterFacts):
            raise CannotStart(f"the controller at {shown} said {answer!r}; see the log above")
        return answer

    def _as_the_cluster(self, facts: ClusterFacts) -> Settings:
        others = contradicted(self.settings, facts.shared)
        if others:
            logger.warning("the cluster has these settings otherwise, and its values hold here: %s", ", ".join(others))
        return with_shared(self.settings, facts.shared)


def _plan(settings: Settings, keys: Keys, roles: Roles) -> Any:
    check(settings)
    key_file, joins = settings.cluster.key_file, settings.cluster.join
    if joins and key_file is not None and not key_file.exists():
        raise ValueError(NO_SECRET.format(key_file, joins[0]))
    if not joins:
        controller_order(settings, Keys())  # whether it can be started is seen at once
    return _HostPlan(settings, keys, roles)


def _network(settings: Settings) -> dict[str, Any]:
    return network(settings, next(iter(settings.cluster.join), settings.cluster.listen))


def _greet(roles: Roles) -> Any:
    return (lambda settings, up: _say_where(settings, up, roles)) if roles.controller else greet_invoker


def _say_where(settings: Settings, up: NodeUp, roles: Roles) -> None:
    for line in up.report:
        logger.info("protection %s", line)
    works = f"; {up.name} takes work" if roles.invoker else ""
    say(f"serving on http://{settings.node.host}:{up.port}{works}; Ctrl-C stops.")
    say(f"further hosts: owactors node --join {settings.cluster.listen} --secret-file <copy of the file>")
    say(f"the secret is in {settings.cluster.key_file}; copy it by a safe way, readable for its owner only.")
    if is_loopback(settings.node.host):
        say("only this machine reaches it; --host ADDRESS opens it to others.")
