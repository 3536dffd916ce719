"""The operator's side of a node that runs on a data folder of this machine."""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from attrs import frozen

from owactors.cli.failure import NODE_ERROR, Failure
from owactors.message.store import DocumentConflict, NoDocument
from owactors.node.folder import ADMIN_KEY, NODE_URL

Json = dict[str, Any]
Rows = list[Json]
_REFUSALS = {"NoDocument": NoDocument, "DocumentConflict": DocumentConflict}
_SECONDS = 10.0


@frozen
class RunningNode:
    """Where it listens, and the key of its operator's routes."""

    url: str
    key: str

    @classmethod
    def of(cls, folder: Path) -> RunningNode | None:
        """The node that has this data folder open, None if none answers. Failure if its key may not be read."""
        try:
            node = cls((folder / NODE_URL).read_text().strip(), (folder / ADMIN_KEY).read_text().strip())
        except FileNotFoundError:
            return None
        except PermissionError as problem:
            raise Failure(f"{problem.filename} may not be read: use the node's own user.", NODE_ERROR) from problem
        try:
            node.ask("GET", "status")
        except ConnectionError:
            return None  # killed, and has left its files
        return node

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One of the operator's routes. ConnectionError if nobody listens; Failure for a refusal."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/owactors/v1/{path}", data, method=method)
        request.add_header("Authorization", f"Bearer {self.key}")
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as refusal:
            raise Failure(f"the node refused: {_error_of(refusal)}.", NODE_ERROR) from refusal
        except urllib.error.URLError as problem:
            raise ConnectionError(str(problem.reason)) from problem


def _error_of(refusal: urllib.error.HTTPError) -> str:
    try:
        return str(json.load(refusal)["error"]).rstrip(".")
    except (ValueError, KeyError, TypeError):
        return f"HTTP {refusal.code}"


@frozen
class NodesSubjects:
    """The store of subjects of a running node; the methods are those of SubjectStore."""

    node: RunningNode

    async def get(self, doc_id: str) -> Json:
        """As SubjectStore.get."""
        found: Json = await self._call("get", doc_id=doc_id)
        return found

    async def put(self, document: Json) -> str:
        """As SubjectStore.put."""
        return str(await self._call("put", document=document))

    async def delete(self, doc_id: str, rev: str) -> None:
        """As SubjectStore.delete."""
        await self._call("delete", doc_id=doc_id, rev=rev)

    async def list(self, *, skip: int = 0, limit: int = 0) -> Rows:
        """As SubjectStore.list."""
        found: Rows = await self._call("list", skip=skip, limit=limit)
        return found

    async def by_namespace(self, namespace: str) -> Rows:
        """As SubjectStore.by_namespace."""
        found: Rows = await self._call("by_namespace", namespace=namespace)
        return found

    async def limits(self, namespace: str) -> Json:
        """As SubjectStore.limits."""
        found: Json = await self._call("limits", namespace=namespace)
        return found

    async def _call(self, method: str, **arguments: Any) -> Any:
        order = {"method": method, "arguments": arguments}
        answer = await asyncio.to_thread(self.node.ask, "POST", "subjects", order)
        if "refused" in answer:
            raise _REFUSALS[answer["refused"]](answer["subject"])
        return answer["result"]
