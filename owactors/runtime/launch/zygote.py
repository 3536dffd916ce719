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

import array
import gc
import json
import os
import resource
import select
import signal
import socket
import sys

import confine
import native_proxy
import python_proxy
import server

USER = 1000
BASE = "/tmp"
NODE = "/.node"
LARGEST = 1 << 18
MOST_DESCRIPTORS = 16
LISTENER, READY = 3, 4
FAILED = 125
PROXIES = {"python": python_proxy.PythonProxy, "native": native_proxy.NativeProxy}


class Request:
    """A sandbox that is wanted: `id`, `folder` (its name below the node's folder), `command` (its first word may be
    `python` or `native`: the proxies that are loaded), `environment`, `label`, `memory` (bytes of address space, or
    None), `file_size` (bytes, 0 for any), `open_files`, `shared_memory` (bytes), `death_score` (for the kernel's
    choice when the machine is full), `wired` (with a network namespace that was made before, after the streams),
    `born` (with a control group of version 2, after that).
    """

    def __init__(self, text, descriptors):
        self.__dict__.update(text)
        self.listener, self.ready, self.output, self.errors, *self.joins = descriptors
        self.namespace = self.joins.pop(0) if self.wired else None
        self.group = self.joins.pop(0) if self.born else None


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


def begin(request, zygote):
    """In the new process: shut it off, then be its init. Never returns but by an exception."""
    enter_sandbox(request, zygote.layout)
    confine.unshare(confine.NEW_USER)
    confine.map_user(USER, USER, USER)
    confine.drop_privileges()
    confine.hide_sockets_without_path()
    zygote.labels.write(f"owactors sandbox {request.id}", request.label)
    confine.filter_calls(zygote.filter)
    proxy = os.fork()
    if proxy == 0:
        run_proxy(request)
    # What is left of the zygote in here is nobody's business.
    confine.prctl(confine.DUMPABLE, 0)
    confine.close_from(0)
    reap(proxy)


def enter_sandbox(request, layout):
    """Groups, limits, namespaces, mounts."""
    if request.group is not None:
        request.joins.append(os.open("cgroup.procs", os.O_WRONLY, dir_fd=request.group))
    for fd in request.joins:
        os.write(fd, b"0")
    confine.write(f"{NODE}/proc/self/oom_score_adj", request.death_score)
    if request.namespace is not None:
        confine.enter(request.namespace, confine.NEW_NET)
    take_descriptors(request)
    os.setsid()
    os.umask(0o022)
    set_limits(request)
    new = confine.NEW_MOUNTS | confine.NEW_IPC | confine.NEW_UTS | confine.NEW_CGROUP
    alone = layout["network"] == "none"
    confine.unshare(new | confine.NEW_NET if alone else new)
    if alone:
        confine.loopback_up()
    confine.set_host_name("action")
    mount_own(request, layout)
    os.chdir("/action")


def mount_own(request, layout):
    """What no other sandbox shares; then the node's folder goes."""
    plain = confine.NO_SUID | confine.NO_DEVICES
    confine.mount("proc", "/proc", "proc", plain | confine.NO_EXEC)
    for name in layout["read_only_proc"]:
        path = f"/proc/{name}"
        if os.path.exists(path):
            confine.mount(path, path, None, confine.BIND | confine.RECURSIVE)
            flags = confine.READ_ONLY | confine.REMOUNT | confine.BIND | confine.NO_EXEC
            confine.mount(None, path, None, flags | plain)
    for name in layout["hidden_proc"]:
        if os.path.exists(f"/proc/{name}"):
            confine.mount("/dev/null", f"/proc/{name}", None, confine.BIND)
    folder = f"{NODE}/boxes/{request.folder}"
    for source, target in (("tmp", "/tmp"), ("work", "/action")):
        confine.mount(f"{folder}/{source}", target, None, confine.BIND)
        confine.mount(None, target, None, confine.REMOUNT | confine.BIND | plain)
    confine.mount("tmpfs", "/dev/shm", "tmpfs", plain, f"mode=1777,size={request.shared_memory}")
    confine.mount("devpts", "/dev/pts", "devpts", confine.NO_SUID | confine.NO_EXEC, "newinstance,ptmxmode=0666")
    confine.unmount(f"{NODE}/boxes")
    confine.unmount(f"{NODE}/proc")


def take_descriptors(request):
    """Standard streams and what the proxy needs stay open, at known numbers; all else is closed."""
    nothing = os.open("/dev/null", os.O_RDONLY)
    wanted = (nothing, request.output, request.errors, request.listener, request.ready)
    # First out of the way of the numbers wanted, then onto them.
    free = max(*wanted, len(wanted)) + 1
    for number, fd in enumerate(wanted):
        os.dup2(fd, free + number)
    for number in range(len(wanted)):
        os.dup2(free + number, number)
    request.output, request.errors, request.listener, request.ready = 1, 2, LISTENER, READY
    confine.close_from(len(wanted))


