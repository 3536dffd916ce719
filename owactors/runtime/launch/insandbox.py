"""A sandbox, from within: a process that the zygote forked shuts itself off and becomes the init of a proxy."""

import os
import resource
import signal
import sys

import confine
import native_proxy
import python_proxy
import server
from root import NODE

USER = 1000
LISTENER, READY = 3, 4
PROXIES = {"python": python_proxy.PythonProxy, "native": native_proxy.NativeProxy}
#: modules that are not the action's
OURS = ("python_proxy", "native_proxy", "server", "quickjson", "confine", "packets", "root", "insandbox", "__main__")


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
    for name in OURS:
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
