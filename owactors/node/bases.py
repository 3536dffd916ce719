"""The actor bases that a node can run on (`actors.base`): whether this one can work here, and what it costs."""

from __future__ import annotations

import os

from owactors.actor import storeclient
from owactors.entity.size import ByteSize
from owactors.node.settings import Settings

OWN, TCP, UDP = "own", "multiprocTCPBase", "multiprocUDPBase"
#: UDP carries 65,507 bytes at once; beside what these limits allow there is what a message says about the call
UDP_ROOM = ByteSize.kb(32)
UDP_LIMITS = ("parameters_max", "code_max", "payload_max", "payload_truncation", "logs_max")
STOCK = (
    "actors.base = %s: its ports are open to everybody who can reach this machine, who may run code here; "
    "it is slower, and processes outlive a node that is killed until the next one starts"
)
LOSSY = "multiprocUDPBase loses messages when a buffer is full: such calls end with their time limit"


class BaseRefused(ValueError):
    """The chosen base cannot work here; the message says why and what to do."""


def check(settings: Settings) -> list[str]:
    """What the operator should know of the chosen base. BaseRefused."""
    base = settings.actors.base
    if base == OWN:
        _check_kernel()
        return []
    if base == UDP:
        _check_datagrams(settings)
        return [STOCK % base, LOSSY]
    return [STOCK % base]


def _check_kernel() -> None:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError) as problem:
        raise BaseRefused(
            f'actors.base = "own" needs process descriptors, which this system has not got ({problem}): '
            'take Linux 5.4 or later, or set actors.base to "multiprocTCPBase".'
        ) from problem


def _check_datagrams(settings: Settings) -> None:
    """What a call, an action and a record may have together has to fit into one datagram."""
    limits = {name: getattr(settings.limits, name) for name in UDP_LIMITS}
    if sum(each.bytes for each in limits.values()) > UDP_ROOM.bytes:
        named = ", ".join(f"limits.{name} = {size.as_read}" for name, size in limits.items())
        raise BaseRefused(
            f'actors.base = "{UDP}" carries 64 KB at once, and a larger message is lost: {named} must together be '
            f'{UDP_ROOM.as_read} or less. Lower them, or set actors.base to "own".'
        )


def prepare(base: str) -> None:
    """Before the first actor: processes inherit it."""
    if base == UDP:
        storeclient.BATCH.bytes = 1  # each record by itself
