"""The role `standalone`: controller and invoker on one node."""

from __future__ import annotations

from attrs import evolve

from owactors.actor.supervisor import Supervisor
from owactors.message.node import StartNode
from owactors.node.folder import Keys
from owactors.node.running import Composition, greet_api
from owactors.node.running import run as run_node
from owactors.node.settings import Settings
from owactors.node.wiring import controller_setup, invoker_setup, manifest_of


def run(settings: Settings) -> int:
    """Runs the node until SIGINT or SIGTERM; the exit code."""
    return run_node(settings, Composition(_order, Supervisor, greet_api))


def _order(settings: Settings, keys: Keys) -> StartNode:
    manifest = manifest_of(settings)
    controller = evolve(controller_setup(settings, manifest), admin_key=keys.admin)
    return StartNode(controller, invoker_setup(settings, manifest), settings.node.drain_timeout)
