"""The three databases of one CouchDB."""

from __future__ import annotations

import asyncio
import logging
import threading

from attrs import define, field

from owactors.message.store import StoreUnavailable
from owactors.store.couchdb.activations import CouchActivations
from owactors.store.couchdb.client import CouchClient
from owactors.store.couchdb.database import CouchDatabase
from owactors.store.couchdb.documents import CouchDocuments
from owactors.store.couchdb.initialise import initialise
from owactors.store.couchdb.outbox import Outbox
from owactors.store.couchdb.settings import CouchSettings
from owactors.store.couchdb.subjects import CouchSubjects
from owactors.store.entities import Entities

log = logging.getLogger(__name__)

#: how often, and how long together, what nobody waits for is tried when the store closes
_LAST_TRIES = 3
_LAST_SECONDS = 10.0


@define(eq=False)
class CouchStore:
    """A Store (see `port`). Several processes and OpenWhisk itself may have the databases open."""

    settings: CouchSettings
    _client: CouchClient = field(init=False)
    entities: Entities = field(init=False)
    subjects: CouchSubjects = field(init=False)
    activations: CouchActivations = field(init=False)

    def __attrs_post_init__(self) -> None:
        client = self._client = CouchClient(self.settings)
        self.entities = Entities(CouchDocuments(CouchDatabase(client, self.settings.entities)))
        self.subjects = CouchSubjects(CouchDatabase(client, self.settings.subjects))
        self.activations = CouchActivations(CouchDatabase(client, self.settings.activations))

    @classmethod
    def open(cls, settings: CouchSettings) -> CouchStore:
        """Makes databases and views that are missing. StoreUnavailable: away, not allowed. Blocks shortly."""
        initialise(settings)
        return cls(settings)

    @property
    def trouble(self) -> str | None:
        """Why the last request failed; None: it did not."""
        return self._client.trouble

    async def close(self) -> None:
        """Writes what waits, as far as the server is there, and drops the connections."""
        self.activations.outbox.closed = True
        await _write_rest(self.activations.outbox)
        self._client.close()

    def close_now(self) -> None:
        """As `close`, for those who have no loop any longer. Blocks."""
        outbox = self.activations.outbox
        outbox.closed = True
        rest = outbox.unconfirmed()
        if rest:
            last = Outbox(CouchDatabase(CouchClient(self.settings), self.settings.activations))
            for parcel in rest:
                parcel.entry, parcel.confirmed = None, None
                last.soon(parcel)
            writing = threading.Thread(target=lambda: asyncio.run(_write_rest(last)), name="couchdb-close")
            writing.start()
            writing.join()
        self._client.close()


async def _write_rest(outbox: Outbox) -> None:
    try:
        async with asyncio.timeout(_LAST_SECONDS):
            for _ in range(_LAST_TRIES):
                try:
                    await outbox.flush()
                except StoreUnavailable:
                    await asyncio.sleep(0.1)
                else:
                    return
    except TimeoutError:
        pass
    lost = outbox.unconfirmed()
    if lost:
        log.error("the store closes without having written %d entries: %s", len(lost), outbox.database.client.trouble)
