"""The root that every sandbox of a zygote sees: the system read-only, devices, and empty folders for its own."""

import os

import confine

BASE = "/tmp"
#: where the node's folder is until a sandbox takes it away from itself
NODE = "/.node"


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
