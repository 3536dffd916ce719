"""What sandboxes may reach: rules for iptables, or for nftables where there is no iptables.

iptables goes first, for its rules come before those of Docker or ufw in the same chains, so what they forbid by default
is allowed to sandboxes; of several nftables tables the strictest wins.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Sequence

from attrs import frozen

LINK_LOCAL = "169.254.0.0/16"
"""Where clouds tell a machine its secrets."""


class FirewallFailed(Exception):
    """The rules cannot be set; the message says why."""


@frozen
class Border:
    """`bridge`: the device of this node's sandboxes, which have addresses of `network`; `any_bridge`: what the names of
    such devices of all nodes begin with. `resolvers`: where they may ask for names on this machine, `ports`: which of
    its ports they may use at `gateway`. `guarded`: devices that did not forward before and shall do so for us only.
    """

    id: str
    bridge: str
    any_bridge: str
    network: str
    gateway: str
    resolvers: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    guarded: tuple[str, ...] = ()

    @property
    def allowed(self) -> list[tuple[str, str, int]]:
        """(protocol, address, port) of this machine that a sandbox may reach."""
        names = [(protocol, address, 53) for address in self.resolvers for protocol in ("udp", "tcp")]
        return names + [("tcp", self.gateway, port) for port in self.ports]


def install(border: Border) -> str:
    """Set the rules; the name of the tool. Raises FirewallFailed."""
    reasons = []
    for tool, command, text in (
        ("iptables", ["iptables-restore", "-w", "5", "--noflush"], iptables_rules(border)),
        ("nftables", ["nft", "-f", "-"], nftables_rules(border)),
    ):
        if shutil.which(command[0]) is None:
            reasons.append(f"{command[0]} is not installed")
            continue
        refused = _run(command, text)
        if not refused:
            return tool
        reasons.append(f"{tool}: {refused}")
        remove(border)
    raise FirewallFailed("; ".join(reasons) + " (Debian: apt-get install iptables)")


def remove(border: Border) -> None:
    """Take the rules away; those that are not there are fine."""
    for line in _iptables_removal(border):
        with contextlib.suppress(FileNotFoundError):
            _run(["iptables", "-w", "5", *line])
    with contextlib.suppress(FileNotFoundError):
        _run(["nft", "delete", "table", "ip", _table(border)])


def iptables_rules(border: Border) -> str:
    """What iptables-restore reads."""
    bridge, network = border.bridge, border.network
    into, through = _chains(border)
    lines = ["*nat", f"-I POSTROUTING -s {network} ! -o {bridge} -j MASQUERADE", "COMMIT"]
    lines += ["*filter", f":{into} - [0:0]", f":{through} - [0:0]"]
    lines += [f"-A {into} ! -s {network} -j DROP"]
    lines += [f"-A {into} -p {p} -d {a} --dport {n} -j ACCEPT" for p, a, n in border.allowed]
    lines += [f"-A {into} -j REJECT"]
    lines += [f"-A {through} -i {bridge} ! -s {network} -j DROP"]
    lines += [f"-A {through} -i {bridge} -o {border.any_bridge}+ -j REJECT"]
    lines += [f"-A {through} -i {bridge} -d {LINK_LOCAL} -j REJECT"]
    lines += [f"-A {through} -i {bridge} -j ACCEPT"]
    lines += [f"-A {through} -o {bridge} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"]
    lines += [f"-A {through} -o {bridge} -j DROP"]
    lines += [f"-A {through} -i {device} ! -o {border.any_bridge}+ -j DROP" for device in border.guarded]
    lines += [f"-I INPUT -i {bridge} -j {into}", f"-I FORWARD -j {through}", "COMMIT", ""]
    return "\n".join(lines)


def _iptables_removal(border: Border) -> list[list[str]]:
    into, through = _chains(border)
    lines = [
        f"-t nat -D POSTROUTING -s {border.network} ! -o {border.bridge} -j MASQUERADE",
        f"-D INPUT -i {border.bridge} -j {into}",
        f"-D FORWARD -j {through}",
        *(f"{what} {chain}" for chain in (into, through) for what in ("-F", "-X")),
    ]
    return [line.split() for line in lines]


def nftables_rules(border: Border) -> str:
    """What nft reads: a table of our own."""
    bridge, network, bridges = f'"{border.bridge}"', border.network, f'"{border.any_bridge}*"'
    into = [f"iifname != {bridge} accept", f"ip saddr != {network} drop"]
    into += [f"ip daddr {address} {protocol} dport {port} accept" for protocol, address, port in border.allowed]
    into += ["reject"]
    through = [
        f"iifname {bridge} ip saddr != {network} drop",
        f"iifname {bridge} oifname {bridges} reject",
        f"iifname {bridge} ip daddr {LINK_LOCAL} reject",
        f"iifname {bridge} accept",
        f"oifname {bridge} ct state established,related accept",
        f"oifname {bridge} drop",
        *(f'iifname "{device}" oifname != {bridges} drop' for device in border.guarded),
    ]
    chains = {
        "out { type nat hook postrouting priority 100;": [f"ip saddr {network} oifname != {bridge} masquerade"],
        "into { type filter hook input priority -10;": into,
        "through { type filter hook forward priority -10;": through,
    }
    body = [line for head, rules in chains.items() for line in (f"chain {head}", *rules, "}")]
    return "\n".join([f"table ip {_table(border)} {{", *body, "}", ""])


def _chains(border: Border) -> tuple[str, str]:
    return f"OWACTORS-{border.id}-IN", f"OWACTORS-{border.id}-FW"


def _table(border: Border) -> str:
    return f"owactors_{border.id}"


def _run(command: Sequence[str], text: str = "") -> str:
    """What the tool complains about; empty if it did not."""
    try:
        done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=30)
    except subprocess.TimeoutExpired:
        return "no answer within 30 s"
    if done.returncode == 0:
        return ""
    return " ".join(done.stderr.split()) or f"exit code {done.returncode}"
