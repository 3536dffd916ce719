"""A cluster without Kafka whose hosts speak TLS with each other, on the bus and over HTTP."""

from __future__ import annotations

import ssl
import urllib.request

import pytest

from owactors.actorbase import TLS_AUTHORITY, TLS_CERTIFICATE, TLS_KEY
from tests.actorbase import certificates
from tests.end_to_end.clusters import Cluster
from tests.end_to_end.test_cluster import sent_over_http
from tests.store.couchserver import CouchServer

SETTINGS = {TLS_CERTIFICATE: "tls_certificate", TLS_KEY: "tls_key", TLS_AUTHORITY: "tls_authority"}


@pytest.mark.services
def test_calls_reach_an_invoker_over_tls(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tls")
    files = certificates.make(folder / "certificates")
    options = ["--http-first"]
    options += [word for name, path in files.items() for word in ("--set", f"cluster.{SETTINGS[name]}={path}")]
    with CouchServer.running(folder / "couchdb") as couch, couch.databases() as couchdb:
        cluster = Cluster(None, couchdb, folder, *options)
        controller = cluster.controller("0")
        invoker = cluster.invoker(0)
        invoker.tls = ssl.create_default_context(cafile=files[TLS_AUTHORITY])
        invoker.tls.check_hostname = False
        try:
            cluster.start()
            controller.wait_for(40, invoker0="up")
            controller.deploy("hello", "def main(args):\n    return {'n': args['n']}")
            for number in range(3):
                reply = controller.invoke("hello", {"n": number})
                assert reply.status == 200, reply.body
                assert reply.json["response"]["result"] == {"n": number}

            def goes_over_https() -> bool:
                assert controller.invoke("hello", {"n": 1}).status == 200
                return sent_over_http(controller) > 0

            controller.wait_until(goes_over_https, "the controller knows where the invoker takes calls", 40)
            with pytest.raises(ConnectionError):
                urllib.request.urlopen(f"http://127.0.0.1:{invoker.port}/ping", timeout=30)
            with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
                urllib.request.urlopen(f"https://127.0.0.1:{invoker.port}/ping", timeout=30)
            assert invoker.request("POST", "/invoke", b"{}", auth=None).status == 401
        finally:
            cluster.close()
