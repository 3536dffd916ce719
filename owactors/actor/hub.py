"""The hub of a controller: topics in memory, for the actors of all hosts. It takes Kafka's place in a cluster.

It lives and dies with its controller. What it held of others' messages is said again by them or ends with a record.
"""

from __future__ import annotations

from attrs import frozen
from thespian.actors import ActorAddress

from owactors.actor.hubtopics import HubTopics
from owactors.actor.io import IoActor, on
from owactors.connector.port import ConnectorError
from owactors.message.bus import Append, BusAnswer, BusQuestion, BusRefused


@frozen(eq=False)
class _Reply:
    """To self."""

    to: ActorAddress
    answer: BusAnswer | BusRefused


class Hub(IoActor):
    """Answers the questions of `owactors.message.bus`."""

    def __init__(self) -> None:
        super().__init__()
        self._topics = HubTopics()

    @on(BusQuestion)
    def question(self, message: BusQuestion, sender: ActorAddress) -> None:
        request = message.request
        if isinstance(message, Append):
            self.tell(sender, self._appended(message))
            return
        self.spawn(
            self._topics.answer(message),
            done=lambda value: _Reply(sender, BusAnswer(request, value)),
            failed=lambda cause: _Reply(sender, BusRefused(request, _name(cause), str(cause))),
        )

    def _appended(self, message: Append) -> BusAnswer | BusRefused:
        """By far the most questions are these, and they need not wait for anything."""
        try:
            return BusAnswer(message.request, self._topics.append(message))
        except ConnectorError as refusal:
            return BusRefused(message.request, _name(refusal), str(refusal))

    @on(_Reply)
    def reply(self, message: _Reply, sender: ActorAddress) -> None:
        self.tell(message.to, message.answer)


def _name(cause: BaseException) -> str:
    return type(cause).__name__ if isinstance(cause, ConnectorError) else "ConnectorError"
