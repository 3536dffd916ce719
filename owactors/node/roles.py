"""What a host runs, by the load balancer and the transport that the settings choose."""

from __future__ import annotations

from owactors.node import brokered, host, lean
from owactors.node.host import Roles
from owactors.node.settings import Settings

CONTROLLER, INVOKER = Roles(controller=True, invoker=False), Roles(controller=False, invoker=True)


def completed(settings: Settings, roles: Roles) -> Settings:
    """With what its command need not say."""
    over_kafka = settings.cluster.transport == "kafka"
    return brokered.completed(settings) if over_kafka else host.completed(settings, roles)


def run(settings: Settings, roles: Roles) -> int:
    """Runs them until SIGINT or SIGTERM; the exit code. The settings are completed; over Kafka it is one role."""
    if settings.controller.load_balancer == "lean":
        return lean.run(settings, roles)
    if settings.cluster.transport != "kafka":
        return host.run_host(settings, roles)
    return brokered.run_controller(settings) if roles.controller else brokered.run_invoker(settings)
