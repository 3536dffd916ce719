"""A process with the Python proxies loaded, which forks one sandbox after the other: a start without an interpreter's.

    node ──control socket── launcher ── zygote (pid 1 of its own world) ─┬─ init of a sandbox ── proxy
                                                                         └─ init of a sandbox ── proxy

The zygote lives in user, mount and process namespaces of its own, in which it may do what root may do. Its root is
what every sandbox sees: the system read-only. A sandbox adds namespaces of its own, /proc, /tmp, /action and
/dev/shm, takes the node's folder away, and gives up every privilege before the action's code comes near it. When the
zygote dies, or the node that holds the other end of the control socket, the kernel ends all sandboxes.

Each message on the control socket is JSON, one packet. First the layout (see `build_root`), answered by
`{"ready": true}` or `{"refused": why}`; then requests (see `Request`), answered by `{"id", "pid"}` with a pidfd, or
`{"id", "failed"}`, and when it is over by `{"id", "code"}`. `{"namespace": N}` asks for a network namespace, answered
by the same with its descriptor, or `{"namespace", "failed"}`.
"""

import gc
import json
import os
import resource
import select
import signal
import socket
import sys

import confine
from insandbox import USER, Request, begin, code_of
from packets import receive, send
from root import NODE, build_root

FAILED = 125


class Zygote:
    """Serves the control socket until it is closed. `children`: pidfd -> (pid, id)."""

    def __init__(self, control, layout, own_pids, own_network):
        self.own_network = own_network
        self.control = control
        self.layout = layout
        self.own_pids = own_pids
        self.filter = bytes.fromhex(layout["filter"])
        self.labels = confine.Labels()
        self.children = {}
        self.forks = 0
        self.poll = select.poll()
        self.poll.register(control.fileno(), select.POLLIN)

    def serve(self):
        """Answer requests, and tell who ended. While nothing is asked for, load what actions like to import.

        Not before the first sandbox after the node's trial: a node that nobody uses needs no memory for it.
        """
        wanted = None
        while True:
            if self.forks >= 2 and wanted is None:
                wanted = list(self.layout["preload"])
            ready = self.poll.poll(200 if wanted else None)
            if not ready:
                preload(wanted.pop(0))
                gc.freeze()
            for fd, _ in ready:
                if fd != self.control.fileno():
                    self._ended(fd)
                elif not self._asked():
                    return

    def _asked(self):
        text, descriptors = receive(self.control)
        if not text:
            return False
        asked = json.loads(text)
        if "namespace" in asked:
            self._make_namespace(asked["namespace"])
            return True
        request = Request(asked, descriptors)
        try:
            self._fork(request)
        except OSError as error:
            send(self.control, {"id": request.id, "failed": str(error)})
        finally:
            for fd in descriptors:
                os.close(fd)
        return True

    def _make_namespace(self, number):
        """One that belongs to our user namespace: of others no sandbox could be put into it."""
        try:
            confine.unshare(confine.NEW_NET)
            made = os.open(f"{NODE}/proc/self/ns/net", os.O_RDONLY)
            confine.enter(self.own_network, confine.NEW_NET)
        except OSError as error:
            send(self.control, {"namespace": number, "failed": str(error)})
            return
        send(self.control, {"namespace": number}, made)
        os.close(made)

    def _fork(self, request):
        # The first child made after this is process 1 of a new namespace, and only that one.
        confine.unshare(confine.NEW_PID)
        pid = fork_into(request)
        if pid == 0:
            self._become(request)
        confine.enter(self.own_pids, confine.NEW_PID)
        self.forks += 1
        fd = os.pidfd_open(pid)
        self.children[fd] = pid, request.id
        self.poll.register(fd, select.POLLIN)
        send(self.control, {"id": request.id, "pid": pid}, fd)

    def _become(self, request):
        try:
            begin(request, self)
        except BaseException as error:
            os.write(request.errors, f"the sandbox could not be made: {error}\n".encode())
        finally:
            os._exit(FAILED)

    def _ended(self, fd):
        pid, id = self.children.pop(fd)
        self.poll.unregister(fd)
        os.close(fd)
        send(self.control, {"id": id, "code": code_of(os.waitpid(pid, 0)[1])})


def fork_into(request):
    """fork(2) into the control group, or where that cannot be done before it is joined."""
    if request.group is not None:
        try:
            pid = confine.fork_into(request.group)
            request.group = None
            return pid
        except OSError:
            pass
    return os.fork()


def preload(name):
    """Import a module for all sandboxes to come."""
    try:
        __import__(name)
    except Exception:
        pass


def main():
    """The launcher: make the world of the zygote, start it, wait for it."""
    control = socket.socket(fileno=int(sys.argv[sys.argv.index("--control-fd") + 1]))
    text, _ = receive(control)
    layout = json.loads(text)
    user, group = os.geteuid(), os.getegid()
    try:
        # A network that is ours, if we shall make others: back into the machine's we could not go.
        network = confine.NEW_NET if layout["network"] == "private" else 0
        confine.unshare(confine.NEW_USER | confine.NEW_MOUNTS | confine.NEW_PID | network)
        confine.map_user(USER, user, group)
        zygote = os.fork()
    except OSError as error:
        send(control, {"refused": str(error)})
        return 1
    if zygote:
        control.close()
        return code_of(os.waitpid(zygote, 0)[1])
    confine.prctl(confine.DEATH_SIGNAL, signal.SIGKILL)
    own_pids, own_network = (os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in ("pid", "net"))
    try:
        world = Zygote(control, layout, own_pids, own_network)
        build_root(layout)
    except OSError as error:
        send(control, {"refused": str(error)})
        return 1
    # One descriptor per sandbox.
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    # The types of syntax trees come with the first use of the compiler: better once than in each sandbox.
    compile("", "", "exec")
    gc.freeze()
    send(control, {"ready": True})
    world.serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
