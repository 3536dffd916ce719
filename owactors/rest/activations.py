"""Activation records: `/namespaces/{ns}/activations…`, which can only be read. (OpenWhisk, Activations.scala.)"""

from __future__ import annotations

import re

from owactors.core.controller import messages
from owactors.core.controller.entitlement import ACTIVATIONS, Resource
from owactors.core.controller.rejection import bad_request
from owactors.entity.identity import Identity
from owactors.message.store import NoDocument
from owactors.rest import query
from owactors.rest.answer import Answer, json_answer
from owactors.rest.collection import Collection, Context, no_route
from owactors.rest.ports import Json
from owactors.rest.records import OUT_OF_BAND, is_out_of_band, shown_record, shown_response
from owactors.rest.request import Request
from owactors.rest.telling import EXPLAIN, FOLLOW, Telling, explained, streamed

_ID_LENGTH = 32
_ID = re.compile(r"[0-9a-f]{32}")


def checked_id(segment: str) -> str:
    """A segment that must be an activation id. Rejection 400; 404 for an empty one."""
    if not segment:
        raise no_route()
    if len(segment) != _ID_LENGTH:
        raise bad_request(f"Activation id length is {len(segment)} but must be {_ID_LENGTH}.")
    if not _ID.fullmatch(segment):
        raise bad_request(messages.ACTIVATION_ID_ILLEGAL)
    return segment


class Activations(Collection):
    """Lists, counts and shows records, their results and logs; explains them, and shows them as they come."""

    name = ACTIVATIONS
    verbs = frozenset({"GET"})

    def __init__(self, context: Context, telling: Telling | None = None) -> None:
        super().__init__(context)
        self._telling = telling

    async def handle(self, user: Identity, namespace: str, rest: list[str], request: Request) -> Answer:
        """As Collection.handle, with `/{id}`, `/{id}/result` and `/{id}/logs` below."""
        if rest in ([], [""]):
            return await super().handle(user, namespace, rest, request)
        if request.method not in self.verbs:
            raise no_route()
        if rest == [FOLLOW] and self._telling is not None and self._telling.follow is not None:
            await self.authorize(user, request.method, Resource(namespace, ACTIVATIONS))
            lines = query.boolean(request, "lines")
            return streamed(self._telling.follow(namespace, query.name_filter(request), lines))
        activation_id = checked_id(rest[0])
        await self.authorize(user, request.method, Resource(namespace, ACTIVATIONS, activation_id))
        part = rest[1:]
        if part == [EXPLAIN] and self._telling is not None:
            return await self._explain(self._telling, namespace, activation_id)
        if part not in ([], [""], ["result"], ["logs"]):
            raise no_route()
        record = await self.services.activations.get(namespace, activation_id)
        if part == ["result"]:
            return json_answer(shown_response(record["response"]))
        if part == ["logs"]:
            return json_answer({"logs": await self._log_of(record)})
        return json_answer(shown_record(record))

    async def _log_of(self, record: Json) -> list[str]:
        """The log of a record, from where it is kept; one line that says where, if it cannot be read from here."""
        lines: list[str] = record["logs"]
        if not is_out_of_band(record):
            return lines
        read = self._telling.logs if self._telling is not None else None
        found = await read(record["activationId"], record["start"]) if read is not None else None
        return [OUT_OF_BAND] if found is None else list(found)

    async def _explain(self, telling: Telling, namespace: str, activation_id: str) -> Answer:
        """What became of an activation, also while it runs; 404 if nothing is known of it in this namespace."""
        try:
            record = await self.services.activations.get(namespace, activation_id)
        except NoDocument:
            record = None
        story = await telling.story(activation_id)
        if story is not None and record is None and story.namespace != namespace:
            story = None
        return json_answer(explained(activation_id, namespace, story, record))

    async def list(self, user: Identity, namespace: str, request: Request) -> Answer:
        """Summaries, whole records with `docs`, or with `count` their number."""
        skip = query.list_skip(request, self.name)
        limit = query.list_limit(request, self.name, self.services.settings.limits)
        count = query.boolean(request, "count")
        docs = query.boolean(request, "docs")
        name = query.name_filter(request)
        since = query.epoch_ms(request, "since")
        upto = query.epoch_ms(request, "upto")
        store = self.services.activations
        if count and docs:
            raise bad_request(messages.DOCS_WITH_COUNT)
        if count:
            number = await store.count(namespace, name=name, skip=skip, since=since, upto=upto)
            return json_answer({self.name: number})
        rows = await store.list(namespace, name=name, skip=skip, limit=limit, since=since, upto=upto, docs=docs)
        return json_answer([shown_record(row) for row in rows] if docs else rows)
