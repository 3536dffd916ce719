"""What controllers of one cluster tell each other: that they are there. OpenWhisk has Pekko's cluster for it."""

from __future__ import annotations

from attrs import frozen

from owactors.entity.instance import ControllerInstanceId
from owactors.entity.jsonfields import JsonObject, as_bool, as_int, as_object, as_string, maybe, need, strings


@frozen
class ChangesSaid:
    """What a controller says of the documents that it has changed: `number` of them in this `life` of its process.

    `latest` are the ids of the last ones, the newest at the end; a document may be among them more than once.
    """

    life: str = ""
    number: int = 0
    latest: tuple[str, ...] = ()


@frozen
class ControllerHeartbeat:
    """This controller is there, or leaves, and has changed these documents."""

    instance: ControllerInstanceId
    leaving: bool = False
    said: ChangesSaid = ChangesSaid()

    def to_json(self) -> JsonObject:
        """`{controller, leaving, life, changes, latest}`; `controller` holds the instance."""
        said = self.said
        changes = {"life": said.life, "changes": said.number, "latest": list(said.latest)}
        return {"controller": self.instance.to_json(), "leaving": self.leaving, **changes}

    @classmethod
    def from_json(cls, value: object) -> ControllerHeartbeat:
        """Reads the object; a missing `leaving` means that it stays, and without the others it has changed nothing."""
        source = as_object(value)
        instance = need(source, "controller", ControllerInstanceId.from_json)
        life, number = maybe(source, "life", as_string) or "", maybe(source, "changes", as_int) or 0
        said = ChangesSaid(life, number, maybe(source, "latest", strings) or ())
        return cls(instance, maybe(source, "leaving", as_bool) or False, said)


@frozen
class Leave:
    """To the membership of this controller: tell the others that it leaves, and say no more."""


@frozen
class DocumentChanged:
    """To the membership: this controller has changed the document. Its heartbeats will say so."""

    doc_id: str


@frozen
class ControllersKnown:
    """To the membership: according to the store that all share there are these controllers, by their ids."""

    controllers: frozenset[str]


@frozen
class DocumentsDoubted:
    """To a controller: others may have changed these documents unheard, with None any; read them again."""

    doc_ids: tuple[str, ...] | None = None


@frozen
class HearsOthers:
    """To a controller: whether it hears of every change that another one makes."""

    sure: bool


@frozen
class ClusterSize:
    """So many controllers share the invokers; `members` are their ids, as far as they are known."""

    size: int
    members: tuple[str, ...] = ()


@frozen
class BusTick:
    """The broker passes messages on: `now` in seconds of a clock that stands still while it does not."""

    now: float
