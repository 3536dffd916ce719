"""A single role, by the transport that the settings choose."""

from __future__ import annotations

from owactors.node import brokered, host
from owactors.node.host import Roles
from owactors.node.settings import Settings

CONTROLLER, INVOKER = Roles(controller=True, invoker=False), Roles(controller=False, invoker=True)


def completed(settings: Settings, role: Roles) -> Settings:
    """With what its command need not say."""
    over_kafka = settings.cluster.transport == "kafka"
    return brokered.completed(settings) if over_kafka else host.completed(settings, role)


def run(settings: Settings, role: Roles) -> int:
    """Runs the role until SIGINT or SIGTERM; the exit code. The settings are completed."""
    if settings.cluster.transport != "kafka":
        return host.run_host(settings, role)
    return brokered.run_controller(settings) if role.controller else brokered.run_invoker(settings)
