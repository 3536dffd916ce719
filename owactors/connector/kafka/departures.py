"""Tells which records certainly never left this process."""

from __future__ import annotations

from collections import Counter
from typing import Any

from kafka.protocol.producer import ProduceRequest


class Departures:
    """Counts, by topic, the requests that kafka-python handed to a connection.

    A record that was put into its buffer, and failed without a further request for its topic, was in none of them.
    Requests are counted by kafka-python's thread before their first byte goes out.
    """

    def __init__(self) -> None:
        self._requests: Counter[str] = Counter()

    def before(self, topic: str) -> int:
        """To be asked before a record is put into the buffer, and given to `none_since` when it failed."""
        return self._requests[topic]

    def none_since(self, topic: str, before: int) -> bool:
        """Whether no request has left since then."""
        return self._requests[topic] == before

    def watch(self, client: Any) -> None:
        """Counts what this network client of kafka-python is given to send."""
        send = client.send

        def counted(node_id: Any, request: Any, **options: Any) -> Any:
            if isinstance(request, ProduceRequest):
                self._requests.update(topic.name for topic in request.topic_data)
            return send(node_id, request, **options)

        client.send = counted
