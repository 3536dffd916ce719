"""A CouchDB for tests: the one of OWACTORS_TEST_COUCHDB or COUCHDB_URL, else one that is started for them."""

from __future__ import annotations

import base64
import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

import pytest
from attrs import define, evolve

from owactors.store.couchdb.settings import CouchSettings

CHECKOUT = Path(__file__).parents[2]
_SCRIPT = CHECKOUT / "scripts" / "services.d" / "couchdb"


@define
class CouchServer:
    """A running server. `folder` is None if it is somebody else's, which can be neither killed nor restarted."""

    url: str
    folder: Path | None = None

    @classmethod
    @contextmanager
    def running(cls, folder: Path, *, own: bool = False, memory: bool = True) -> Iterator[CouchServer]:
        """Skips the test where there can be no server; fails it in CI. `own`: one that may be killed."""
        given = os.environ.get("OWACTORS_TEST_COUCHDB") or os.environ.get("COUCHDB_URL")
        if given and not own:
            yield cls(given)
            return
        server = cls("", folder)
        server.start(memory=memory)
        try:
            yield server
        finally:
            server._run("stop")

    def start(self, *, memory: bool = False) -> None:
        """Starts it; after `end` and `kill` with the same data and port."""
        done = self._run("start", **({"MEMORY": "1"} if memory else {}))
        if done.returncode == 3:
            missing(done.stderr.strip().splitlines()[-1])
        assert done.returncode == 0, done.stderr
        self.url = done.stdout.strip()

    def kill(self) -> None:
        """SIGKILL."""
        assert self._run("kill").returncode == 0

    def end(self) -> None:
        """SIGTERM; its data stay."""
        assert self._run("end").returncode == 0

    def _run(self, command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        own = {key: value for key, value in os.environ.items() if key != "COUCHDB_URL"}
        return subprocess.run(
            [str(_SCRIPT), command, str(self.folder)],
            env={**own, "OWNER": str(os.getpid()), **environment},
            capture_output=True,
            text=True,
            timeout=110,
        )

    @contextmanager
    def databases(self) -> Iterator[CouchSettings]:
        """Settings with a prefix of their own; the databases are removed afterwards."""
        settings = evolve(CouchSettings.of(self.url), prefix=f"test_{uuid.uuid4().hex[:12]}_")
        try:
            yield settings
        finally:
            for name in (settings.entities, settings.subjects, settings.activations):
                try:
                    plain(settings, "DELETE", f"/{name}")
                except OSError:
                    pass  # never made, or the server is gone


def missing(why: str) -> None:
    """The service is not there: a reason to skip, but not in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"CI must have every service: {why}")
    pytest.skip(why)


def plain(settings: CouchSettings, method: str, path: str, body: bytes | None = None) -> bytes:
    """An exchange without the product's client."""
    headers = {"Accept": "application/json", "Content-Type": "application/json"}
    if settings.username:
        pair = base64.b64encode(f"{settings.username}:{settings.password}".encode()).decode()
        headers["Authorization"] = f"Basic {pair}"
    assert urlsplit(settings.url).scheme == "http"
    with urlopen(Request(settings.url + path, body, headers, method=method), timeout=30) as answer:
        answered: bytes = answer.read()
    return answered
