"""The HTTP side of the proxies written in Python: one thread, keep-alive connections, one request at a time.

The action runs in the main thread, as user code expects; requests that arrive meanwhile wait in the kernel. Where the
action allows several calls at the same time each of them has a thread instead.
The low-level modules `_socket` and `select` are used because importing `socket` alone would double the time a
container needs to start.
"""

import _socket
import os
import select
import sys
from _operator import _compare_digest

from quickjson import dumps, loads

MARK = b"XXX_THE_END_OF_A_WHISK_ACTIVATION_XXX"
SENTINEL = MARK + b"\n"
KEY_HEADER, KEY_VARIABLE = b"x-owactors-key", "__OWACTORS_KEY"
CONCURRENT = "__OW_ALLOW_CONCURRENT"
MEMORY_EXIT = 122
NOT_A_DICTIONARY = "The action did not return a dictionary or array."

REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 502: "Bad Gateway"}


class Refused(Exception):
    """An answer other than 200: `status` and the text of its `error` field."""

    def __init__(self, status, text):
        super().__init__(text)
        self.status = status
        self.text = text


class Connection:
    """One connection: bytes in, whole requests out. Blocking, since the only client is the platform."""

    def __init__(self, sock):
        self.sock = sock
        self.data = b""
        self.key = b""

    def read_request(self):
        """(path, body) of the next request, or None when the peer is gone."""
        head = self._take_head()
        if head is None:
            return None
        lines = head.split(b"\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers[name.strip().lower()] = value.strip()
        self.key = headers.get(KEY_HEADER, b"")
        if headers.get(b"expect", b"").lower() == b"100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = self._take_body(int(headers.get(b"content-length") or 0))
        words = lines[0].split(b" ")
        if body is None or len(words) < 2:
            return None
        return words[1], body

    def answer(self, status, body):
        """Send a whole response; errors of a peer that is gone are of no interest."""
        head = (
            f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        try:
            self.sock.sendall(head.encode() + body)
        except OSError:
            pass

    def _take_head(self):
        while True:
            end = self.data.find(b"\r\n\r\n")
            if end >= 0:
                head, self.data = self.data[:end], self.data[end + 4 :]
                return head
            chunk = self._receive(65536)
            if not chunk:
                return None
            self.data += chunk

    def _take_body(self, length):
        parts = [self.data]
        have = len(self.data)
        while have < length:
            chunk = self._receive(min(1 << 20, length - have))
            if not chunk:
                return None
            parts.append(chunk)
            have += len(chunk)
        whole = b"".join(parts)
        self.data = whole[length:]
        return whole[:length]

    def _receive(self, size):
        try:
            return self.sock.recv(size)
        except OSError:
            return b""


def option(name):
    """The integer after `name` on the command line, or None."""
    return int(sys.argv[sys.argv.index(name) + 1]) if name in sys.argv else None


def listener():
    """The listening socket that the command line names."""
    fd = option("--listen-fd")
    if fd is not None:
        os.set_inheritable(fd, False)
        return _socket.socket(fileno=fd)
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    sock.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
    sock.bind(("0.0.0.0", option("--port") or 8080))
    sock.listen(64)
    return sock


def accept(server):
    """A `Connection` from the listening socket `server`."""
    fd, _ = server._accept()
    sock = _socket.socket(fileno=fd)
    sock.setblocking(True)
    if sock.family == _socket.AF_INET:
        sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
    return Connection(sock)


def say_ready():
    """Tell the starter that requests are answered from now on."""
    fd = option("--ready-fd")
    if fd is not None:
        os.write(fd, b"1")
        os.close(fd)


def reopened(fd):
    """A text stream for descriptor `fd` like those Python starts with."""
    return open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)


class Streams:
    """stdout and stderr of the process, kept safe from actions that close them."""

    def __init__(self):
        self.saved = (os.dup(1), os.dup(2))
        self._open()

    def _open(self):
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)

    def write(self, data):
        """Bytes to stdout, whatever became of it."""
        while data:
            data = data[os.write(self.saved[0], data) :]

    def begin(self, activation):
        """All that is printed from now on belongs to `activation`: there is no other."""

    def restore(self):
        """Flush, and put back what an action closed or replaced by something closed."""
        for fd, name in ((1, "stdout"), (2, "stderr")):
            stream = getattr(sys, name)
            try:
                stream.flush()
                os.fstat(fd)
            except (OSError, ValueError, AttributeError):
                os.dup2(self.saved[fd - 1], fd)
                setattr(sys, name, reopened(fd))

    def sentinels(self):
        """Flush and mark the end of an activation on both streams."""
        self.restore()
        for fd in self.saved:
            os.write(fd, SENTINEL)


def encode(value):
    """A JSON body (bytes); raises ValueError or TypeError for what JSON cannot say."""
    return dumps(value).encode("utf-8", "backslashreplace")


