"""The topics of OpenWhisk's wire: names, settings, consumer groups. (OpenWhisk, application.conf, kafka.topics.)"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import field, frozen

from owactors.entity.instance import ControllerInstanceId

MIB = 1024 * 1024
#: what a message may have beside an activation's payload or result
SERDES_OVERHEAD = 6068
#: activation messages and acknowledgements: the largest payload and what is around it
MAX_MESSAGE_BYTES = MIB + SERDES_OVERHEAD

SECOND = 1000
HOUR = 3600 * SECOND

#: the group of OpenWhisk's user-events service
EVENTS_GROUP = "kamon"


@frozen
class TopicConfig:
    """How long a topic keeps what; it loses its oldest records by age (ms) or by size. None: the broker's default."""

    retention_ms: int
    max_message_bytes: int | None = None
    retention_bytes: int = 1024 * MIB
    segment_bytes: int = 512 * MIB
    partitions: int = 1

    def to_kafka(self) -> dict[str, str]:
        """The topic settings by Kafka's names; the number of partitions is not one of them."""
        config = {
            "retention.ms": str(self.retention_ms),
            "retention.bytes": str(self.retention_bytes),
            "segment.bytes": str(self.segment_bytes),
        }
        if self.max_message_bytes is not None:
            config["max.message.bytes"] = str(self.max_message_bytes)
        return config


#: by OpenWhisk's names of the configuration keys
TOPIC_CONFIGS: Mapping[str, TopicConfig] = {
    "invoker": TopicConfig(48 * HOUR, MAX_MESSAGE_BYTES),
    "completed": TopicConfig(HOUR, MAX_MESSAGE_BYTES),
    "health": TopicConfig(HOUR),
    "cache-invalidation": TopicConfig(300 * SECOND),
    "events": TopicConfig(HOUR),
    "controllers": TopicConfig(300 * SECOND),
    "hosts": TopicConfig(300 * SECOND),
    "log-lines": TopicConfig(60 * SECOND, MAX_MESSAGE_BYTES),
}


@frozen
class Topic:
    """A topic as it must be, and the group that reads it (None: each reader has its own, or nobody here does)."""

    name: str
    config: TopicConfig
    group: str | None = None


@frozen
class Topics:
    """All topics of one installation. `prefix` is in front of every name and group but that of `events`."""

    prefix: str = ""
    user_event_prefix: str = ""
    configs: Mapping[str, TopicConfig] = field(default=TOPIC_CONFIGS)

    @property
    def invokers(self) -> str:
        """What the names of all invokers' topics begin with; the number follows."""
        return f"{self.prefix}invoker"

    def invoker(self, instance: int) -> Topic:
        """Activation messages for the invoker of this number."""
        return self._own(f"invoker{instance}", "invoker")

    def completed(self, controller: ControllerInstanceId) -> Topic:
        """Acknowledgements for this controller."""
        return self._own(f"completed{controller.as_string}", "completed")

    def health(self, controller: ControllerInstanceId | None = None) -> Topic:
        """Pings of all invokers; every controller reads all of them, in a group of its own."""
        group = None if controller is None else f"{self.prefix}health{controller.as_string}"
        return Topic(self.prefix + "health", self.configs["health"], group)

    def cache_invalidation(self, controller: ControllerInstanceId | None = None) -> Topic:
        """What controllers changed; every controller reads all of it, in a group of its own."""
        group = None if controller is None else f"{self.prefix}cacheInvalidation{controller}"
        return Topic(self.prefix + "cacheInvalidation", self.configs["cache-invalidation"], group)

    def controllers(self, controller: ControllerInstanceId | None = None) -> Topic:
        """Heartbeats of the controllers, which OpenWhisk has not; every controller reads them in a group of its own."""
        group = None if controller is None else f"{self.prefix}controllerHeartbeat{controller.as_string}"
        return Topic(self.prefix + "controllerHeartbeat", self.configs["controllers"], group)

    def hosts(self, controller: ControllerInstanceId | None = None) -> Topic:
        """Heartbeats of the hosts, which OpenWhisk has not; every controller reads them in a group of its own."""
        group = None if controller is None else f"{self.prefix}hostHeartbeat{controller.as_string}"
        return Topic(self.prefix + "hostHeartbeat", self.configs["hosts"], group)

    def log_lines(self, controller: ControllerInstanceId) -> Topic:
        """What running activations print, which OpenWhisk has not; made and read when somebody follows it there."""
        return self._own(f"logLines{controller.as_string}", "log-lines")

    def events(self) -> Topic:
        """User events of controllers and invokers."""
        return Topic(self.user_event_prefix + "events", self.configs["events"], EVENTS_GROUP)

    def _own(self, name: str, config: str) -> Topic:
        return Topic(self.prefix + name, self.configs[config], self.prefix + name)
