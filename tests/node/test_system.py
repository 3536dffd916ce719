import os
import socket
from pathlib import Path

import pytest

from owactors.actorbase import LISTEN, PROCESS_PORT
from owactors.message.node import StartRole
from owactors.node.system import CannotStart, NodeSystem


def test_a_port_for_other_hosts_that_is_taken_is_told_with_who_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as foreign:
        port = foreign.getsockname()[1]
        order = StartRole("controller", None, requirements={PROCESS_PORT: port})
        system = NodeSystem("own", tmp_path, order, network={LISTEN: "127.0.0.1"})
        with pytest.raises(CannotStart, match=rf"127.0.0.1:{port} .*used by .*cluster.listen") as refusal:
            system.start()
    assert str(os.getpid()) not in str(refusal.value)  # only others are looked at
    system.end()


def test_a_system_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    system = NodeSystem("own", tmp_path, StartRole("controller", None), network={"Outbound Only": True})
    with pytest.raises(CannotStart, match="the actor system did not start: this actor base does not know"):
        system.start()
    system.end()
