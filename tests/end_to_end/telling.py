"""An action that says to the test that it runs, and who listens: so runs are counted, whatever becomes of records."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

#: options of a node whose actions reach the test: it listens on the same machine
REACHES = ("--set", "sandbox.network=host")
#: tells `url` that it runs, under its activation id, and then takes `seconds`
TELLING = """
import os, time, urllib.request
def main(args):
    urllib.request.urlopen(args['url'] + os.environ['__OW_ACTIVATION_ID'], timeout=50).read()
    time.sleep(args.get('seconds', 0))
    return {}
"""


@contextmanager
def told(address: str = "127.0.0.1") -> Iterator[tuple[str, Counter[str]]]:
    """Where actions say that they run, and how often each activation did."""
    runs: Counter[str] = Counter()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            runs[self.path.strip("/")] += 1
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer((address, 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://{address}:{server.server_port}/", runs
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
