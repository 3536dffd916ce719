"""Output of activations that run at the same time: each line says which one it belongs to.

A line is a byte 30, the activation id, a byte 31, and the text; it is written in one piece. What is printed outside of
any activation has no tag, and what other programs write to our descriptors has none either.
"""

import contextvars
import io
import os
import sys
import threading

CURRENT = contextvars.ContextVar("activation", default="")


class TaggedBytes(io.RawIOBase):
    """Takes bytes from any thread, writes whole lines to the descriptor `target`."""

    def __init__(self, target, number):
        super().__init__()
        self.target = target
        self.number = number
        self.rest = {}
        self.lock = threading.Lock()

    def writable(self):
        """It is."""
        return True

    def fileno(self):
        """The standard descriptor, for programs that are started."""
        return self.number

    def write(self, data):
        """Keep the partial last line until its end comes."""
        activation = CURRENT.get()
        data = bytes(data)
        with self.lock:
            *lines, rest = (self.rest.pop(activation, b"") + data).split(b"\n")
            if rest:
                self.rest[activation] = rest
            self._put(activation, lines)
        return len(data)

    def end(self, activation, mark):
        """The last, perhaps partial, line of an activation, and the mark of its end."""
        with self.lock:
            rest = self.rest.pop(activation, b"")
            self._put(activation, [rest, mark] if rest else [mark])

    def _put(self, activation, lines):
        tag = b"\x1e%s\x1f" % activation.encode() if activation else b""
        data = b"".join(b"%s%s\n" % (tag, line) for line in lines)
        while data:
            data = data[os.write(self.target, data) :]


class TaggedStreams:
    """Takes the place of `server.Streams`. `saved`: descriptors of stdout and stderr that no action can close."""

    def __init__(self, saved, mark):
        self.mark = mark
        self.outputs = [TaggedBytes(fd, number) for number, fd in enumerate(saved, 1)]
        self.restore()

    def restore(self):
        """Put back what an action closed."""
        for place, name in enumerate(("stdout", "stderr")):
            stream, output = getattr(sys, name), self.outputs[place]
            if output.closed:
                output = self.outputs[place] = TaggedBytes(output.target, output.number)
            if getattr(stream, "closed", True) or getattr(stream, "buffer", None) is not output:
                setattr(sys, name, self._text(output))

    @staticmethod
    def _text(output):
        return io.TextIOWrapper(output, encoding="utf-8", errors="backslashreplace", write_through=True)

    def write(self, data):
        """Bytes to stdout, whatever became of it."""
        self.outputs[0].write(data)

    def begin(self, activation):
        """From here on this thread, and what it starts asynchronously, belongs to `activation`."""
        CURRENT.set(activation)

    def sentinels(self):
        """Mark the end of this thread's activation on both streams."""
        self.restore()
        for output in self.outputs:
            output.end(CURRENT.get(), self.mark)
        CURRENT.set("")
