"""Strategies for requests of any kind, from nearly right ones to bytes without sense, and what no answer may have."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote_from_bytes

from attrs import frozen
from hypothesis import strategies as st

from tests.rest.world import ALICE, GUEST

METHODS = ("GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "get", "BREW")
COLLECTIONS = ("actions", "packages", "triggers", "rules", "activations", "limits", "apis", "nonsense")
NAMES = ("a", "pack", "bound", "trig", "rule", "chain", "private", "default", "_", "guest", "alice", "0" * 32)
#: in everything that belongs to alice
SECRET = "s3cret-of-alice"


@frozen
class AnyRequest:
    """What is sent; `target` is the path as it goes over the wire."""

    method: str
    target: bytes
    query: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


def _mixed(*shares: tuple[int, st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """One of several, each as often as its number says."""
    return st.sampled_from([strategy for number, strategy in shares for _ in range(number)]).flatmap(lambda one: one)


def _basic(pair: bytes) -> bytes:
    return b"Basic " + base64.b64encode(pair)


_line = st.binary(max_size=40).map(lambda raw: bytes(byte for byte in raw if byte >= 32 and byte != 127))
_segment = _mixed(
    (6, st.sampled_from(NAMES)),
    (
        1,
        st.sampled_from(
            ("..", ".", "", "%", "%2F", "%00", "%ff%fe", "a%2Fb", "a b", "é", "x" * 257, "a.json", "a.http")
        ),
    ),
    (1, st.binary(max_size=12).map(quote_from_bytes)),
    (1, st.text(max_size=8)),
)
_namespace = _mixed((6, st.sampled_from(("_", "guest"))), (3, st.just("alice")), (1, _segment))
_place = st.sampled_from(
    (
        ["actions", "a"],
        ["actions", "a"],
        ["actions", "new"],
        ["actions", "chain"],
        ["actions", "pack", "a"],
        ["actions", "bound", "a"],
        ["actions", "pack", ""],
        ["packages", "pack"],
        ["packages", "bound"],
        ["packages", "private"],
        ["triggers", "trig"],
        ["triggers", "trig"],
        ["rules", "rule"],
        ["rules", "rule"],
        ["actions"],
        ["activations"],
    )
)
_known = st.builds(
    lambda namespace, place: ["api", "v1", "namespaces", namespace, *place],
    _mixed((8, st.sampled_from(("_", "guest"))), (1, st.just("alice"))),
    _place,
)
_entity = st.builds(
    lambda namespace, collection, rest: ["api", "v1", "namespaces", namespace, collection, *rest],
    _namespace,
    _mixed((12, st.sampled_from(COLLECTIONS)), (1, _segment)),
    _mixed((8, st.lists(_segment, min_size=1, max_size=2)), (1, st.lists(_segment, max_size=4))),
)
_web = st.builds(
    lambda namespace, package, rest: ["api", "v1", "web", namespace, package, *rest],
    _namespace,
    _mixed((3, st.sampled_from(("default", "pack", "private"))), (1, _segment)),
    st.lists(_mixed((3, st.sampled_from(("a.json", "a.http", "a.text", "a", "a.svg"))), (1, _segment)), max_size=3),
)
_elsewhere = st.lists(
    _segment | st.sampled_from(("api", "v1", "docs", "invokers", "apis", "activation", "web")), max_size=5
)
_path = _mixed((9, _known), (4, _entity), (2, _web), (1, _elsewhere))
targets = _mixed(
    (15, _path.map(lambda segments: ("/" + "/".join(segments)).encode("utf-8", "replace"))),
    (1, st.binary(max_size=60).map(lambda raw: b"/" + bytes(byte for byte in raw if byte > 32 and byte not in b"?#"))),
)

_flag = st.sampled_from(("true", "false", "1", "0", "maybe", "", "TRUE"))
_number = st.sampled_from(("0", "1", "-1", "200", "201", "2147483648", "9" * 40, "x", "", "1.5", "٣", "+7", " 1"))
_parameter = _mixed(
    (4, st.sampled_from((("overwrite", "true"), ("blocking", "true"), ("docs", "true"), ("count", "true")))),
    (1, st.tuples(st.sampled_from(("overwrite", "blocking", "result", "count", "docs", "code", "force")), _flag)),
    (1, st.tuples(st.sampled_from(("limit", "skip", "since", "upto", "timeout")), _number | st.integers().map(str))),
    (1, st.tuples(st.just("name"), _segment)),
    (1, st.tuples(st.text(max_size=5), st.text(max_size=5))),
)
queries = _mixed(
    (2, st.just(b"")),
    (
        8,
        st.lists(_parameter, max_size=4).map(
            lambda pairs: "&".join("=".join(pair) for pair in pairs).encode("utf-8", "replace")
        ),
    ),
    (1, _line.map(lambda raw: raw.replace(b" ", b"+"))),
)

_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_named = st.sampled_from(("/_/a", "/guest/a", "/alice/private/a", "/alice/a", "a", "", "/", "/_/pack/a", "//", "/_/é"))
_kinds = st.sampled_from(("nodejs:20", "nodejs:default", "sequence", "blackbox", "python:3", "", "NodeJS:20 ", "cobol"))
_odd = st.one_of(_json, st.just(None))


def _mostly(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return _mixed((12, strategy), (1, _odd))


_pairs = st.lists(
    st.fixed_dictionaries(
        {"key": _mostly(st.text(max_size=6) | st.sampled_from(("web-export", "final", "conductor", "feed", "exec")))},
        optional={"value": _json, "init": _mostly(st.booleans()), "encryption": _mostly(st.just("aes-128"))},
    ),
    max_size=3,
)
_exec = _mixed(
    (3, st.just({"kind": "nodejs:20", "code": "x"})),
    (2, st.lists(_named, max_size=4).map(lambda components: {"kind": "sequence", "components": components})),
    (
        2,
        st.fixed_dictionaries(
            {"kind": _mostly(_kinds)},
            optional={
                "code": _mostly(st.text(max_size=20)),
                "image": _mostly(st.text(max_size=10)),
                "main": _mostly(st.text(max_size=5)),
                "binary": _odd,
                "components": _mostly(st.lists(_named, max_size=4)),
            },
        ),
    ),
)
_limits = st.dictionaries(st.sampled_from(("memory", "timeout", "logs", "concurrency")), _mostly(st.integers(0, 400)))
_binding = st.fixed_dictionaries(
    {
        "namespace": st.sampled_from(("_", "alice", "guest")),
        "name": st.sampled_from(("pack", "private", "bound", "")),
    }
)
_anything = {
    "parameters": _mostly(_pairs),
    "annotations": _mostly(_pairs),
    "version": _mostly(st.sampled_from(("1.0", "0.0.1", "x", "1.2.3.4", "-1.0.0"))),
    "publish": _mostly(st.booleans()),
    "name": _odd,
    "delAnnotations": _mostly(st.lists(st.text(max_size=5), max_size=2)),
    "limits": _mostly(_limits),
}
_entities = st.one_of(
    st.fixed_dictionaries({"exec": _mostly(_exec)}, optional=_anything),
    st.fixed_dictionaries({}, optional=_anything),
    st.fixed_dictionaries({"binding": _mostly(_binding)}, optional=_anything),
    st.fixed_dictionaries({"trigger": _mostly(_named), "action": _mostly(_named)}, optional=_anything),
    st.fixed_dictionaries({"status": _mostly(st.sampled_from(("active", "inactive", "paused")))}),
)
_broken = st.sampled_from(
    (
        b"{",
        b'{"a":}',
        b"\xff\xfe",
        b"\xef\xbb\xbf{}",
        b'"\\ud800"',
        b"nul",
        b"[" * 5000,
        b'{"a":' * 5000,
        b"1e999",
        b"-",
        b'{"a":1}trailing',
        b'{"\\u0000":"\\u0000"}',
        b'{"x":"' + b"y" * 70_000 + b'"}',
        b'{"x":"' + b"y" * 1_100_000 + b'"}',
    )
)
bodies = _mixed(
    (2, st.just(b"")),
    (12, _entities.map(lambda value: json.dumps(value).encode())),
    (2, _json.map(lambda value: json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass"))),
    (1, _broken),
    (1, st.binary(max_size=60)),
)

_wrong = (b"", b"Basic", b"Basic !!", b"Bearer x", _basic(b":"), _basic(b"\xff"), _basic(GUEST[:-1].encode()))
_credentials = _mixed(
    (20, st.just(_basic(GUEST.encode()))),
    (1, st.sampled_from(_wrong)),
    (1, st.just(_basic(f"{GUEST.partition(':')[0]}:{ALICE.partition(':')[2]}".encode()))),
    (1, st.just(_basic(f"{ALICE.partition(':')[0]}:{GUEST.partition(':')[2]}".encode()))),
    (1, _line),
    (1, st.none()),
)
_header = st.one_of(
    st.tuples(
        st.just(b"content-type"),
        st.sampled_from(
            (
                b"application/json",
                b"application/json",
                b"application/json; charset=utf-16",
                b"application/x-www-form-urlencoded",
                b"multipart/form-data; boundary=x",
                b"text/plain",
                b"/",
                b"\xff/\xfe",
            )
        ),
    ),
    st.tuples(
        st.just(b"accept"), st.sampled_from((b"*/*", b"text/html", b"application/json;q=0", b",", b"\xff")) | _line
    ),
    st.tuples(st.sampled_from((b"x-request-id", b"x-ow-extra-logging", b"x-require-whisk-auth", b"cookie")), _line),
    st.tuples(st.sampled_from((b"x-forwarded-proto", b"x-forwarded-for", b"access-control-request-headers")), _line),
)


_typed = st.just([(b"content-type", b"application/json")])


def _headers(credentials: bytes | None, more: list[tuple[bytes, bytes]]) -> tuple[tuple[bytes, bytes], ...]:
    first = () if credentials is None else ((b"authorization", credentials),)
    return ((b"host", b"here"), *first, *dict(more).items())


requests = st.builds(
    AnyRequest,
    method=_mixed((12, st.sampled_from(METHODS[:4])), (1, st.sampled_from(METHODS))),
    target=targets,
    query=queries,
    headers=st.builds(_headers, _credentials, _mixed((3, _typed), (1, st.lists(_header, max_size=3)))),
    body=bodies,
)


def check_answer(status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """An answer to somebody who is not alice."""
    names = {name.lower() for name, _ in headers}
    assert status < 500 or (status == 502 and b"x-openwhisk-activation-id" in names), (status, body[:500])
    assert status >= 200
    for name, value in headers:
        assert not {*b"\r\n\0"} & {*name, *value}, (name, value)
    for trace in (b"Traceback", b".py", b"owactors.", b" object at 0x"):
        assert trace not in body, body[:500]
    assert SECRET.encode() not in body, body[:500]
