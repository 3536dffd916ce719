"""Reads and writes entities: documents of the store as values, cached by id.

Actions, packages and triggers are cached until they change here, are invalidated from outside, or have not been
asked for in a while; rules are never cached. A value read while something was being written is not kept, so that
no old version stays behind. What may have changed unheard is read again, or used as it is while the store cannot be
reached. (OpenWhisk, WhiskEntityStore.scala, MultipleReadersSingleWriterCache.scala.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar

from attrs import evolve

from owactors.core.attachment import attach, attachment_name, detach
from owactors.core.controller import messages
from owactors.core.controller.rejection import Rejection, conflict, not_found
from owactors.core.controller.resolved import ResolvedAction
from owactors.entity.action import WhiskAction
from owactors.entity.errors import DeserializationError
from owactors.entity.ids import DocRevision
from owactors.entity.package import WhiskPackage
from owactors.entity.parameters import Parameters
from owactors.entity.rule import WhiskRule
from owactors.entity.trigger import WhiskTrigger
from owactors.message.store import DocumentConflict, NoDocument, StoreUnavailable
from owactors.rest.cache import ExpiringCache
from owactors.rest.entitycache import EntityCache
from owactors.rest.ports import Json, Services

E = TypeVar("E", WhiskAction, WhiskPackage, WhiskTrigger, WhiskRule)
Entity = WhiskAction | WhiskPackage | WhiskTrigger | WhiskRule

_KINDS: tuple[tuple[str, str], ...] = (
    ("exec", "action"),
    ("binding", "package"),
    ("trigger", "rule"),
    ("parameters", "trigger"),
)
_MAX_CACHED = 20_000
_MAX_BINDINGS = 16


class NotInCollection(Exception):
    """There is a document of that id, of another kind."""


class Corrupted(Exception):
    """The document cannot be read as what it says it is."""


def refusal_of(error: Exception) -> Rejection:
    """How a store's refusal is told to a client."""
    if isinstance(error, NoDocument):
        return not_found()
    if isinstance(error, NotInCollection):
        return conflict(messages.NOT_IN_COLLECTION)
    if isinstance(error, DocumentConflict):
        return conflict(messages.CONCURRENT_MODIFICATION)
    if isinstance(error, StoreUnavailable):
        return Rejection(503, error.reason)
    return Rejection(500, messages.CORRUPTED if isinstance(error, Corrupted) else "")


#: what reading or writing may raise besides a Rejection
STORE_ERRORS = (NoDocument, NotInCollection, DocumentConflict, StoreUnavailable, Corrupted)


def _kind_of(document: Json) -> str:
    kind = document.get("entityType")
    if isinstance(kind, str):
        return kind
    return next((kind for field, kind in _KINDS if field in document), "")


