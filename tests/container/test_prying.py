"""Functions that look for what is not theirs, or take more than their share of the machine.

Whatever a test tries to reach it has opened itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from owactors.container.docker.factory import DockerFactory
from owactors.container.port import ContainerFactory
from owactors.container.sandbox.factory import SandboxFactory
from tests.container.backends import ECHO, PATIENCE, Backend, body_of, run_body, sandbox, scenario, started

SECRET = "the-secret-of-the-node-7f3a"


def hides(factory: ContainerFactory) -> None:
    """Skip where a sandbox is a plain process, which hides nothing."""
    if isinstance(factory, SandboxFactory) and not (factory._means and factory._means.wrapped):
        pytest.skip("plain processes see what their user sees")


async def told(factory: ContainerFactory, backend: Backend, code: str, **arguments: Any) -> dict[str, Any]:
    """What a function with this code answers."""
    container = await started(factory, backend, code)
    answer: dict[str, Any] = json.loads(body_of(await container.run(run_body(arguments), PATIENCE)).body)
    return answer


LOOK = """
import os
def main(args):
    secret, seen = args['secret'].encode(), []
    for top in ('/', '/proc', '/tmp', '/run', '/var', '/home', '/opt', '/srv', '/.node', '/launch', '/action'):
        for folder, folders, files in os.walk(top):
            folders[:] = [f for f in folders if not (folder == '/' and f in ('proc', 'sys', 'usr', 'lib', 'dev'))]
            if folder.count('/') > 6 or '/lib/python3' in folder:
                folders[:] = []
            for name in files:
                path = os.path.join(folder, name)
                if name in ('environ', 'cmdline', 'maps') or (not path.startswith('/proc') and len(seen) < 10):
                    try:
                        with open(path, 'rb') as file:
                            if secret in file.read(1 << 20):
                                seen.append(path)
                    except OSError:
                        pass
    own = '/proc/%d/' % os.getpid()
    return {'seen': [p for p in seen if not p.startswith((own, '/proc/self', '/proc/thread-self'))]}
"""


def test_secrets_of_the_node(real_backend: Backend, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither in files, nor in the environment or command line of any process that can be seen."""
    (folder / "owactors.db").write_text(SECRET)
    (folder / "key").write_text(SECRET)
    monkeypatch.setenv("NODE_KEY", SECRET)

    async def play(factory: ContainerFactory) -> None:
        hides(factory)
        # The question itself is in the function's memory, not in any file or environment.
        assert (await told(factory, real_backend, LOOK, secret=SECRET))["seen"] == []

    scenario(real_backend, folder, play)


def test_processes_of_others(real_backend: Backend, folder: Path) -> None:
    """A function sees its own container's processes, and can signal no other."""
    code = """
import os
def main(args):
    pids = [int(n) for n in os.listdir('/proc') if n.isdigit()]
    hit = []
    for pid in range(1, 5000):
        if pid in pids:
            continue
        try:
            os.kill(pid, 0)
            hit.append(pid)
        except ProcessLookupError:
            pass
    return {'seen': len(pids), 'hit': hit}
"""

    async def play(factory: ContainerFactory) -> None:
        hides(factory)
        await started(factory, real_backend, ECHO)
        answer = await told(factory, real_backend, code)
        assert answer["seen"] <= 3
        assert answer["hit"] == []

    scenario(real_backend, folder, play)


def test_sockets_of_other_functions(real_backend: Backend, folder: Path) -> None:
    """The socket on which a neighbour takes its calls cannot be reached."""
    code = """
import socket
def main(args):
    for family, place in ((socket.AF_UNIX, args['path']), (socket.AF_INET, tuple(args['host'] or ()))):
        if place:
            with socket.socket(family) as link:
                link.settimeout(2)
                try:
                    link.connect(place)
                    body = b'{"value": {"stolen": 1}}'
                    link.sendall(b'POST /run HTTP/1.1\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)
                    return {'answer': link.recv(1000).split(b'\\r\\n')[0].decode()}
                except OSError as error:
                    return {'error': type(error).__name__}
"""

    async def play(factory: ContainerFactory) -> None:
        hides(factory)
        neighbour = await started(factory, real_backend, ECHO)
        kind, _, path = neighbour.address.partition(":")
        host = None if kind == "unix" else [kind, int(path)]
        answer = await told(factory, real_backend, code, path=path if kind == "unix" else "", host=host)
        assert "error" in answer or answer["answer"].startswith("HTTP/1.1 403"), answer
        assert body_of(await neighbour.run(run_body({"n": 1}), PATIENCE)).body == b'{"n": 1}'

    scenario(real_backend, folder, play)


def test_ports(real_backend: Backend, folder: Path) -> None:
    """A function may listen; its ports are free again when it is gone."""
    code = """
import socket
kept = []
def main(args):
    for _ in range(50):
        kept.append(socket.create_server(('127.0.0.1', 0)))
    return {'ports': [s.getsockname()[1] for s in kept]}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, real_backend, code)
        answer = json.loads(body_of(await container.run(run_body(), PATIENCE)).body)
        await container.destroy()
        for port in answer["ports"]:
            socket.create_server(("127.0.0.1", port)).close()

    scenario(real_backend, folder, play)


def test_control_plane_of_the_node(real_backend: Backend, folder: Path) -> None:
    """In a container of an engine, behind the guard or without the host's network, what listens on the node's loopback
    cannot be reached.
    """
    code = """
