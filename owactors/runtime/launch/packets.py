"""Packets of JSON with descriptors, over a socket."""

import array
import json
import socket

LARGEST = 1 << 18
MOST_DESCRIPTORS = 16


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
