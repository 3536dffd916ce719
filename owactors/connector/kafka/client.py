"""Making kafka-python's clients, and saying their errors in the port's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer
from kafka import errors as kafka_errors

from owactors.connector.kafka.settings import KafkaSettings
from owactors.connector.port import (
    BrokerUnavailable,
    ConnectorError,
    FencedInstance,
    MessageTooLarge,
    NoSuchTopic,
)

#: what kafka-python adds to a payload when it compares it with max_request_size
RECORD_OVERHEAD = 88

_MEANING: tuple[tuple[type[Exception], type[ConnectorError]], ...] = (
    (kafka_errors.MessageSizeTooLargeError, MessageTooLarge),
    (kafka_errors.RecordListTooLargeError, MessageTooLarge),
    (kafka_errors.FencedInstanceIdError, FencedInstance),
    (kafka_errors.UnknownTopicOrPartitionError, NoSuchTopic),
    (kafka_errors.BrokerNotAvailableError, BrokerUnavailable),
    (kafka_errors.RetriableError, BrokerUnavailable),
)


def translated(error: Exception, what: str) -> ConnectorError:
    """The port's error for one of kafka-python's; `what` could not be done."""
    for theirs, ours in _MEANING:
        if isinstance(error, theirs):
            return ours(f"{what}: {error}")
    return ConnectorError(f"{what}: {error!r}")


def connected(
    make: Callable[..., Any], config: dict[str, Any], watch: Callable[[Any], None] = lambda client: None
) -> Any:
    """`make(**config)`, or an error that leaves nothing behind. `watch` is shown the network client that it uses.

    A constructor that does not reach the broker forgets to end the thread it has started.
    """
    opened: list[Any] = []

    def remember(**options: Any) -> Any:
        opened.append(KafkaConsumer.DEFAULT_CONFIG["kafka_client"](**options))
        watch(opened[-1])
        return opened[-1]

    try:
        return make(**config, kafka_client=remember)
    except kafka_errors.KafkaError as error:
        for client in opened:
            client.close()
        raise translated(
            error, f"no connection with Kafka at {', '.join(config['bootstrap_servers'])} (kafka.hosts)"
        ) from error


@contextmanager
def administration(settings: KafkaSettings, what: str) -> Iterator[Any]:
    """An admin client for one errand; `what` could not be done if it fails."""
    admin = connected(KafkaAdminClient, settings.for_every_client())
    try:
        yield admin
    except kafka_errors.KafkaError as error:
        raise translated(error, what) from error
    finally:
        admin.close()


def topics_of_brokers(settings: KafkaSettings) -> set[str]:
    """The names of all topics there are. Raises BrokerUnavailable."""
    with administration(settings, "listing the topics") as admin:
        return set(admin.list_topics())
