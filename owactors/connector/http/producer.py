"""Sends to the invoker itself if it can be reached and has room, else by the broker."""

from __future__ import annotations

from collections.abc import Mapping

from owactors.connector.http.endpoint import Endpoint, NotTaken, Outcome, Taken, Unsure
from owactors.connector.http.ways import LARGE, RESTING, SENT, UNANNOUNCED, Ways
from owactors.connector.port import DIRECT, BrokerUnavailable, ConnectorClosed, NotSent, Producer, Sent
from owactors.message.invoke import sent_before

#: what a broker counts around a record
RECORD_OVERHEAD = 88


class HttpFirstProducer:
    """See `owactors.connector.port.Producer`. `ways` is told how sends went that could go over HTTP."""

    def __init__(self, base: Producer, endpoints: Mapping[str, Endpoint], most: int, resends: bool, ways: Ways) -> None:
        self._base, self._endpoints, self._most = base, endpoints, most
        self._resends, self._ways = resends, ways
        self._closed = False

    async def send(self, topic: str, payload: bytes) -> Sent:
        """Returns when the invoker has it, or the broker.

        BrokerUnavailable as well when it is not known whether the invoker has it, and it must not get it twice.
        """
        if self._closed:
            raise ConnectorClosed("the producer is closed")
        endpoint = self._chosen(topic, len(payload))
        if endpoint is not None:
            outcome = await endpoint.invoke(payload)
            self._note(topic, endpoint, outcome)
            if isinstance(outcome, Taken):
                return Sent(topic, DIRECT, outcome.position)
            if isinstance(outcome, Unsure) and not self._resends:
                raise BrokerUnavailable(f"the reader of {topic} broke off: {outcome.why}")
            if isinstance(outcome, Unsure):
                return await self._send_copy(topic, payload)
        return await self._base.send(topic, payload)

    def _chosen(self, topic: str, size: int) -> Endpoint | None:
        """Where a message of so many bytes goes over HTTP, if it does."""
        endpoint = self._endpoints.get(topic)
        if endpoint is None:
            if self._ways.is_of_invoker(topic):
                self._ways.went(topic, UNANNOUNCED, "no heartbeat of it says where it takes them")
            return None
        if size + RECORD_OVERHEAD > self._most:
            self._ways.went(topic, LARGE, "the messages are too large for a request")
            return None
        if not endpoint.ready:
            self._ways.went(topic, RESTING, f"{endpoint.trouble} ({endpoint.host}:{endpoint.port})")
            return None
        return endpoint

    def _note(self, topic: str, endpoint: Endpoint, outcome: Outcome) -> None:
        where = f"({endpoint.host}:{endpoint.port})"
        match outcome:
            case Taken():
                self._ways.went(topic, SENT)
            case Unsure(why):
                self._ways.went(topic, "unsure", f"{why} {where}")
            case NotTaken(why, detail):
                self._ways.went(topic, why, f"{detail} {where}")

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
