"""JSON without the package `json`, whose import alone takes a third of a container's start.

The work is done by the same C code, `_json`; where that looks different from what is expected here, `json` is
used.
"""


class Rules:
    """What the C scanner asks its owner for: the defaults of `json.loads`."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    memo = {}

    @staticmethod
    def parse_constant(name):
        """NaN and the infinities, as json.loads has them."""
        return float(name.replace("Infinity", "inf"))


def _refuse(value):
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _with_c_code():
    import _json

    scan = _json.make_scanner(Rules)

    def loads(data):
        """The value of JSON text (bytes in UTF-8); ValueError."""
        text = data.decode("utf-8")
        start = len(text) - len(text.lstrip(" \t\n\r"))
        try:
            value, end = scan(text, start)
        except Exception:
            # Only the package knows how to say what is wrong.
            import json

            return json.loads(text)
        if text[end:].strip(" \t\n\r"):
            raise ValueError(f"Extra data: char {end}")
        return value

    def dumps(value):
        """JSON text, not ASCII only; ValueError for NaN and circles, TypeError for what JSON cannot say."""
        # A new one each time, for after an error the first argument is left with what it held then.
        encode = _json.make_encoder({}, _refuse, _json.encode_basestring, None, ": ", ", ", False, False, False)
        return "".join(encode(value, 0))

    # The C code has no promise to stay as it is.
    if loads(b' {"a": [1, -2.5e3, null, true, "\\u00e4\\n"]} ') != {"a": [1, -2500.0, None, True, "\u00e4\n"]}:
        raise ImportError("_json reads differently")
    if dumps({"a": [1, 2.5, None, True, "\u00e4\n"], "b": {}}) != '{"a": [1, 2.5, null, true, "\u00e4\\n"], "b": {}}':
        raise ImportError("_json writes differently")
    return loads, dumps


def _with_package():
    import json

    def dumps(value):
        """JSON text, not ASCII only; ValueError for NaN and circles, TypeError for what JSON cannot say."""
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    return json.loads, dumps


try:
    loads, dumps = _with_c_code()
except Exception:
    loads, dumps = _with_package()