class Repository:
    """The entities of a controller. Methods raise the errors of `STORE_ERRORS`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._store = services.entities
        ttl, clock = services.settings.entity_ttl, services.monotonic
        self._cached: EntityCache[Entity] = EntityCache(ttl, clock)
        #: with the time at which each was resolved
        self._resolved: ExpiringCache[str, tuple[float, ResolvedAction]] = ExpiringCache(ttl, clock, _MAX_CACHED)
        self._last_update = 0

    # --- reading ---------------------------------------------------------------------------------

    async def action(self, doc_id: str) -> WhiskAction:
        """An action; its code is only there if it is kept in the document."""
        return await self._get(doc_id, WhiskAction, self._read_action)

    async def action_with_code(self, doc_id: str) -> WhiskAction:
        """An action with its code, wherever that is kept."""
        document = await self._document(doc_id, "action")
        name = attachment_name(document)
        if name is not None:
            document = attach(document, (await self._store.attachment(doc_id, name))[1])
        return self._read_action(attach(document))

    async def package(self, doc_id: str) -> WhiskPackage:
        """A package or binding."""
        return await self._get(doc_id, WhiskPackage, WhiskPackage.from_json)

    async def trigger(self, doc_id: str) -> WhiskTrigger:
        """A trigger."""
        return await self._get(doc_id, WhiskTrigger, WhiskTrigger.from_json)

    async def rule(self, doc_id: str) -> WhiskRule:
        """A rule."""
        document = await self._document(doc_id, "rule")
        return _read(document, WhiskRule.from_json)

    def _read_action(self, document: Json) -> WhiskAction:
        return WhiskAction.from_json(document, self._services.manifest)

    async def _get(self, doc_id: str, kind: type[E], reader: Callable[[Json], E]) -> E:
        known = await self._cached.get(doc_id, partial(self._again, doc_id))
        if known is None:
            reading = self._cached.begin()
            fresh = _read(await self._document(doc_id, _NAME_OF[kind]), reader)
            self._cached.keep(doc_id, fresh, reading)
            return fresh
        if not isinstance(known, kind):
            raise NotInCollection
        return known

    async def _again(self, doc_id: str, known: Entity) -> Entity | None:
        """What the store has of it now; the known one if that is it."""
        try:
            document = await self._document(doc_id, _NAME_OF[type(known)])
            if document.get("_rev") == known.revision.text:
                return known
            if isinstance(known, WhiskAction):
                return _read(document, self._read_action)
            if isinstance(known, WhiskPackage):
                return _read(document, WhiskPackage.from_json)
            return _read(document, WhiskTrigger.from_json)
        except (NoDocument, NotInCollection, Corrupted):
            return None

    async def _document(self, doc_id: str, kind: str) -> Json:
        document = await self._store.get(doc_id)
        if _kind_of(document) != kind:
            raise NotInCollection
        return document

    # --- resolving -------------------------------------------------------------------------------

    async def provider_of(self, doc_id: str) -> tuple[WhiskPackage, Parameters]:
        """The package that a binding finally stands for, and the merged parameters along the way."""
        package = await self.package(doc_id)
        overlays: list[Parameters] = []
        for _ in range(_MAX_BINDINGS):
            if package.binding is None:
                break
            overlays.append(package.parameters)
            package = await self.package(package.binding.doc_id)
        else:
            raise Rejection(422, messages.binding_circular(doc_id))
        merged = package.parameters
        for overlay in reversed(overlays):
            merged = merged.merged(overlay)
        return package, merged

    async def resolved_id(self, namespace: str, name: str) -> str:
        """The document id of an action after following a binding; `namespace` is "ns" or "ns/pkg"."""
        if "/" not in namespace:
            return f"{namespace}/{name}"
        package, _ = await self.provider_of(namespace)
        return f"{package.doc_id}/{name}"

    def known_resolved(self, doc_id: str) -> ResolvedAction | None:
        """The action of that path if it was resolved before and nothing has changed since."""
        known = self._resolved.get(doc_id)
        if known is None or self._services.monotonic() - known[0] >= self._cached.age:
            return None
        return known[1]

    async def resolve(self, namespace: str, name: str) -> ResolvedAction:
        """An action ready to be invoked; `namespace` is "ns" or "ns/pkg", which may be a binding."""
        doc_id = f"{namespace}/{name}"
        known = self.known_resolved(doc_id)
        if known is not None:
            return known
        reading = self._cached.begin()
        if "/" not in namespace:
            resolved = ResolvedAction.of(await self.action(doc_id))
        else:
            package, inherited = await self.provider_of(namespace)
            action = await self.action(f"{package.doc_id}/{name}")
            binding = None if package.doc_id == namespace else namespace
            resolved = ResolvedAction.of(action, inherited, binding)
        if self._cached.lasts(reading):
            self._resolved.put(doc_id, (reading.began, resolved))
        return resolved

    # --- writing ---------------------------------------------------------------------------------

    def _updated(self) -> int:
        """A time for `updated`: now, but later than the last one, so that lists have one order."""
        self._last_update = max(self._services.now(), self._last_update + 1)
        return self._last_update

    async def save(self, entity: E) -> E:
        """Creates or updates (by its revision); answers the entity with its new revision and time."""
        entity = evolve(entity, updated=self._updated())
        document, attachment = detach(self._locked(entity).to_document(), self._services.settings.max_inline_code)
        self._begin_change(entity.doc_id)
        try:
            revision = await self._store.put(document)
            if attachment is not None:
                revision = await self._store.attach(
                    entity.doc_id, revision, attachment.name, attachment.content_type, attachment.data
                )
        finally:
            self._end_change(entity)
        return evolve(entity, revision=DocRevision(revision))

    def _locked(self, entity: Entity) -> Entity:
        """What is stored: of actions and packages the parameters may be locked; a sequence has none of its own."""
        if isinstance(entity, WhiskPackage) or (isinstance(entity, WhiskAction) and not entity.is_sequence):
            return evolve(entity, parameters=self._services.lock(entity.parameters))
        return entity

    async def remove(self, entity: Entity) -> None:
        """Deletes the entity's revision."""
        self._begin_change(entity.doc_id)
        try:
            await self._store.delete(entity.doc_id, entity.revision.text)
        finally:
            self._end_change(entity)

    def _begin_change(self, doc_id: str) -> None:
        self.invalidate((doc_id,))

    def _end_change(self, entity: Entity) -> None:
        """Others are told, but not of rules, which nobody keeps: their triggers change with them."""
        self.invalidate((entity.doc_id,))
        if not isinstance(entity, WhiskRule):
            self._services.changed(entity.doc_id)

    def invalidate(self, doc_ids: Iterable[str]) -> None:
        """Forgets documents that have changed, here or at another controller."""
        self._cached.drop(doc_ids)
        self._resolved.clear()

    def doubt(self, doc_ids: Iterable[str] | None) -> None:
        """These documents, or with None any, may have changed: they are read again, if the store can be reached."""
        self._cached.doubt(doc_ids)
        self._resolved.clear()

    @property
    def hears(self) -> bool:
        """Whether every change at another controller is heard; while it is not, nothing is used for long."""
        return self._cached.hears

    @hears.setter
    def hears(self, hears: bool) -> None:
        self._cached.hears = hears

    # --- listing ---------------------------------------------------------------------------------

    async def rows(
        self, collection: str, namespace: str, skip: int = 0, limit: int = 0, docs: bool = False
    ) -> list[Json]:
        """Rows of a collection, the latest change first; `limit` 0 for all."""
        return await self._store.list(collection, namespace, skip=skip, limit=limit, docs=docs)

    async def count(self, collection: str, namespace: str, skip: int = 0) -> int:
        """How many rows there are beyond `skip`."""
        return await self._store.count(collection, namespace, skip=skip)


_NAME_OF: dict[type[Any], str] = {WhiskAction: "action", WhiskPackage: "package", WhiskTrigger: "trigger"}


def _read(document: Json, reader: Callable[[Json], E]) -> E:
    try:
        return reader(document)
    except DeserializationError as error:
        raise Corrupted(str(error)) from error
