"""A host with the lean load balancer: controller and invoker, the configured store, and nobody beside it."""

from __future__ import annotations

import logging
from typing import Any

from attrs import fields

from owactors.actor.leancontroller import LeanControllerSetup
from owactors.actor.supervisor import Supervisor
from owactors.message.node import StartNode
from owactors.node.cluster import check, network, operators_key, process_of
from owactors.node.folder import Keys
from owactors.node.host import Roles
from owactors.node.running import Composition, greet_api
from owactors.node.running import run as run_node
from owactors.node.settings import Settings
from owactors.node.wiring import controller_setup, invoker_setup, manifest_of

logger = logging.getLogger(__name__)
JOINS = (
    "the lean load balancer knows no other host: do not join one, or set controller.load_balancer to sharding, as the "
    "others have it."
)
INVOKER = "with the lean load balancer a controller has its one invoker beside it: start `owactors controller` only."


def run(settings: Settings, roles: Roles) -> int:
    """Runs it until SIGINT or SIGTERM; the exit code. The settings are completed."""
    return run_node(
        settings, Composition(lambda settings, keys: order(settings, keys, roles), Supervisor, greet_api, _network)
    )


def order(settings: Settings, keys: Keys, roles: Roles) -> StartNode:
    """ValueError, ImportError."""
    if settings.cluster.join:
        raise ValueError(JOINS)
    if not roles.controller:
        raise ValueError(INVOKER)
    check(settings)
    manifest, key_file = manifest_of(settings), settings.cluster.key_file
    setup = controller_setup(settings, manifest)
    values = {part.name: getattr(setup, part.name) for part in fields(type(setup))}
    controller = LeanControllerSetup(
        **{**values, "instance": settings.controller.id, "admin_key": keys.admin},
        operators_key=operators_key(key_file) if keys.admin else "",
    )
    if keys.admin and settings.cluster.transport == "kafka":
        logger.warning("the lean load balancer speaks to nobody through Kafka; its brokers are not used")
    return StartNode(controller, invoker_setup(settings, manifest), settings.node.drain_timeout, process_of(settings))


def _network(settings: Settings) -> dict[str, Any]:
    return network(settings, settings.cluster.listen)
