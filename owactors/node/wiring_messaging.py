"""From settings to the transport: how the roles of a cluster speak with each other."""

from __future__ import annotations

import socket
import ssl
from typing import Any

from owactors import actorbase
from owactors.actor.bus import BusSettings
from owactors.actor.busmessaging import BusMessaging
from owactors.actor.messaging import MESSAGING
from owactors.actorbase.keys import BadKeyFile, load_key
from owactors.actorbase.tls import AUTHORITY, CERTIFICATE, PRIVATE_KEY, Tls
from owactors.connector.http.provider import HttpFirstMessaging
from owactors.connector.http.settings import HttpFirstSettings, HttpTls
from owactors.connector.port import MessagingProvider
from owactors.connector.settings import BrokerSettings
from owactors.connector.topics import Topics
from owactors.core.requestseal import RequestSeal
from owactors.entity.instance import ControllerInstanceId
from owactors.node.settings import Settings

MessagingSettings = BrokerSettings | BusSettings | HttpFirstSettings


def messaging_settings(settings: Settings, controller: str = "") -> MessagingSettings:
    """How roles speak with each other. `controller` is the id of the one in this process. ValueError."""
    base, cluster = broker_settings(settings, controller), settings.cluster
    if not cluster.http_first:
        return base
    if cluster.key_file is None:
        raise ValueError("calls over HTTP need cluster.key_file, the same key on all hosts (--secret-file).")
    topics = cluster_topics(settings)
    answers = topics.completed(ControllerInstanceId(controller)).name if controller else ""
    resends = settings.kafka.delivery == "accepted-once"
    calls = topics.invokers if controller else ""
    return HttpFirstSettings(base, str(cluster.key_file), answers, resends, tls_files(settings), calls)


def tls_files(settings: Settings) -> tuple[str, str, str] | None:
    """Certificate, private key and authority. ValueError: some are missing, or cannot be used."""
    cluster = settings.cluster
    files = [str(path) for path in (cluster.tls_certificate, cluster.tls_key, cluster.tls_authority) if path]
    if not files:
        return None
    if len(files) < 3:
        raise ValueError("TLS needs cluster.tls_certificate, cluster.tls_key and cluster.tls_authority together.")
    certificate, key, authority = files
    http_tls((certificate, key, authority))
    return certificate, key, authority


def http_tls(files: tuple[str, str, str]) -> HttpTls:
    """Both ends show a certificate of the authority; who only asks an invoker how it is need not. ValueError."""
    try:
        made = Tls.of(dict(zip((CERTIFICATE, PRIVATE_KEY, AUTHORITY), files, strict=True)))
    except (OSError, BadKeyFile) as problem:
        raise ValueError(
            f"cluster.tls_certificate, tls_key and tls_authority ({', '.join(files)}) cannot be used: {problem}"
        ) from problem
    assert made is not None
    made.server.verify_mode = ssl.CERT_OPTIONAL
    return HttpTls(made.server, made.client)


def broker_settings(settings: Settings, controller: str = "") -> BrokerSettings | BusSettings:
    """Where the brokers are, or the controllers' buses."""
    kafka, cluster = settings.kafka, settings.cluster
    if cluster.transport == "kafka":
        return BrokerSettings(kafka.hosts, kafka.replication_factor, kafka.common)
    entrances = tuple(entrance(each) for each in cluster.join)
    return BusSettings(cluster_topics(settings), entrances, controller, ", ".join(cluster.join))


def cluster_topics(settings: Settings) -> Topics:
    """The names of the topics."""
    return Topics(settings.kafka.topics_prefix, settings.kafka.user_events_prefix)


def entrance(text: str) -> Any:
    """The first actor of the process that listens at this host:port. ValueError: the host is not known."""
    host, _, port = text.rpartition(":")
    try:
        return actorbase.address(socket.gethostbyname(host), int(port))
    except OSError as problem:
        raise ValueError(f"cluster.join: {host} is not known: {problem}") from problem


def build_messaging(settings: MessagingSettings) -> MessagingProvider:
    """The provider for what `messaging_settings` gave. ImportError: what is to be installed."""
    if isinstance(settings, HttpFirstSettings):
        seal = RequestSeal(load_key(settings.key_file))
        tls = http_tls(settings.tls) if settings.tls else None
        return HttpFirstMessaging(
            MESSAGING.get(settings.base),
            seal,
            settings.answers,
            resends=settings.resends,
            tls=tls,
            calls=settings.calls,
        )
    if isinstance(settings, BusSettings):
        return BusMessaging(settings)
    from owactors.connector.kafka.provider import KafkaMessaging
    from owactors.connector.kafka.settings import KafkaSettings

    return KafkaMessaging(KafkaSettings(settings.hosts, settings.replication_factor, settings.common))
