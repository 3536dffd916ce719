"""After a crash: every call that was accepted and never ended gets its record, which says that it was lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Container

from attrs import evolve, frozen

from owactors.core.acceptedby import acceptor_of, bare
from owactors.core.invoker.fallback import fallback_activation
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.parameters import Parameters
from owactors.message.activation import ActivationMessage
from owactors.message.store import Acceptance
from owactors.store.port import ActivationStore

logger = logging.getLogger(__name__)
REASON = "The activation was accepted and lost: the node ended before it was finished. It may have run."
_LOST = ActivationResponse.whisk_error(REASON)


async def end_lost_calls(
    activations: ActivationStore, now: int, chosen: Callable[[Acceptance], bool] = lambda _: True
) -> int:
    """Stores a record for each chosen acceptance without one; how many there were. `now` in epoch ms."""
    lost = [acceptance for acceptance in await activations.unfinished() if chosen(acceptance)]
    for acceptance in lost:
        await activations.store(_record(acceptance, now).to_json())
    if lost:
        logger.warning("%d accepted activations were lost when the node ended; their records say so", len(lost))
    return len(lost)


@frozen
class FormerLife:
    """Tells which calls of a controller's life before `began` (epoch ms) are lost, while invokers live on.

    What an invoker was to run may still run there for `patience` seconds; all else ended with the controller. What
    another controller accepted is its own business while it is there.
    """

    began: int
    patience: float
    #: of this controller, where it keeps its calls in the store of another one
    life: str = ""
    #: others that are there and may keep theirs in this one's store
    others: Container[str] = ()

    def lost(self, acceptance: Acceptance, now: int) -> bool:
        """Whether nobody will end it any more."""
        acceptor, over = acceptor_of(acceptance.message), now - acceptance.accepted_at > self.patience * 1000
        if acceptor is not None:
            return over and acceptor.controller not in self.others
        former = acceptance.life != self.life if self.life else acceptance.accepted_at < self.began
        return former and (over or not _for_an_invoker(acceptance))


def _for_an_invoker(acceptance: Acceptance) -> bool:
    """A message; what was accepted otherwise was the controller's own work."""
    try:
        ActivationMessage.from_json(json.loads(bare(acceptance.message)))
    except ValueError:
        return False
    return True


def _record(acceptance: Acceptance, now: int) -> WhiskActivation:
    try:
        content = json.loads(bare(acceptance.message))
        if "trigger" in content:
            return _lost_fire(content["trigger"], now)
        return fallback_activation(ActivationMessage.from_json(content), _LOST, now)
    except (ValueError, TypeError):
        return _bare_record(acceptance, now)


def _lost_fire(trigger: object, now: int) -> WhiskActivation:
    """A trigger was fired, and which of its rules were followed is not known."""
    return evolve(WhiskActivation.from_json(trigger), response=_LOST, end=now)


def _bare_record(acceptance: Acceptance, now: int) -> WhiskActivation:
    """What can be said when the acceptance cannot be read."""
    return WhiskActivation(
        namespace=acceptance.namespace,
        name="unknown",
        subject=acceptance.namespace,
        activation_id=acceptance.activation_id,
        start=acceptance.accepted_at,
        end=now,
        response=_LOST,
        annotations=Parameters(),
        duration=0,
    )
