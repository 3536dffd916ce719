"""A registry of images on loopback with one image, which counts what it is asked for."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from attrs import define, field

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@define
class Registry:
    """`image` is what the engine has to be asked for; `pulls` counts how often its manifest was read."""

    image: str = ""
    asked: list[str] = field(factory=list)
    _content: dict[str, tuple[str, bytes]] = field(factory=dict)

    @property
    def pulls(self) -> int:
        """Requests for the manifest by its tag, whichever method."""
        return len([path for path in self.asked if path == "/v2/box/manifests/1"])

    def add(self, archive: bytes) -> None:
        """The image of a docker-archive with one layer, and a file more: so it is an image that no engine has yet."""
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            files = {name: tar.extractfile(name).read() for name in tar.getnames()}  # type: ignore[union-attr]
        described = json.loads(files["manifest.json"])[0]
        tree, settings = _with_a_file(files["layer.tar"]), json.loads(files[described["Config"]])
        settings["rootfs"]["diff_ids"] = ["sha256:" + hashlib.sha256(tree).hexdigest()]
        parts = [(CONFIG, json.dumps(settings).encode()), (LAYER, gzip.compress(tree, 1, mtime=0))]
        config, layer = (self._keep("blobs", kind, data) for kind, data in parts)
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]}
        text = json.dumps(manifest).encode()
        self._keep("manifests", MANIFEST, text)
        self._content["/v2/box/manifests/1"] = (MANIFEST, text)

    def answer(self, path: str) -> tuple[str, bytes] | None:
        """Type and content, None for what is not here."""
        self.asked.append(path)
        return ("application/json", b"{}") if path == "/v2/" else self._content.get(path)

    def _keep(self, place: str, kind: str, data: bytes) -> dict[str, object]:
        digest = "sha256:" + hashlib.sha256(data).hexdigest()
        self._content[f"/v2/box/{place}/{digest}"] = (kind, data)
        return {"mediaType": kind, "size": len(data), "digest": digest}


def _with_a_file(layer: bytes) -> bytes:
    data = io.BytesIO(layer)
    with tarfile.open(fileobj=data, mode="a") as tar:
        content = os.urandom(16)
        info = tarfile.TarInfo("box")
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


@contextmanager
def registry(archive: bytes) -> Iterator[Registry]:
    """A registry that has this image."""
    served = Registry()
    served.add(archive)

    class Answer(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._say(with_body=True)

        def do_HEAD(self) -> None:
            self._say(with_body=False)

        def _say(self, with_body: bool) -> None:
            found = served.answer(self.path)
            kind, data = found or ("application/json", b'{"errors": [{"code": "NOT_FOUND"}]}')
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.send_header("Docker-Content-Digest", "sha256:" + hashlib.sha256(data).hexdigest())
            self.end_headers()
            if with_body:
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        served.image = f"127.0.0.1:{server.server_address[1]}/box:1"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield served
        server.shutdown()
