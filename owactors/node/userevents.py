"""Reads the user events from their topic and shows Prometheus the figures. (OpenWhisk, user-events service.)"""

from __future__ import annotations

import asyncio
import logging
import signal

from prometheus_client import disable_created_metrics, start_http_server

from owactors.connector.commit import CommitPolicy, take
from owactors.connector.port import BrokerUnavailable, Consumer
from owactors.message.event import EventMessage
from owactors.message.payload import from_payload
from owactors.node.settings import Settings
from owactors.node.wiring_messaging import broker_settings, build_messaging, cluster_topics
from owactors.observe.userevents import UserEventRecorder

LOG = logging.getLogger(__name__)
#: seconds between two tries while the broker is away
PAUSE = 1.0


def run(settings: Settings, host: str, port: int) -> None:
    """Serves until a signal comes. ImportError: what is to be installed; ConnectorError: no broker, or replaced."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library does not annotate it
    asyncio.run(_run(settings, host, port))


async def _run(settings: Settings, host: str, port: int) -> None:
    messaging, topic = build_messaging(broker_settings(settings)), cluster_topics(settings).events()
    recorder = UserEventRecorder()
    try:
        await messaging.ensure_topic(topic.name, topic.config)
        consumer = messaging.consumer(topic.name, topic.group or "", instance=topic.name)
        server, _ = start_http_server(port, host, recorder.registry)
        print(f"Figures of the user events on http://{host}:{server.server_port}/metrics; Ctrl-C stops.", flush=True)
        try:
            await _until_a_signal(asyncio.create_task(follow(consumer, recorder)))
        finally:
            server.shutdown()
            server.server_close()
    finally:
        await messaging.close()


async def _until_a_signal(following: asyncio.Task[None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, following.cancel)
    try:
        await following
    except asyncio.CancelledError:
        return


async def follow(consumer: Consumer, recorder: UserEventRecorder) -> None:
    """Counts what comes, for ever. ConnectorError when the place on the topic is somebody else's."""
    while True:
        try:
            records = await take(consumer, CommitPolicy.BEFORE_HANDLING)
        except BrokerUnavailable as problem:
            LOG.warning("the user events cannot be read now: %s", problem)
            await asyncio.sleep(PAUSE)
            continue
        for record in records:
            count(record.payload, recorder)


def count(payload: bytes, recorder: UserEventRecorder) -> None:
    """One message of the topic; one that cannot be read is passed over with a line in the log."""
    try:
        recorder.record(EventMessage.from_json(from_payload(payload)))
    except ValueError as problem:
        LOG.warning("a user event cannot be read and does not count: %s", problem)
