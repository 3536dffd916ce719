"""Sandboxes with an address of their own: a way out into the world, and none to the node or to each other."""

from __future__ import annotations

import asyncio
import os
from ipaddress import IPv4Network
from pathlib import Path

import pytest

from owactors.container.network import private
from owactors.container.network.firewall import Border, iptables_rules, nftables_rules
from owactors.container.network.private import RANGE, NetworkFailed, PrivateNetwork, free_network
from owactors.container.port import WhiskContainerStartupError
from tests.container.backends import sandbox
from tests.container.engines import unavailable
from tests.container.privatehost import HERE, play, unfit

BORDER = Border("b00t", "owb-b00t", "owb-", "10.200.0.0/22", "10.200.0.1", ("192.0.2.9",), (3233,), ("up0",))


@pytest.fixture(scope="module", params=["zygote", "bubblewrap"])
def way(request: pytest.FixtureRequest) -> str:
    """How sandboxes are made."""
    reason = unfit()
    if reason:
        unavailable("private network", [reason])
    return str(request.param)


def test_what_a_sandbox_can_reach(way: str, tmp_path: Path) -> None:
    """The world, which sees the node's address; nothing of the node, no neighbour, no metadata of a cloud."""
    seen = play(way, tmp_path, "reach")
    assert seen["answers"] == {
        "outside": str(HERE.ip),
        "neighbour": "no way",
        "loopback": "no way",
        "node": "no way",
        "gateway": "no way",
        "secrets of the cloud": "no way",
    }
    assert (seen["names"], seen["v6"]) == (["203.0.113.7"], "")
    assert set(seen["devices"]) >= {"lo", "eth0"}
    assert seen["on"]
    assert "a way out by" in seen["network"]


def test_open_ports(way: str, tmp_path: Path) -> None:
    """What the operator opens can be reached at the gateway, and only that."""
    answers = play(way, tmp_path, "open_port")["answers"]
    assert answers["wanted"].startswith("10.")
    assert answers["other"] == "no way"


def test_nobody_comes_in(way: str, tmp_path: Path) -> None:
    """The world cannot call a sandbox, also if it knows where it is."""
    assert play(way, tmp_path, "into") == {"from outside": "no way"}


def test_nothing_is_left(way: str, tmp_path: Path) -> None:
    """A device per sandbox as long as it lives, some that wait, and nothing after the end of the node."""
    before, living, one_gone, after = play(way, tmp_path, "life")
    assert (before["devices"], before["rules"]) == ([], False)
    assert len(living["devices"]) >= 3
    assert living["rules"]
    assert living["forwarding"] == "1"
    assert one_gone["gone"] not in one_gone["devices"]
    assert after == before


def test_after_kill_of_the_node(way: str, tmp_path: Path) -> None:
    """The next start removes bridge, wires and rules."""
    killed, after = play(way, tmp_path, "killed")
    assert killed["rules"]
    assert any(name.startswith("owb-") for name in killed["devices"])
    assert after == {"devices": [], "rules": False, "forwarding": "0"}


def test_two_nodes_of_one_machine(way: str, tmp_path: Path) -> None:
    """Their sandboxes do not meet; when one node ends the other's keep their way out."""
    for part in ("a", "b"):
        (tmp_path / part).mkdir()
    assert play(way, tmp_path, "two_nodes") == {"between": {"other": "no way"}, "later": {"outside": str(HERE.ip)}}


def test_a_new_zygote_has_new_namespaces(way: str, tmp_path: Path) -> None:
    """Those of the old one cannot be entered by it."""
    if way != "zygote":
        pytest.skip("bubblewrap has no zygote")
    assert play(way, tmp_path, "zygote_dies")["answers"] == {"outside": str(HERE.ip)}


def test_refusal(way: str, tmp_path: Path) -> None:
    """Without a tool for rules: what is missing, what to do, and nothing left."""
    seen = play(way, tmp_path, "refused")
    assert "iptables-restore is not installed" in seen["said"]
    assert "Set sandbox.network to host" in seen["said"]
    assert (seen["devices"], seen["rules"]) == ([], False)


@pytest.mark.timeout(300)
def test_random_lives_with_wires(way: str, tmp_path: Path) -> None:
    """Devices are among the things that must agree with the books; see test_random.py."""
    done = play(way, tmp_path, "random_lives")
    assert sum(done.values()) >= 200


def test_not_for_everybody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only root can make one, and a node that was told to refuses to start without."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NetworkFailed, match="only root"):
        PrivateNetwork.open("boot", tmp_path)
    with pytest.raises(WhiskContainerStartupError, match=r"only root can make one.*sandbox.network"):
        asyncio.run(sandbox("x", network="private").make(tmp_path).start())
    assert not list((tmp_path / "sandboxes").glob("*"))


def test_networks_do_not_overlap() -> None:
    """Neither with routes of this machine nor with each other; when all are taken, that is said."""
    first = free_network("a", [])
    assert first.subnet_of(RANGE)
    second = free_network("a", [first, IPv4Network("192.0.2.0/24")])
    assert not second.overlaps(first)
    with pytest.raises(OSError, match="in use"):
        free_network("a", [IPv4Network("10.0.0.0/8")])


def test_rules_say_the_same_in_both_languages() -> None:
    """What is allowed before what is refused, and the ways that were opened for us are for us only."""
    for text, refusal in ((iptables_rules(BORDER), "-j REJECT"), (nftables_rules(BORDER), "\nreject")):
        into = text[: text.index(refusal) + len(refusal)]
        assert "3233" in into
        assert "192.0.2.9" in into
        assert "169.254.0.0/16" in text
        assert "up0" in text
        assert text.lower().count("masquerade") == 1


def test_servers_of_this_machine_only_are_of_no_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are asked of the servers behind a local one where they are known; else the report says it."""
    stub, behind = tmp_path / "stub", tmp_path / "behind"
    stub.write_text("nameserver 127.0.0.53\nsearch example.org\n")
    monkeypatch.setattr(private, "HOSTS_RESOLVERS", (stub, behind))
    assert private.write_resolvers(tmp_path / "out", ()) == ((), ())
    assert (tmp_path / "out").read_text() == "search example.org\n"
    behind.write_text("nameserver 192.0.2.53\n")
    assert private.write_resolvers(tmp_path / "out", ()) == (("192.0.2.53",), ())
    assert private.write_resolvers(tmp_path / "out", ("203.0.113.1",))[0] == ("203.0.113.1",)
    without = PrivateNetwork(BORDER, tmp_path, "iptables", names_found=False)
    assert "sandbox.dns_servers" in without.detail()
