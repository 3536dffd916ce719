"""A controller or an invoker over Kafka, each a node of its own. Documents are in a CouchDB that all of them reach."""

from __future__ import annotations

from attrs import evolve

from owactors.actor.rolesupervisor import RoleSupervisor
from owactors.message.node import StartRole
from owactors.node.cluster import controller_order, invoker_order
from owactors.node.folder import Keys
from owactors.node.invokernumber import number_of
from owactors.node.running import Composition, greet_api, greet_invoker
from owactors.node.running import run as run_node
from owactors.node.settings import Settings


def run_controller(settings: Settings) -> int:
    """Runs a controller until SIGINT or SIGTERM; the exit code. The settings are completed."""
    return run_node(settings, Composition(_controller, RoleSupervisor, greet_api))


def run_invoker(settings: Settings) -> int:
    """Runs an invoker until SIGINT or SIGTERM; the exit code. The settings are completed."""
    return run_node(settings, Composition(_invoker, RoleSupervisor, greet_invoker))


def completed(settings: Settings) -> Settings:
    """With the only store that roles over Kafka can share, unless another one is named, which is refused later."""
    if settings.origins["store.backend"] != "default":
        return settings
    return evolve(settings, store=evolve(settings.store, backend="couchdb"))


def _controller(settings: Settings, keys: Keys) -> StartRole:
    _check_store(settings)
    return controller_order(settings, keys)


def _invoker(settings: Settings, keys: Keys) -> StartRole:
    _check_store(settings)
    return invoker_order(settings, keys, number_of(settings, keys))


def _check_store(settings: Settings) -> None:
    if settings.store.backend != "couchdb":
        raise ValueError(
            "controllers and invokers over Kafka need a store that all of them reach: set store.backend to couchdb, "
            "and couchdb.url to its address."
        )
