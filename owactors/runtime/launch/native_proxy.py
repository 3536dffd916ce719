"""The action proxy for executables and shell scripts: each run is a process.

The action gets its arguments as JSON text in argv[1] (if shorter than 100,000 bytes) and on stdin, `__OW_*`
in its environment, and prints its result as JSON in the last line of stdout; all else it prints is log.
"""

import os
import subprocess
import threading

from server import Proxy, Refused, encode, unzip

PROGRAM = "exec"
LONGEST_ARGUMENT = 100_000
NO_BINARY = "The action failed to generate or locate a binary. See logs for details."


class NativeProxy(Proxy):
    """Takes a script, an executable, or a zip with a file `exec` at its root."""

    def load(self, code, main, binary):
        """See Proxy.load; `main` has no meaning here."""
        if binary and code[:2] == b"PK":
            unzip(code, os.getcwd())
        else:
            with open(PROGRAM, "wb") as file:
                file.write(code)
        if not os.path.isfile(PROGRAM):
            raise Refused(502, f"{NO_BINARY} (the zip has no file {PROGRAM!r} at its root)")
        os.chmod(PROGRAM, 0o755)

    def call(self, value):
        """See Proxy.call."""
        text = encode(value)
        process = self._start(text)
        # A program may print before it has read everything, so both must go on at once.
        threading.Thread(target=feed, args=(process.stdin, text), daemon=True).start()
        last = pass_on(process.stdout, self.streams)
        code = process.wait()
        if last.strip()[:1] not in (b"{", b"["):
            if last:
                self.streams.write(last.rstrip(b"\n") + b"\n")
            ending = f"exit code {code}" if code >= 0 else f"signal {-code}"
            raise Refused(502, f"The action did not return a dictionary or array. ({ending})")
        return last.strip()

    def _start(self, text):
        argument = [text.decode()] if len(text) < LONGEST_ARGUMENT else []
        path = os.path.join(os.getcwd(), PROGRAM)
        last = None
        for command in ([path], ["/bin/sh", path]):
            try:
                return subprocess.Popen(command + argument, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            except OSError as error:
                # Scripts without a first line "#!" are the shell's.
                last = error
        raise Refused(502, f"{NO_BINARY} ({last})")


def pass_on(source, target):
    """Copy all lines but the last one from file `source` to `target`; returns the last one."""
    held = b""
    while True:
        chunk = source.read1(65536)
        if not chunk:
            return held
        held += chunk
        cut = held.rstrip(b"\n").rfind(b"\n") + 1
        if cut:
            target.write(held[:cut])
            held = held[cut:]


def feed(target, data):
    """Write `data` to the pipe `target` and close it; a program that does not read is none of our business."""
    try:
        with target:
            target.write(data)
    except OSError:
        pass
