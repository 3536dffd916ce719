"""Calls over HTTP that are encrypted: with certificates of one authority, and with nobody else."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from attrs import evolve

from owactors.actor.frontdoor import FrontDoor
from owactors.actorbase.tls import AUTHORITY, CERTIFICATE, PRIVATE_KEY
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.settings import HttpTls
from owactors.connector.memory.provider import MemoryMessaging
from owactors.connector.port import DIRECT
from owactors.node.wiring_messaging import http_tls
from owactors.rest.invokeroute import InvokeRoute
from owactors.store.recentids import RecentIds
from tests.actorbase import certificates
from tests.connector.httppair import CONFIG, OWN, TIMES, message
from tests.connector.httpworld import SEAL, Served

PATIENT = evolve(TIMES, connect_tls=20.0)


def files(folder: Path) -> tuple[str, str, str]:
    made = certificates.make(folder)
    return made[CERTIFICATE], made[PRIVATE_KEY], made[AUTHORITY]


def ways(controller: HttpTls | None, invoker: HttpTls | None) -> dict[str, int]:
    """How a call goes from a controller to an invoker, each with its own TLS or none; it arrives in any case."""

    async def whole() -> dict[str, int]:
        broker = MemoryMessaging()
        sender = HttpFirstMessaging(broker, SEAL, times=PATIENT, tls=controller)
        reader = HttpFirstMessaging(broker, SEAL, tls=invoker)
        door = FrontDoor(OWN, reader, RecentIds(), 10, lambda _: None)
        await reader.ensure_topic(OWN, CONFIG)
        served = Served(InvokeRoute(door, SEAL, 100_000), invoker and invoker.server)
        sender.learn(OWN, "127.0.0.1", served.port)
        try:
            sent = await sender.producer().send(OWN, message("a1"))
            if sent.partition == DIRECT:
                assert (await reader.consumer(OWN, OWN).peek(timeout=5))[0].payload == message("a1")
            else:
                assert len(broker.log(OWN).records) == 1
        finally:
            await sender.close()
            await served.close()
            await reader.close()
        return dict(sender.ways.counts)

    async def in_time(act: Callable[[], Awaitable[dict[str, int]]]) -> dict[str, int]:
        async with asyncio.timeout(60):
            return await act()

    return asyncio.run(in_time(whole))


def test_a_call_goes_over_https_where_both_have_certificates_of_one_authority(tmp_path: Path) -> None:
    both = http_tls(files(tmp_path))
    assert ways(both, both) == {"sent": 1}


def test_without_the_other_sides_certificate_nothing_is_said(tmp_path: Path) -> None:
    own, other = http_tls(files(tmp_path / "a")), http_tls(files(tmp_path / "b"))
    assert ways(own, other) == {"unreachable": 1}
    assert ways(own, None) == {"unreachable": 1}
    assert ways(None, own) == {"unsure": 1}


@pytest.mark.parametrize("broken", [0, 1, 2])
def test_files_that_cannot_be_used_are_named(tmp_path: Path, broken: int) -> None:
    given = files(tmp_path)
    Path(given[broken]).write_text("nonsense")
    with pytest.raises(ValueError, match=r"cluster.tls_certificate, tls_key and tls_authority \(.*\) cannot be used"):
        http_tls(given)


def test_who_only_asks_how_an_invoker_is_needs_no_certificate(tmp_path: Path) -> None:
    tls = http_tls(files(tmp_path))
    assert (tls.server.verify_mode, tls.client.verify_mode) == (ssl.CERT_OPTIONAL, ssl.CERT_REQUIRED)
