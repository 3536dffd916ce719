"""After a crash: every call that was accepted and never ended gets its record, which says that it was lost."""

from __future__ import annotations

import json
import logging

from owactors.core.loadbalancer.lost import lost_activation
from owactors.entity.activation import ActivationResponse, WhiskActivation
from owactors.entity.errors import DeserializationError
from owactors.entity.parameters import Parameters
from owactors.message.activation import ActivationMessage
from owactors.message.store import Acceptance
from owactors.store.port import ActivationStore

logger = logging.getLogger(__name__)
REASON = "The activation was accepted and lost: the node ended before it was finished. It may have run."


async def end_lost_calls(activations: ActivationStore, now: int) -> int:
    """Stores a record for each acceptance without one; how many there were. `now` in epoch ms."""
    lost = await activations.unfinished()
    for acceptance in lost:
        await activations.store(_record(acceptance, now).to_json())
    if lost:
        logger.warning("%d accepted activations were lost when the node ended; their records say so", len(lost))
    return len(lost)


def _record(acceptance: Acceptance, now: int) -> WhiskActivation:
    try:
        message = ActivationMessage.from_json(json.loads(acceptance.message))
    except (ValueError, DeserializationError):
        return _bare_record(acceptance, now)
    return lost_activation(message, REASON, now)


def _bare_record(acceptance: Acceptance, now: int) -> WhiskActivation:
    """What can be said of a sequence, a trigger, or a message that cannot be read."""
    return WhiskActivation(
        namespace=acceptance.namespace,
        name="unknown",
        subject=acceptance.namespace,
        activation_id=acceptance.activation_id,
        start=acceptance.accepted_at,
        end=now,
        response=ActivationResponse.whisk_error(REASON),
        annotations=Parameters(),
        duration=0,
    )
