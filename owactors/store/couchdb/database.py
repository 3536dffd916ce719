"""One database of the server: documents, attachments, views, and many documents at once."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode

import orjson
from attrs import frozen

from owactors.message.store import DocumentConflict, NoDocument, StoreUnavailable
from owactors.store.couchdb.client import CouchClient, segment
from owactors.store.couchdb.exact import document_bytes, exact_document
from owactors.store.couchdb.exchange import Answer
from owactors.store.document import generation_of, identity_of

Json = dict[str, Any]
Rows = list[Json]

_REVISION = re.compile(r"\d+-[0-9a-f]{32}")
#: documents asked for by id in one request
_KEYS = 500


@frozen(eq=False)
class CouchDatabase:
    """The database `name`."""

    client: CouchClient
    name: str

    # -- one document

    async def get(self, doc_id: str) -> Json:
        """The whole document. NoDocument."""
        answer = await self.client.request("GET", self._path(doc_id))
        return exact_document(self._found(answer, doc_id))

    async def put(self, document: Json) -> str:
        """Creates or updates; the new revision. DocumentConflict."""
        doc_id = identity_of(document)
        _check_revision(document.get("_rev"), doc_id)
        body = document_bytes(document)
        answer = await self.client.request("PUT", self._path(doc_id), body)
        if answer.status == 409 and answer.repeated:
            return await self._written_before(document)
        if answer.status in (409, 412):
            raise DocumentConflict(doc_id)
        return self._revision(answer, doc_id)

    async def _written_before(self, document: Json) -> str:
        """A conflict with oneself: an earlier try had reached the server, only its answer was lost."""
        doc_id = document["_id"]
        try:
            current = await self.get(doc_id)
        except NoDocument:
            raise DocumentConflict(doc_id) from None
        before = document.get("_rev")
        follows = before is None or generation_of(current["_rev"]) == generation_of(before) + 1
        if follows and _content(current) == _content(document):
            return str(current["_rev"])
        raise DocumentConflict(doc_id)

    async def delete(self, doc_id: str, rev: str) -> None:
        """NoDocument, DocumentConflict."""
        path = self._path(doc_id)
        if _REVISION.fullmatch(rev):
            answer = await self.client.request("DELETE", f"{path}?rev={rev}")
            if answer.status not in (404, 409):
                self._found(answer, doc_id)
                return
            if answer.repeated and not await self._exists(doc_id):
                return  # an earlier try had removed it
        await self.get(doc_id)  # servers differ in what they answer for a missing document or revision
        raise DocumentConflict(doc_id)

    async def _exists(self, doc_id: str) -> bool:
        try:
            await self.get(doc_id)
        except NoDocument:
            return False
        return True

    async def attach(self, doc_id: str, rev: str, name: str, content_type: str, data: bytes) -> str:
        """The document's new revision. DocumentConflict."""
        _check_revision(rev, doc_id)
        path = f"{self._path(doc_id)}/{segment(name)}?rev={rev}"
        answer = await self.client.request("PUT", path, data, content_type)
        if answer.status == 409 and answer.repeated:
            return await self._attached_before(doc_id, rev, name, data)
        if answer.status in (404, 409):
            raise DocumentConflict(doc_id)
        revision = self._revision(answer, doc_id)
        if generation_of(revision) == 1:  # pouchdb-server makes a document that was not there
            await self.delete(doc_id, revision)
            raise DocumentConflict(doc_id)
        return revision

    async def _attached_before(self, doc_id: str, rev: str, name: str, data: bytes) -> str:
        """As `_written_before`."""
        try:
            current = await self.get(doc_id)
        except NoDocument:
            raise DocumentConflict(doc_id) from None
        stub = current.get("_attachments", {}).get(name, {})
        digest = "md5-" + base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()
        if generation_of(current["_rev"]) == generation_of(rev) + 1 and stub.get("digest") == digest:
            return str(current["_rev"])
        raise DocumentConflict(doc_id)

    async def attachment(self, doc_id: str, name: str) -> tuple[str, bytes]:
        """Content type and bytes. NoDocument."""
        answer = await self.client.request("GET", f"{self._path(doc_id)}/{segment(name)}")
        if answer.status != 200:
            self._found(answer, f"{doc_id}/{name}")
        return answer.content_type, answer.body

    # -- many documents

    async def bulk(self, documents: Iterable[bytes]) -> Answer:
        """Writes many, each encoded; 200/201 with a row for each in this order, or 413: together they are too large."""
        body = b'{"docs":[' + b",".join(documents) + b"]}"
        answer = await self.client.request("POST", f"/{segment(self.name)}/_bulk_docs", body)
        if answer.status not in (200, 201, 202, 400, 413):
            self._found(answer, "")
        return answer

    async def revisions(self, doc_ids: Sequence[str]) -> dict[str, str]:
        """The current revisions of those that exist."""
        found: dict[str, str] = {}
        for begin in range(0, len(doc_ids), _KEYS):
            body = document_bytes({"keys": list(doc_ids[begin : begin + _KEYS])})
            answer = await self.client.request("POST", f"/{segment(self.name)}/_all_docs", body)
            for row in self._found(answer, "")["rows"]:
                value = row.get("value") or {}
                if value.get("rev") and not value.get("deleted"):
                    found[row["id"]] = value["rev"]
        return found

    async def between(self, first: str, last: str | None, *, docs: bool, limit: int = 0) -> Rows:
        """Rows of the documents with these ids, both included, in the order of their ids. `last` None: to the end."""
        options: Json = {"startkey": first, "include_docs": docs, **({"limit": limit} if limit else {})}
        if last is not None:
            options["endkey"] = last
        answer = await self.client.request(
            "GET", f"/{segment(self.name)}/_all_docs?{_query(options)}", timeout=self.client.settings.view_timeout
        )
        rows: Rows = self._found(answer, "")["rows"]
        return rows

    async def ids(self, after: str, most: int) -> list[str]:
        """Up to `most` ids of documents that are no design documents, ascending, those after `after`."""
        found: list[str] = []
        while len(found) < most:
            rows = await self.between(after, None, docs=False, limit=most + 1)
            found += [row["id"] for row in rows if row["id"] > after and not row["id"].startswith("_design/")]
            if len(rows) <= most:
                break
            after = rows[-1]["id"]
        return found[:most]

    async def view(self, view: str, **options: Any) -> Rows:
        """Rows of `design document/view`, as up to date as the documents."""
        design, _, name = view.partition("/")
        path = f"/{segment(self.name)}/_design/{segment(design)}/_view/{segment(name)}?{_query(options)}"
        answer = await self.client.request("GET", path, timeout=self.client.settings.view_timeout)
        if answer.status == 404:
            raise StoreUnavailable(
                f"database {self.name} of CouchDB at {self.client.settings.url} has no view {view} "
                f"({answer.reason}): run `owactors store init`"
            )
        rows: Rows = self._found(answer, view)["rows"]
        return rows

    # -- answers

    def _path(self, doc_id: str) -> str:
        try:
            return f"/{segment(self.name)}/{segment(doc_id)}"
        except UnicodeEncodeError:
            raise NoDocument(doc_id) from None

    def _found(self, answer: Answer, subject: str) -> Json:
        """The answer's JSON. NoDocument; StoreUnavailable if the database is missing or something is wrong."""
        if answer.status == 404:
            if "atabase" in answer.reason or "no_db" in answer.reason:
                raise StoreUnavailable(
                    f"CouchDB at {self.client.settings.url} has no database {self.name}: run `owactors store init`"
                )
            raise NoDocument(subject)
        told = answer.json
        if answer.status >= 400 or not isinstance(told, dict):
            raise StoreUnavailable(f"CouchDB refuses {subject or self.name}: {answer.status} {answer.reason}")
        return told

    def _revision(self, answer: Answer, doc_id: str) -> str:
        return str(self._found(answer, doc_id)["rev"])


def _query(options: Json) -> str:
    return urlencode({key: orjson.dumps(value).decode() for key, value in options.items()}).replace("+", "%20")


def _check_revision(rev: str | None, doc_id: str) -> None:
    """What cannot be a revision is not the current one."""
    if rev is not None and not _REVISION.fullmatch(rev):
        raise DocumentConflict(doc_id)


def _content(document: Json) -> Json:
    return {field: value for field, value in document.items() if not field.startswith("_")}
