"""Addresses of a node: who reaches it where."""

from __future__ import annotations

import socket
from ipaddress import ip_address
from urllib.parse import urlsplit

from owactors.node.settings import Settings


def is_loopback(host: str) -> bool:
    """True for an address that only this machine reaches."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def api_host(settings: Settings) -> str:
    """Where an action reaches the API: what `__OW_API_HOST` says."""
    return settings.invoker.api_host or local_url(settings.node.host, settings.node.port)


def local_url(host: str, port: int) -> str:
    """Where programs on this machine reach a node that listens on `host`."""
    reached = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://{f'[{reached}]' if ':' in reached else reached}:{port}"


def port_of(url: str) -> int:
    """The port that a URL names, or its scheme's; 0 if it is none."""
    try:
        parts = urlsplit(url if "://" in url else f"//{url}")
        return parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
    except ValueError:
        return 0


def own_address(towards: str) -> str:
    """The IPv4 address of this host on the way to a host:port, its own included; loopback without one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((towards.rpartition(":")[0], 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
