"""When a consumer's records count as done: a choice between losing and repeating."""

from __future__ import annotations

from enum import Enum

from owactors.connector.port import Consumer, Record


class CommitPolicy(Enum):
    """What a crash does to records that were read.

    BEFORE_HANDLING: committed at once, so none is ever read twice and a crash loses those not handled yet
    (OpenWhisk, MessageConsumer.scala). AFTER_ACCEPTANCE: the reader commits when it has put them where a
    crash cannot reach; until then they will be read again, and it knows them by their activation ids.
    """

    BEFORE_HANDLING = "before-handling"
    AFTER_ACCEPTANCE = "after-acceptance"


async def take(
    consumer: Consumer, policy: CommitPolicy, max_records: int | None = None, timeout: float = 1.0
) -> list[Record]:
    """Peeks, and commits if the policy says so.

    Raises what either raises; then nothing was taken and the same records come again.
    """
    records = await consumer.peek(max_records, timeout)
    if records and policy is CommitPolicy.BEFORE_HANDLING:
        await consumer.commit()
    return records
