"""Who comes into the convention of this host's actor system, and who leaves it: hints, told to who looks after hosts.

A system that joins shows its host as a capability. What Thespian tells of it may be late, wrong or missing.
"""

from __future__ import annotations

import time

from attrs import frozen
from thespian.actors import ActorAddress, ActorSystemConventionUpdate

from owactors.actor.io import IoActor, on
from owactors.core.loadbalancer.hosts import Hosts
from owactors.message.host import HostIdentity

HOST_CAPABILITY, CONVENTION_CAPABILITY = "owactors Host", "Convention Address.IPv4"


@frozen(eq=False)
class HintsSetup:
    """The first message, of the same process as who looks at `hosts`."""

    hosts: Hosts


class ConventionHints(IoActor):
    """First message: HintsSetup."""

    @on(HintsSetup)
    def setup(self, message: HintsSetup, sender: ActorAddress) -> None:
        self._hosts = message.hosts
        self.notifyOnSystemRegistrationChanges(True)

    @on(ActorSystemConventionUpdate)
    def changed(self, message: ActorSystemConventionUpdate, sender: ActorAddress) -> None:
        host = shown_host(message.remoteCapabilities)
        if host is not None:
            self.log.info("host %s %s", host.name, "joined" if message.remoteAdded else "may have left")
            self._hosts.hinted(host, bool(message.remoteAdded), time.monotonic())


def shown_host(capabilities: object) -> HostIdentity | None:
    """The host that these capabilities of a system name, if they do."""
    shown = capabilities.get(HOST_CAPABILITY) if isinstance(capabilities, dict) else None
    parts = shown.split(" ") if isinstance(shown, str) else []
    return HostIdentity(*parts) if len(parts) == 3 else None