import socket
def main(args):
    try:
        socket.create_connection(('127.0.0.1', args['port']), 2).close()
    except OSError as error:
        return {'error': type(error).__name__}
    return {}
"""

    async def play(factory: ContainerFactory) -> None:
        with socket.create_server(("127.0.0.1", 0)) as store:
            answer = await told(factory, real_backend, code, port=store.getsockname()[1])
        if isinstance(factory, DockerFactory):
            assert answer == {"error": "ConnectionRefusedError"}
        elif (report := factory.report_of("network")).on:  # type: ignore[attr-defined]
            silent = "gets no answer" in report.detail
            assert answer == {"error": "TimeoutError" if silent else "PermissionError"}
        else:
            assert answer == {}

    scenario(real_backend, folder, play)


@pytest.mark.parametrize("zygote", [True, False], ids=["zygote", "bubblewrap"])
def test_control_plane_without_a_network(folder: Path, zygote: bool) -> None:
    """Store, broker and the ports of actors are as far away as everything else; see test_private_network.py too."""
    backend = sandbox("sandbox", zygote=zygote, network="none")
    code = """
import socket
def main(args):
    answers = []
    for port in args['ports']:
        try:
            socket.create_connection(('127.0.0.1', port), 2).close()
            answers.append('connected')
        except OSError as error:
            answers.append(type(error).__name__)
    return {'answers': answers}
"""

    async def play(factory: ContainerFactory) -> None:
        hides(factory)
        with contextlib.ExitStack() as opened:
            ports = [
                opened.enter_context(socket.create_server((host, 0))).getsockname()[1]
                for host in ("127.0.0.1", "127.0.0.1", "0.0.0.0")
            ]
            answer = await told(factory, backend, code, ports=ports)
        assert answer == {"answers": ["ConnectionRefusedError"] * 3}

    scenario(backend, folder, play)


def test_open_files(real_backend: Backend, folder: Path) -> None:
    """The bomb fizzles at the limit, and the next call works."""
    code = """
import os
def main(args):
    kept = []
    try:
        for _ in range(args['n']):
            kept.append(os.open('/dev/null', os.O_RDONLY))
    except OSError as error:
        return {'opened': len(kept), 'error': error.strerror}
    finally:
        for fd in kept:
            os.close(fd)
    return {'opened': len(kept)}
"""

    async def play(factory: ContainerFactory) -> None:
        container = await started(factory, real_backend, code)
        answer = json.loads(body_of(await container.run(run_body({"n": 1_000_000}), PATIENCE)).body)
        assert answer["error"] == "Too many open files"
        assert 500 < answer["opened"] < 1024
        answer = json.loads(body_of(await container.run(run_body({"n": 10}), PATIENCE)).body)
        assert answer == {"opened": 10}

    scenario(real_backend, folder, play)


def test_memory_of_no_process(real_backend: Backend, folder: Path) -> None:
    """What is written to /dev/shm counts, or has a limit of its own."""
    code = """
import os
def main(args):
    written = 0
    try:
        with open('/dev/shm/x', 'wb') as file:
            for _ in range(args['mb']):
                written += file.write(b'x' * 2**20)
                file.flush()
    except OSError as error:
        return {'error': error.strerror, 'written': written}
    return {'written': written}
"""

    async def play(factory: ContainerFactory) -> None:
        hides(factory)
        container = await started(factory, real_backend, code)
        result = await container.run(run_body({"mb": 600}), PATIENCE)
        assert getattr(result.outcome, "body", b"") != json.dumps({"written": 600 << 20}).encode()

    scenario(real_backend, folder, play)


def test_a_burst_of_processes_and_the_node(sandbox_backend: Backend, folder: Path) -> None:
    """While one forks as fast as it can within its limit, the node's own work goes on and so does a neighbour's."""
    code = """
import os, time
def main(args):
    end = time.monotonic() + args['seconds']
    made = 0
    while time.monotonic() < end and made < 2000:
        try:
            pid = os.fork()
        except OSError:
            time.sleep(0.001)
            continue
        if pid == 0:
            os._exit(0)
        made += 1
        os.waitpid(pid, 0)
    return {'made': made}
"""

    async def play(factory: ContainerFactory) -> None:
        loud = await started(factory, sandbox_backend, code)
        quiet = await started(factory, sandbox_backend, ECHO)
        bomb = asyncio.ensure_future(loud.run(run_body({"seconds": 1}), PATIENCE))
        begun, answered = time.monotonic(), 0
        while not bomb.done():
            assert body_of(await quiet.run(run_body({"n": answered}), PATIENCE)).status == 200
            answered += 1
        assert answered > 0
        assert time.monotonic() - begun < PATIENCE
        assert body_of(await bomb).status == 200

    scenario(sandbox_backend, folder, play)
