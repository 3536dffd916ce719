"""Reads what other controllers changed. (OpenWhisk, RemoteCacheInvalidation.scala.)

Also what was there before it began to read: a document may have been kept before that.
"""

from __future__ import annotations

from typing import Any

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.io import on
from owactors.actor.topicreader import TopicReader
from owactors.connector.topics import Topics
from owactors.entity.instance import ControllerInstanceId
from owactors.message.cache import CacheInvalidationMessage
from owactors.message.supervision import CacheInvalid


@frozen(eq=False)
class InvalidationSetup:
    """The first message. `controller` is told of every document that another one changed."""

    controller: Any
    messaging: Any
    topics: Topics
    instance: ControllerInstanceId


class CacheInvalidation(TopicReader):
    """See the module's text."""

    @on(InvalidationSetup)
    def setup(self, message: InvalidationSetup, sender: ActorAddress) -> None:
        self._setup = message
        topic = message.topics.cache_invalidation(message.instance)
        self.read_topic(message.messaging, topic, str(message.instance))

    def received(self, value: Any) -> None:
        """Its own are passed over."""
        change = CacheInvalidationMessage.from_json(value)
        if change.instance_id != str(self._setup.instance):
            self.tell(self._setup.controller, CacheInvalid(change.key.main_id))
