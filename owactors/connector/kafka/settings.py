"""How clients speak with Kafka. (OpenWhisk, KafkaProducerConnector.scala and KafkaConsumerConnector.scala.)"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


@frozen
class KafkaSettings:
    """Addresses and times (seconds).

    `common` is passed to every client as it is, by kafka-python's names (security_protocol, sasl_mechanism …).
    """

    hosts: tuple[str, ...]
    replication_factor: int = 1
    common: Mapping[str, Any] = field(factory=dict, repr=False)
    #: a send fails when the broker has not confirmed it after this time
    delivery_timeout: float = 10.0
    #: a send to a topic not used before waits so long for the topic's partitions
    metadata_timeout: float = 2.0
    #: payload bytes of one producer that may wait for the broker; more are refused at once
    max_unsent_bytes: int = 24 * 1024 * 1024
    #: how long a member that died without a lasting id keeps its place in the group
    session_timeout: float = 30.0
    heartbeat_interval: float = 10.0
    #: a member that does not peek for so long loses its place
    max_poll_interval: float = 1800.0
    commit_timeout: float = 5.0
    #: of a client's first connection; tried again at the next use
    connect_timeout: float = 2.0
    close_timeout: float = 2.0

    def for_every_client(self) -> dict[str, Any]:
        """Settings of producers, consumers and admin clients.

        Without a small `reconnect_backoff_max_ms` a client comes back up to 30 s after its broker.
        """
        return {
            "bootstrap_servers": list(self.hosts),
            "reconnect_backoff_ms": 50,
            "reconnect_backoff_max_ms": 500,
            "bootstrap_timeout_ms": _ms(self.connect_timeout),
            **self.common,
        }

    def for_producers(self, max_request_size: int) -> dict[str, Any]:
        """Settings of a producer.

        Not idempotent: an idempotent producer of kafka-python fails for good once the broker has refused one
        record for its size. `max_block_ms` is what a send may hold up the event loop if, against expectation,
        the topic's partitions have been forgotten.
        """
        return self.for_every_client() | {
            "acks": "all",
            "enable_idempotence": False,
            "linger_ms": 0,
            "max_request_size": max_request_size,
            "max_block_ms": 100,
            "request_timeout_ms": _ms(min(2.0, self.delivery_timeout)),
            "delivery_timeout_ms": _ms(self.delivery_timeout),
            "metadata_max_age_ms": 15000,
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }

    def for_consumers(self, topic: str, group: str, max_peek: int, instance: str | None) -> dict[str, Any]:
        """Settings of a consumer; offsets are committed by hand, a group without one begins at the oldest record."""
        return self.for_every_client() | {
            "client_id": f"consumer-{topic}",
            "group_id": group,
            "group_instance_id": instance,
            "enable_auto_commit": False,
            "auto_offset_reset": "earliest",
            "session_timeout_ms": _ms(self.session_timeout),
            "heartbeat_interval_ms": _ms(self.heartbeat_interval),
            "max_poll_interval_ms": _ms(self.max_poll_interval),
            "max_poll_records": max_peek,
            "request_timeout_ms": 30000,
            "fetch_max_wait_ms": 500,
            "allow_auto_create_topics": False,
            "metrics_enabled": False,
        }


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
