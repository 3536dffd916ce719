"""The sentences clients of OpenWhisk know. (OpenWhisk, ErrorResponse.scala, object Messages.)"""

from __future__ import annotations

ROUTE_NOT_FOUND = "The requested resource could not be found."
CREDENTIALS_MISSING = "The resource requires authentication, which was not supplied with the request"
CREDENTIALS_INVALID = "The supplied authentication is invalid"
BODY_MISSING = "Request entity expected but not supplied"
NOT_ACCEPTABLE = "Resource representation is only available with these types:\napplication/json"
STOPPING = "The controller is stopping and could not wait for the answer; what was invoked goes on."

NAME_ILLEGAL = "The name of the entity contains illegal characters."
NAMESPACE_ILLEGAL = "The namespace contains illegal characters."

NOT_IN_COLLECTION = "Resource by this name exists but is not in this collection."
ALREADY_EXISTS = "resource already exists"
CONCURRENT_MODIFICATION = "Concurrent modification to resource detected."
CORRUPTED = "Resource is corrupted and cannot be read."

EXEC_UNDEFINED = "exec undefined"
NOT_ON_BINDING = "Operation not permitted on package binding."
PARAMETERS_NOT_ALLOWED = "Request defines parameters that are not allowed (e.g., reserved properties)."

BINDING_MISSING = "Binding references a package that does not exist."
BINDING_TO_BINDING = "Cannot bind to another package binding."
BINDING_TO_NON_PACKAGE = "Cannot bind to a resource that is not a package."
PACKAGE_NO_BINDING = "Resource is a package and cannot be converted into a binding."

FEED_INVALID = "Feed name is not valid"
RULE_INCOMPLETE = "rule requires a valid trigger and a valid action"
RULE_WITHOUT_TRIGGER = "Only rules with existing triggers can be activated"

DOCS_WITH_COUNT = "The parameter 'docs' is not permitted with 'count'."
LIMITS_HAVE_NO_PARTS = "Inner entity level routes for limits are not yet implemented."
ACTIVATION_ID_ILLEGAL = "The activation id is not valid."

DEFAULTS = {
    401: "Authentication is possible but has failed or not yet been provided.",
    403: "The supplied authentication is not authorized to access this resource.",
    404: "The requested resource does not exist.",
    409: "The request could not be processed because of conflict in the request, such as an edit conflict.",
    413: "The request entity is larger than the server is willing or able to process.",
    422: "The request was well-formed but was unable to be followed due to semantic errors.",
    429: "The user has sent too many requests in a given amount of time.",
    500: "There was an internal server error.",
    503: "The server is currently unavailable (because it is overloaded or down for maintenance).",
}
"""What a blank text stands for, by status."""


def not_authorized(resources: str) -> str:
    """403 for these resources, joined by ', '."""
    return f"The supplied authentication is not authorized to access '{resources}'."


def not_authorized_kind(kind: str) -> str:
    """403 for a kind the namespace may not use."""
    return f"The supplied authentication is not authorized to access actions of kind '{kind}'."


def does_not_exist(resource: str) -> str:
    """404 that names the resource (packages only)."""
    return f"The requested resource '{resource}' does not exist."


def runtime_deprecated(kind: str) -> str:
    """400 on update or invoke of a deprecated kind."""
    return f"The '{kind}' runtime is no longer supported. You may read and delete but not update or invoke this action."


def instances_exceed_namespace(limit: int) -> str:
    """400 for more instances than the namespace may have activations in flight."""
    return f"Max action instance concurrency must not exceed your namespace concurrency of {limit}."


def name_too_long(what: str, size: int, allowed: int) -> str:
    """400 for a segment of a path; `what` is 'Name segement' or 'Namespace'."""
    return f"{what} longer than allowed: {size} > {allowed}."


def package_reserved(name: str) -> str:
    """400 for a package of that name."""
    return f"Package name '{name}' is reserved."


def package_not_empty(entities: int) -> str:
    """409 on deleting a package with actions."""
    noun = "entity" if entities == 1 else "entities"
    return f"Package not empty (contains {entities} {noun}). Set force param or delete package contents."


def binding_circular(name: str) -> str:
    """422 for a binding that refers to itself."""
    return f"Package binding '{name}' contains a circular reference."


def rule_inactive(rule: str, action: str) -> str:
    """Entry of a trigger's record for a rule that is switched off."""
    return f"Rule '{rule}' is inactive, action '{action}' was not activated."


def too_many_requests(count: int, allowed: int) -> str:
    """429 of the rate throttles."""
    return f"Too many requests in the last minute (count: {count}, allowed: {allowed})."


def too_many_concurrent(count: int, allowed: int) -> str:
    """429 of the concurrency throttle."""
    return f"Too many concurrent requests in flight (count: {count}, allowed: {allowed})."


def invalid_timeout(most_ms: int) -> str:
    """400 for the query parameter `timeout`."""
    return f"Timeout must be number of milliseconds up to {most_ms}."


def limit_out_of_range(collection: str, value: int, most: int) -> str:
    """400 for the query parameter `limit`."""
    return f"The value '{value}' is not in the range of 0 to {most} for {collection}."


def skip_out_of_range(collection: str, value: int) -> str:
    """400 for the query parameter `skip`."""
    return f"The value '{value}' is not greater than or equal to 0 for {collection}."


def not_an_integer(collection: str, value: str) -> str:
    """400 for `limit` or `skip`."""
    return f"The value '{value}' is not an integer for {collection}."


def bad_name_filter(value: str) -> str:
    """400 for the query parameter `name` of activation lists."""
    return f"Parameter may be a 'simple' name or 'package-name/simple' name: {value}"


def bad_epoch(value: str) -> str:
    """400 for `since` and `upto`."""
    return f"Parameter is not a valid value for epoch seconds: {value}"


def content_type_unsupported(content_type: str) -> str:
    """415."""
    return f"The request's Content-Type [{content_type}] is not supported. Expected:\napplication/json"


def method_not_allowed(methods: str) -> str:
    """405."""
    return f"HTTP method not allowed, supported methods: {methods}"


def forbidden_get_action(path: str) -> str:
    """403 with shared packages being execute-only."""
    return f"GET not permitted for '{path}' since it's an action in a shared package"


def forbidden_get_action_binding(doc_id: str) -> str:
    """403 with shared packages being execute-only."""
    return f"GET not permitted for '{doc_id}'. Resource does not exist or is an action in a shared package binding."


def forbidden_get_package_binding(name: str) -> str:
    """403 with shared packages being execute-only."""
    return f"GET not permitted since {name} is a binding of a shared package"


def forbidden_get_package(name: str) -> str:
    """403 with shared packages being execute-only."""
    return f"GET not permitted for '{name}' since it's a shared package"