def set_limits(request):
    """Core files, open files, and the address space where nothing better is there."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (request.open_files, request.open_files))
    if request.file_size:
        resource.setrlimit(resource.RLIMIT_FSIZE, (request.file_size, request.file_size))
    if request.memory is not None:
        most = request.memory
        if request.command[0] in PROXIES:
            # What the zygote has loaded is not the action's.
            with open(f"{NODE}/proc/self/statm") as file:
                most += int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (most, most))


def run_proxy(request):
    """Be the proxy: one that is loaded, or a program."""
    options = ["--listen-fd", str(LISTENER), "--ready-fd", str(READY)]
    if request.command[0] not in PROXIES:
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        os.execve(request.command[0], request.command + options, request.environment)
    # Ours were made for whatever the zygote was started with.
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0, closefd=False), server.reopened(1), server.reopened(2)
    os.environ.clear()
    os.environ.update(request.environment)
    sys.argv[:] = [f"/launch/{request.command[0]}.py", *options]
    proxy = PROXIES[request.command[0]]
    forget_own_modules()
    proxy().serve()
    os._exit(0)


def forget_own_modules():
    """The action may have modules of the same names as ours."""
    for name in ("python_proxy", "native_proxy", "server", "quickjson", "confine", "__main__"):
        sys.modules.pop(name, None)
    sys.modules["__main__"] = type(sys)("__main__")
    del sys.path[0]


def reap(first):
    """Be process 1: collect whoever dies, until the first one does."""
    while True:
        pid, status = os.wait()
        if pid == first:
            os._exit(code_of(status))


def code_of(status):
    """An exit code, 128 and the signal for who was killed."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def build_root(layout):
    """Make what all sandboxes see, and make it the root.

    `layout`: `read_only` (pairs of source and target), `links` (pairs of text and path), `devices` (names), `boxes`
    (the node's folder of sandboxes). Sources must be free of symbolic links.
    """
    confine.mount(None, "/", None, confine.RECURSIVE | confine.PRIVATE)
    flags = confine.NO_SUID | confine.NO_DEVICES
    confine.mount("tmpfs", BASE, "tmpfs", flags, "mode=0755")
    for name in ("old", "new"):
        os.mkdir(f"{BASE}/{name}")
    confine.mount("tmpfs", f"{BASE}/new", "tmpfs", flags, "mode=0755,size=1m")
    confine.pivot(BASE, f"{BASE}/old")
    os.chdir("/")
    fill_root(layout)
    confine.mount("/old/proc", f"/new{NODE}/proc", None, confine.BIND | confine.RECURSIVE)
    os.chdir("/new")
    confine.pivot(".", ".")
    confine.unmount(".")
    os.chdir("/")


def fill_root(layout):
    """System, devices and empty folders below /new, all read-only, and the node's folder."""
    for name in ("proc", "tmp", "action", "dev/shm", "dev/pts", f"{NODE[1:]}/proc", f"{NODE[1:]}/boxes"):
        os.makedirs(f"/new/{name}")
    for source, target in layout["read_only"]:
        bind(f"/old{source}", f"/new{target}", confine.RECURSIVE)
    for text, path in layout["links"]:
        os.symlink(text, f"/new{path}")
    for name in layout["devices"]:
        bind(f"/old/dev/{name}", f"/new/dev/{name}")
    for name, text in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1")):
        os.symlink(text, f"/new/dev/{name}")
    os.symlink("/proc/self/fd/2", "/new/dev/stderr")
    os.symlink("pts/ptmx", "/new/dev/ptmx")
    confine.make_read_only("/new", "/old/proc")
    bind(f"/old{layout['boxes']}", f"/new{NODE}/boxes")


def bind(source, target, flags=0):
    """Show `source` at `target`; what does not exist is left out."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif os.path.exists(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "x").close()
    else:
        return
    confine.mount(source, target, None, confine.BIND | flags)


def preload(name):
    """Import a module for all sandboxes to come."""
    try:
        __import__(name)
    except Exception:
        pass


def receive(control):
    """(text, descriptors) of the next packet; no text at the end."""
    fds = array.array("i")
    text, ancillary, _, _ = control.recvmsg(LARGEST, socket.CMSG_SPACE(MOST_DESCRIPTORS * fds.itemsize))
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return text, list(fds)


def send(control, message, *descriptors):
    """One packet."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
    control.sendmsg([json.dumps(message).encode()], ancillary)


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
