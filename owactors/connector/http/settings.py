"""What the transport over HTTP is made of."""

from __future__ import annotations

import ssl
from typing import Any

from attrs import frozen


@frozen
class HttpFirstSettings:
    """`base` are the settings of the broker below, `key_file` the file with the cluster's key.

    `answers` is the topic of the acknowledgements for this process, "" in an invoker. `resends`: a request whose
    outcome is not known is sent by the topic as well, since who takes it knows it by its activation id. `tls` are the
    files of certificate, private key and authority, where everything is encrypted. `calls` is what the names of the
    invokers' topics begin with, in a controller.
    """

    base: Any
    key_file: str
    answers: str = ""
    resends: bool = True
    tls: tuple[str, str, str] | None = None
    calls: str = ""


@frozen
class HttpTls:
    """TLS for the side of the invoker, and for that of the controller."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@frozen
class HttpTimes:
    """Seconds, and connections to one invoker at most."""

    connect: float = 0.5
    #: and until both sides have shown their certificates
    connect_tls: float = 2.0
    #: until the status comes
    accept: float = 3.0
    #: for a connection to become free while all are in use
    patience: float = 0.02
    connections: int = 512
    #: after a failure the invoker is left alone, and after it refused the key
    rest: float = 2.0
    long_rest: float = 30.0
    #: an idle connection is not kept longer; the server closes it later
    idle: float = 30.0
    #: acknowledgements that came are confirmed together
    confirm: float = 0.2


def underlying(settings: Any) -> Any:
    """The settings of the broker, below the transport over HTTP or not."""
    return settings.base if isinstance(settings, HttpFirstSettings) else settings
