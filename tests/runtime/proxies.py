"""A proxy started on this machine without any sandbox, spoken to with plain sockets."""

from __future__ import annotations

import base64
import http.client
import io
import json
import os
import socket
import subprocess
import zipfile
from pathlib import Path
from typing import Any

from owactors.runtime import LAUNCH_FOLDER, find_launcher

SENTINEL = "XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX\n"
PATIENCE = 30


class Proxy:
    """A running proxy; use it as a context manager. Its output is in `out` and `err` after the end."""

    def __init__(self, kind: str, folder: Path, **environment: str) -> None:
        launcher = find_launcher(kind)
        assert launcher is not None, kind
        self.folder = folder
        self.out = self.err = ""
        path = folder / "s"
        ready, said = os.pipe()
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(os.path.relpath(path))
            listener.listen(8)
            options = ["--listen-fd", str(listener.fileno()), "--ready-fd", str(said)]
            self.process = subprocess.Popen(
                launcher.command(str(LAUNCH_FOLDER)) + options,
                pass_fds=(listener.fileno(), said),
                cwd=folder,
                env={"PATH": os.environ["PATH"], **environment},
                stdout=(folder / "out").open("ab"),
                stderr=(folder / "err").open("ab"),
            )
        os.close(said)
        assert os.read(ready, 1) == b"1"
        os.close(ready)
        self.connection = http.client.HTTPConnection("action", timeout=PATIENCE)
        self.connection.sock = socket.socket(socket.AF_UNIX)
        self.connection.sock.settimeout(PATIENCE)
        self.connection.sock.connect(os.path.relpath(path))

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()
        self.process.kill()
        self.process.wait()
        self.out = (self.folder / "out").read_text(errors="replace")
        self.err = (self.folder / "err").read_text(errors="replace")

    def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        """Status and JSON of the answer; `body` is sent as JSON unless it is bytes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.connection.request("POST", path, data, {"Content-Type": "application/json", **headers})
        response = self.connection.getresponse()
        return response.status, json.loads(response.read() or b"null")

    def init(self, code: str, main: str = "main", binary: bool = False, **more: Any) -> tuple[int, Any]:
        """POST /init."""
        value = {"name": "hello", "main": main, "code": code, "binary": binary, **more}
        return self.post("/init", {"value": value})

    def run(self, value: Any = None, **fields: Any) -> tuple[int, Any]:
        """POST /run."""
        return self.post("/run", {"value": {} if value is None else value, **fields})


def zipped(files: dict[str, str], links: dict[str, str] | None = None, modes: dict[str, int] | None = None) -> str:
    """Base64 of a zip with these files and symbolic links."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (0o100000 | (modes or {}).get(name, 0o644)) << 16
            archive.writestr(info, text)
        for name, target in (links or {}).items():
            info = zipfile.ZipInfo(name)
            info.external_attr = 0o120777 << 16
            archive.writestr(info, target)
    return base64.b64encode(data.getvalue()).decode()
