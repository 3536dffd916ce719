"""The functions of the design documents. Each must throw for no document: one that throws has no row."""

from __future__ import annotations

_SUMMARY = """
  function summary(doc) {
    return {namespace: doc.namespace, name: doc.name, version: doc.version, publish: doc.publish,
            annotations: doc.annotations, updated: doc.updated};
  }
"""
_UNDER_BOTH = """
  function underBoth(doc, value) {
    emit([doc.namespace, doc.updated], value);
    var slash = String(doc.namespace).indexOf("/");
    if (slash >= 0) emit([doc.namespace.substring(0, slash), doc.updated], value);
  }
"""
_IS_BOUND = """
  function isBound(doc) {
    for (var field in doc.binding) return true;
    return false;
  }
"""
_FILTER = """
  function filterOf(doc) {
    var annotations = doc.annotations || [], path, binding;
    for (var i = 0; i < annotations.length; i++) {
      if (annotations[i].key === "path") path = annotations[i].value;
      if (annotations[i].key === "binding") binding = annotations[i].value;
    }
    if (typeof binding === "string" && binding.indexOf("/") >= 0) return binding.split("/")[1] + "/" + doc.name;
    var segments = typeof path === "string" ? path.split("/") : [];
    return segments.length === 3 ? segments[1] + "/" + segments[2] : doc.name;
  }
"""
_RECORD_SUMMARY = """
  function summary(doc) {
    var value = {namespace: doc.namespace, name: doc.name, version: doc.version, publish: doc.publish,
                 annotations: doc.annotations, activationId: doc.activationId, start: doc.start};
    if (doc.end) {
      value.end = doc.end;
      value.duration = doc.end - doc.start;
      value.statusCode = (doc.response && doc.response.statusCode) || 0;
    }
    if (doc.cause !== undefined) value.cause = doc.cause;
    return value;
  }
"""


def _map(body: str, *parts: str) -> str:
    return "function (doc) {" + "".join(parts) + body + "}"


ACTIONS = _map(
    """
  if (doc.exec === undefined) return;
  var value = summary(doc);
  value.limits = doc.limits;
  value.exec = {binary: !!(doc.exec && doc.exec.binary)};
  underBoth(doc, value);
""",
    _SUMMARY,
    _UNDER_BOTH,
)
PACKAGES = _map(
    """
  if (doc.binding === undefined || doc.exec !== undefined) return;
  var value = summary(doc);
  value.binding = isBound(doc) ? doc.binding : false;
  emit([doc.namespace, doc.updated], value);
""",
    _SUMMARY,
    _IS_BOUND,
)
PUBLIC_PACKAGES = _map(
    """
  if (doc.binding === undefined || doc.exec !== undefined || !doc.publish || isBound(doc)) return;
  var value = summary(doc);
  value.binding = false;
  emit([doc.namespace, doc.updated], value);
""",
    _SUMMARY,
    _IS_BOUND,
)
BINDINGS = _map(
    """
  if (doc.binding === undefined || doc.exec !== undefined || !isBound(doc)) return;
  var value = summary(doc);
  value.binding = doc.binding;
  emit([doc.namespace, doc.updated], value);
""",
    _SUMMARY,
    _IS_BOUND,
)
TRIGGERS = _map(
    """
  if (doc.parameters === undefined || doc.exec !== undefined || doc.binding !== undefined) return;
  if (doc.trigger !== undefined) return;
  underBoth(doc, summary(doc));
""",
    _SUMMARY,
    _UNDER_BOTH,
)
RULES = _map(
    """
  if (doc.trigger === undefined || doc.exec !== undefined || doc.binding !== undefined) return;
  underBoth(doc, 1);
""",
    _UNDER_BOTH,
)

IDENTITIES = _map("""
  if (doc.subject === undefined || doc.blocked || !doc.namespaces) return;
  doc.namespaces.forEach(function (one) {
    var value = {_id: one.name + "/limits", namespace: one.name, uuid: one.uuid, key: one.key};
    emit([one.name], value);
    emit([one.uuid, one.key], value);
  });
""")
BLOCKED_NAMESPACES = _map("""
  var suffix = "/limits", end = doc._id.length - suffix.length;
  if (doc.subject !== undefined) {
    if (doc.blocked) (doc.namespaces || []).forEach(function (one) { emit(one.name, 1); });
  } else if (end > 0 && doc._id.lastIndexOf(suffix) === end) {
    if (doc.concurrentInvocations === 0 || doc.invocationsPerMinute === 0) emit(doc._id.substring(0, end), 1);
  }
""")
SUBJECTS = _map("""
  if (doc.subject !== undefined) emit(doc._id, null);
""")

ACTIVATIONS = _map(
    """
  if (doc.activationId !== undefined) emit([doc.namespace, doc.start], summary(doc));
""",
    _RECORD_SUMMARY,
)
ACTIVATIONS_BY_FILTER = _map(
    """
  if (doc.activationId !== undefined) emit([doc.namespace + "/" + filterOf(doc), doc.start], summary(doc));
""",
    _RECORD_SUMMARY,
    _FILTER,
)
BY_DATE = _map("""
  if (doc.activationId !== undefined) emit(doc.start, [doc._id, doc._rev]);
""")
BY_DATE_WITH_LOGS = _map("""
  if (doc.activationId === undefined || !doc.logs || doc.logs.length === 0) return;
  var isSequence = (doc.annotations || []).some(function (one) {
    return one.key === "kind" && one.value === "sequence";
  });
  if (!isSequence) emit(doc.start, doc._id);
""")
SIZES = _map("""
  if (doc.activationId === undefined) return;
  var record = {}, outside = {entityType: 1, updated: 1};
  for (var field in doc) if (field.charAt(0) !== "_" && !outside[field]) record[field] = doc[field];
  emit([doc.namespace, doc.start], JSON.stringify(record).length);
""")

WITHOUT_DELETED_AND_DESIGN = """function (doc, req) {
  return !doc._deleted && doc._id.indexOf("_design/") !== 0;
}"""
