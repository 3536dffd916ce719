"""Any message and document as OpenWhisk's components could have written it: JSON values for Hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

Json = dict[str, Any]
Values = st.SearchStrategy[Any]

NUMBERS = st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(max_size=6)
ANY: Values = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(TEXTS, ANY, max_size=4)
NAMES = st.text("aZ_9", min_size=1, max_size=4) | st.sampled_from(["a b", "A_1@x.y-z&", "x" * 256])
IDS = st.builds("{:032x}".format, st.integers(0, 2**128 - 1))
TIMES = st.integers(0, 2**42)
SMALL = st.integers(0, 10**6)
SIZES = st.builds("{} {}".format, st.integers(0, 10**6), st.sampled_from(["B", "KB", "MB", "GB"]))
BYTES = st.builds("{} B".format, st.integers(0, 2**40))
VERSIONS = st.builds("{}.{}.{}".format, st.integers(0, 9), st.integers(0, 9), st.integers(1, 99))
REVISIONS = st.builds("{}-{}".format, st.integers(1, 999), IDS)
PATHS = NAMES | st.builds("{}/{}".format, NAMES, NAMES)


def fields(optional: dict[str, Values] | None = None, /, **required: Values) -> Values:
    """Objects with these fields, the optional ones not always."""
    return st.fixed_dictionaries(required, optional=optional or {})


def _with_parent(parents: Values) -> Values:
    extra = st.lists(st.just(True), max_size=1)
    above = st.lists(parents, max_size=1)
    return st.builds(lambda name, start, more, parent: [name, start, *more, *parent], TEXTS, TIMES, extra, above)


TRANSIDS: Values = st.recursive(st.builds(lambda name, start: [name, start], TEXTS, TIMES), _with_parent, max_leaves=3)
FULL_NAMES = fields({"version": VERSIONS, "binding": PATHS}, path=PATHS, name=NAMES)
LIMITS = fields(
    {
        **dict.fromkeys(
            (
                *("invocationsPerMinute", "concurrentInvocations", "firesPerMinute", "maxActionInstances"),
                *("minActionMemory", "maxActionMemory", "minActionLogs", "maxActionLogs", "minActionTimeout"),
                *("maxActionTimeout", "minActionConcurrency", "maxActionConcurrency", "warmedContainerKeepingCount"),
            ),
            SMALL,
        ),
        **dict.fromkeys(("maxParameterSize", "maxPayloadSize", "truncationSize"), SIZES),
        "allowedKinds": st.lists(TEXTS, max_size=3),
        "storeActivations": st.booleans(),
        "warmedContainerKeepingTimeout": st.sampled_from(["10 minutes", "1 s"]),
    }
)
IDENTITIES = fields(
    subject=st.text(min_size=5, max_size=12),
    namespace=fields(name=NAMES, uuid=TEXTS),
    authkey=OBJECTS,
    rights=st.lists(st.sampled_from(["READ", "PUT", "DELETE", "ACTIVATE", "REJECT"]), unique=True),
    limits=LIMITS,
)
CONTROLLERS = fields(asString=st.text("aB0._-", min_size=1, max_size=6), instanceType=st.just("controller"))
INVOKERS = fields(
    {"uniqueName": TEXTS, "displayedName": TEXTS, "busyMemory": BYTES},
    instance=st.integers(0, 999),
    userMemory=BYTES,
    instanceType=st.just("invoker"),
    tags=st.lists(TEXTS, max_size=2),
    dedicatedNamespaces=st.lists(TEXTS, max_size=2),
)
ACTIVATION_MESSAGES = fields(
    {
        "content": OBJECTS | st.lists(ANY, max_size=4),
        "cause": IDS,
        "traceContext": st.dictionaries(TEXTS, TEXTS, max_size=2),
    },
    transid=TRANSIDS,
    action=FULL_NAMES,
    revision=REVISIONS | st.none(),
    user=IDENTITIES,
    activationId=IDS,
    rootControllerIndex=CONTROLLERS,
    blocking=st.booleans(),
    initArgs=st.lists(TEXTS, unique=True, max_size=3),
    lockedArgs=st.dictionaries(TEXTS, st.sampled_from(["aes-128", "aes-256", "rot13"]), max_size=2),
)

PARAMETERS = st.lists(
    fields({"init": st.just(True), "encryption": st.sampled_from(["aes-128", "aes-256"])}, key=TEXTS, value=ANY),
    max_size=3,
    unique_by=lambda entry: entry["key"],
)
NOTES = st.lists(fields(key=TEXTS, value=ANY), max_size=3, unique_by=lambda entry: entry["key"])
RESULTS = OBJECTS | st.lists(ANY, max_size=3)
RECORDS = fields(
    {"duration": SMALL, "cause": IDS},
    namespace=NAMES,
    name=NAMES,
    subject=TEXTS,
    activationId=IDS,
    start=TIMES,
    end=TIMES,
    response=fields({"result": RESULTS, "size": SMALL}, statusCode=st.integers(0, 3)),
    logs=st.lists(TEXTS, max_size=3),
    version=VERSIONS,
    publish=st.booleans(),
    annotations=NOTES,
)
SENDERS = INVOKERS | CONTROLLERS
ACKNOWLEDGEMENTS = (
    fields(transid=TRANSIDS, response=RECORDS | IDS)
    | fields({"isSystemError": st.booleans()}, transid=TRANSIDS, activationId=IDS, instance=SENDERS)
    | fields({"isSystemError": st.booleans()}, transid=TRANSIDS, response=RECORDS | IDS, instance=SENDERS)
)
PINGS = fields(name=INVOKERS, isEnabled=st.booleans())
_EVENT = {"source": TEXTS, "subject": TEXTS, "namespace": NAMES, "userId": TEXTS, "timestamp": TIMES}
EVENTS = fields(body=fields(metricName=TEXTS, metricValue=SMALL), eventType=st.just("Metric"), **_EVENT) | fields(
    body=fields(
        {"causedBy": TEXTS, "size": SMALL, "userDefinedStatusCode": SMALL},
        name=PATHS,
        activationId=IDS,
        statusCode=st.integers(0, 3),
        duration=SMALL,
        waitTime=SMALL,
        initTime=SMALL,
        kind=TEXTS,
        conductor=st.booleans(),
        memory=SMALL,
    ),
    eventType=st.just("Activation"),
    **_EVENT,
)
INVALIDATIONS = fields(key=fields({"secondaryId": TEXTS}, mainId=TEXTS), instanceId=TEXTS)

KINDS = ("python:3.11", "nodejs:20")
CODES = (
    TEXTS.filter(lambda text: text.strip() != "")
    | st.just("UEsDBBQAAAAIAAB2dV0=")
    | fields(
        {"length": SMALL, "digest": TEXTS},
        attachmentName=st.builds("{}{}".format, st.sampled_from(["mem:", "couch:", ""]), IDS),
        attachmentType=st.sampled_from(["text/plain; charset=UTF-8", "application/octet-stream"]),
    )
)
IMAGES = st.sampled_from(
    ["me/image:1", "image", "registry.example:5000/me/image:nightly", "me/image@sha256:" + "a" * 64]
)
EXECS = (
    fields({"main": TEXTS}, kind=st.sampled_from(KINDS), code=CODES, binary=st.booleans())
    | fields({"main": TEXTS}, kind=st.just("blackbox"), image=IMAGES, binary=st.just(False))
    | fields({"main": TEXTS}, kind=st.just("blackbox"), image=IMAGES, code=CODES, binary=st.booleans())
    | fields(kind=st.just("sequence"), components=st.lists(st.builds("/{}/{}".format, NAMES, NAMES), max_size=3))
)


def _document(kind: str, optional: dict[str, Values] | None = None, /, **own: Values) -> Values:
    whole = fields(
        {"_rev": REVISIONS, **(optional or {})},
        namespace=PATHS,
        name=NAMES,
        version=VERSIONS,
        publish=st.booleans(),
        annotations=NOTES,
        updated=TIMES,
        entityType=st.just(kind),
        **own,
    )
    return whole.map(lambda value: {"_id": f"{value['namespace']}/{value['name']}", **value})


ACTIONS = _document(
    "action",
    exec=EXECS,
    parameters=PARAMETERS,
    limits=fields({"instances": SMALL}, timeout=SMALL, memory=SMALL, logs=SMALL, concurrency=SMALL),
)
PACKAGES = _document("package", binding=st.just({}) | fields(namespace=NAMES, name=NAMES), parameters=PARAMETERS)
_BARE_NAMES = fields(path=PATHS, name=NAMES)
TRIGGERS = _document(
    "trigger",
    {
        "rules": st.dictionaries(
            PATHS, fields(action=_BARE_NAMES, status=st.sampled_from(["active", "inactive"])), max_size=2
        )
    },
    parameters=PARAMETERS,
    limits=st.just({}),
)
RULES = _document("rule", trigger=_BARE_NAMES, action=_BARE_NAMES)
SUBJECTS = fields(
    {"blocked": st.booleans()},
    subject=st.text("abc-@. ü", min_size=5, max_size=9).filter(lambda text: len(text.strip()) >= 5),
    namespaces=st.lists(fields(name=NAMES, uuid=TEXTS, key=st.sampled_from(["k" * 64, "ü" * 64])), max_size=4),
).map(lambda value: {"_id": value["subject"], **value})


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the parts of a value are, the value itself first."""
    if isinstance(value, dict):
        parts = [(*path, name) for name in value]
    elif isinstance(value, list):
        parts = [(*path, number) for number in range(len(value))]
    else:
        return [path]
    return [path, *(deeper for part in parts for deeper in paths_of(value[part[-1]], part))]


def changed(value: Any, path: tuple[Any, ...], change: Any) -> Any:
    """The value with `change(part)` in place of the part at this path."""
    if not path:
        return change(value)
    head, *rest = path
    if isinstance(value, dict):
        return {name: changed(part, tuple(rest), change) if name == head else part for name, part in value.items()}
    return [changed(part, tuple(rest), change) if number == head else part for number, part in enumerate(value)]
