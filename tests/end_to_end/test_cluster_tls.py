"""A cluster without Kafka whose hosts speak TLS with each other."""

from __future__ import annotations

import pytest

from owactors.actorbase import TLS_AUTHORITY, TLS_CERTIFICATE, TLS_KEY
from tests.actorbase import certificates
from tests.end_to_end.clusters import Cluster
from tests.store.couchserver import CouchServer

SETTINGS = {TLS_CERTIFICATE: "tls_certificate", TLS_KEY: "tls_key", TLS_AUTHORITY: "tls_authority"}


@pytest.mark.services
def test_calls_reach_an_invoker_over_tls(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("tls")
    files = certificates.make(folder / "certificates")
    options = [word for name, path in files.items() for word in ("--set", f"cluster.{SETTINGS[name]}={path}")]
    with CouchServer.running(folder / "couchdb") as couch, couch.databases() as couchdb:
        cluster = Cluster(None, couchdb, folder, *options)
        controller = cluster.controller("0")
        cluster.invoker(0)
        try:
            cluster.start()
            controller.wait_for(40, invoker0="up")
            controller.deploy("hello", "def main(args):\n    return {'n': args['n']}")
            for number in range(3):
                reply = controller.invoke("hello", {"n": number})
                assert reply.status == 200, reply.body
                assert reply.json["response"]["result"] == {"n": number}
        finally:
            cluster.close()