class Proxy:
    """The life of a container: /init once, then /run. Subclasses say how an action is made and called."""

    def __init__(self):
        self.streams = Streams()
        self.initialized = False
        self.pid = os.getpid()
        self.run_keys = set()
        self.concurrent = False
        self.key = os.environ.pop(KEY_VARIABLE, "").encode()

    def load(self, code, main, binary):
        """Make the action from `code` (bytes, decoded if binary). Raises Refused."""
        raise NotImplementedError

    def call(self, value):
        """Run the action and return the JSON body of its result (bytes). Raises Refused."""
        raise NotImplementedError

    def init(self, body):
        """Answer of /init: (status, body)."""
        if self.initialized:
            raise Refused(403, "Cannot initialize the action more than once.")
        value = self._init_value(body)
        code = value.get("code")
        if not code:
            raise Refused(403, "Missing main/no code to execute.")
        self._set_environment(value.get("env") or {})
        if os.environ.get(CONCURRENT) == "true":
            self._allow_concurrent()
        binary = bool(value.get("binary"))
        try:
            self.load(decode(code) if binary else code.encode(), value.get("main") or "main", binary)
        except Refused as refused:
            if refused.status == 502:
                self.streams.sentinels()
            raise
        self.streams.restore()
        self.initialized = True
        return 200, b'{"ok":true}\n'

    def run(self, body):
        """Answer of /run: (status, body)."""
        if not self.initialized:
            raise Refused(500, "no action defined yet")
        request = parse_object(body, "run")
        self._set_run_environment(request)
        self.streams.begin(str(request.get("activation_id") or ""))
        try:
            answer = self.call(request.get("value", {}))
        finally:
            # A child that the action forked and that came back here must not speak for its parent.
            if os.getpid() != self.pid:
                os._exit(0)
            self.streams.sentinels()
        if answer[:1] not in (b"{", b"["):
            raise Refused(502, NOT_A_DICTIONARY)
        return 200, answer

    def serve(self):
        """Answer requests until the process is killed."""
        server = listener()
        poll = select.poll()
        poll.register(server.fileno(), select.POLLIN)
        connections = {}
        say_ready()
        while True:
            for fd, _ in poll.poll():
                if fd == server.fileno():
                    connection = accept(server)
                    connections[connection.sock.fileno()] = connection
                    poll.register(connection.sock.fileno(), select.POLLIN)
                else:
                    request = connections[fd].read_request()
                    if request is None:
                        poll.unregister(fd)
                        connections.pop(fd).sock.close()
                    elif self.concurrent and request[0] == b"/run":
                        # Nothing is read from its connection until it has answered.
                        poll.unregister(fd)
                        self._answer_beside(connections.pop(fd), request)
                    else:
                        self._answer(connections[fd], request)

    def _answer_beside(self, connection, request):
        """In a thread of its own, which goes on with the connection."""
        import threading

        def work():
            asked = request
            while asked is not None:
                self._answer(connection, asked)
                asked = connection.read_request()
            connection.sock.close()

        threading.Thread(target=work, daemon=True).start()

    def _allow_concurrent(self):
        # Our folder is not on the path any more, and a module of the action may have the same name.
        sys.path.insert(0, os.path.dirname(os.path.abspath(sys.argv[0])))
        from tagging import TaggedStreams

        del sys.path[0], sys.modules["tagging"]
        self.concurrent = True
        self.streams = TaggedStreams(self.streams.saved, MARK)

    def _answer(self, connection, request):
        if self.key and not _compare_digest(self.key, connection.key):
            connection.answer(403, b'{"error":"This container takes no calls from you."}')
        else:
            connection.answer(*self._dispatch(*request))

    def _dispatch(self, path, body):
        handler = {b"/init": self.init, b"/run": self.run}.get(path)
        if handler is None:
            return 404, encode({"error": "404 page not found"})
        try:
            return handler(body)
        except Refused as refused:
            return refused.status, encode({"error": refused.text})

    @staticmethod
    def _init_value(body):
        value = parse_object(body, "init").get("value")
        if not isinstance(value, dict):
            raise Refused(403, "Missing main/no code to execute.")
        return value

    @staticmethod
    def _set_environment(env):
        for name, value in env.items():
            os.environ[name] = value if isinstance(value, str) else dumps(value)

    def _set_run_environment(self, request):
        present = {f"__OW_{k.upper()}": v for k, v in request.items() if k != "value" and v is not None}
        for name in self.run_keys - present.keys():
            os.environ.pop(name, None)
        self._set_environment(present)
        self.run_keys = set(present)


def parse_object(body, what):
    """The JSON object in `body`; Refused(400) if it is none."""
    try:
        value = loads(body)
    except ValueError as error:
        raise Refused(400, f"Error unmarshaling request: {error}") from None
    if not isinstance(value, dict):
        raise Refused(400, f"Error unmarshaling request: the body of /{what} is not an object")
    return value


def decode(code):
    """Bytes of base64 text; Refused(400) if it is none."""
    import binascii

    try:
        return binascii.a2b_base64(code.encode("ascii"))
    except ValueError as error:
        raise Refused(400, f"cannot decode the request: {error}") from None


def unzip(data, target):
    """Unpack zip bytes into folder `target` with permissions and symbolic links. Raises Refused(502)."""
    import io
    import zipfile

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                _unpack(archive, info, target)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise Refused(502, f"Cannot start action. Check logs for details. (zip: {error})") from None


def _unpack(archive, info, target):
    mode = info.external_attr >> 16
    if mode & 0o170000 == 0o120000:
        path = os.path.join(target, info.filename)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(archive.read(info).decode(), path)
        return
    path = archive.extract(info, target)
    if mode and not info.is_dir():
        os.chmod(path, (mode & 0o777) | 0o400)
