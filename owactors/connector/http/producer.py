"""Sends to the invoker itself if it can be reached and has room, else by the broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from owactors.connector.http.endpoint import Endpoint, Taken, Unsure
from owactors.connector.port import DIRECT, BrokerUnavailable, ConnectorClosed, NotSent, Producer, Sent
from owactors.message.invoke import sent_before

#: what a broker counts around a record
RECORD_OVERHEAD = 88


class HttpFirstProducer:
    """See `owactors.connector.port.Producer`. `counts` tells how sends went that could go over HTTP."""

    def __init__(
        self, base: Producer, endpoints: Mapping[str, Endpoint], most: int, resends: bool, counts: Counter[str]
    ) -> None:
        self._base, self._endpoints, self._most = base, endpoints, most
        self._resends, self._counts = resends, counts
        self._closed = False

    async def send(self, topic: str, payload: bytes) -> Sent:
        """Returns when the invoker has it, or the broker.

        BrokerUnavailable as well when it is not known whether the invoker has it, and it must not get it twice.
        """
        if self._closed:
            raise ConnectorClosed("the producer is closed")
        endpoint = self._endpoints.get(topic)
        if endpoint is not None and endpoint.ready and len(payload) + RECORD_OVERHEAD <= self._most:
            outcome = await endpoint.invoke(payload)
            self._counts["sent" if isinstance(outcome, Taken) else _why(outcome)] += 1
            if isinstance(outcome, Taken):
                return Sent(topic, DIRECT, outcome.position)
            if isinstance(outcome, Unsure) and not self._resends:
                raise BrokerUnavailable(f"the reader of {topic} broke off: {outcome.why}")
            if isinstance(outcome, Unsure):
                return await self._send_copy(topic, payload)
        return await self._base.send(topic, payload)

    async def _send_copy(self, topic: str, payload: bytes) -> Sent:
        """By the broker; what the broker does not get may be with the invoker all the same."""
        try:
            return await self._base.send(topic, sent_before(payload))
        except NotSent as problem:
            raise BrokerUnavailable(str(problem)) from problem

    async def close(self) -> None:
        """Sends no more."""
        self._closed = True
        await self._base.close()


def _why(outcome: object) -> str:
    return "unsure" if isinstance(outcome, Unsure) else str(getattr(outcome, "why", ""))
