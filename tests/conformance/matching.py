"""MATCH, BYTES and BYTES-MATCH, as README.md has them."""
import base64, json
import re

from library import Failed

MISSING = object()
TYPES = {"string": str, "number": (int, float), "integer": int, "boolean": bool, "array": list, "object": dict,
         "null": type(None)}


def plain(value):
    """The parameters with their special objects resolved."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$number" in value:
        return int(value["$number"])
    if "$utf16" in value:
        units = b"".join(unit.to_bytes(2, "little") for unit in value["$utf16"])
        return units.decode("utf-16-le", "replace")
    return {key: plain(item) for key, item in value.items()}


def pointed(value, pointer):
    """What a JSON pointer leads to."""
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def bytes_of(spec):
    data = base64.b64decode(spec["base64"]) if "base64" in spec else spec["text"].encode()
    return data * spec.get("times", 1)


def match_bytes(expected, data, where):
    if "contains" in expected:
        at = 0
        for text in expected["contains"]:
            found = data.find(text.encode(), at)
            if found < 0:
                raise Failed(f"{where}: no {text!r} in {data[at:][:2000]!r}")
            at = found + len(text.encode())
    elif "count" in expected:
        if len(data) != expected["count"]:
            raise Failed(f"{where}: {expected['count']} bytes expected, came {len(data)}")
    elif data != bytes_of(expected):
        raise Failed(f"{where}: expected {bytes_of(expected)[:2000]!r}, came {data[:2000]!r}")


def match(expected, value, where):
    """Raises Failed where the value does not match."""
    special = [key for key in expected if key.startswith("$")] if isinstance(expected, dict) else []
    if special:
        [key] = special
        fits = SPECIAL[key](expected[key], value)
    elif isinstance(expected, dict) and isinstance(value, dict):
        for key, item in expected.items():
            match(item, value.get(key, MISSING), f"{where}/{key}")
        return
    elif isinstance(expected, list) and isinstance(value, list) and len(expected) == len(value):
        for number, item in enumerate(expected):
            match(item, value[number], f"{where}/{number}")
        return
    else:
        fits = expected == value and isinstance(expected, bool) == isinstance(value, bool)
    if not fits:
        came = "nothing" if value is MISSING else json.dumps(value)[:2000]
        raise Failed(f"{where}: expected {json.dumps(expected)[:2000]}, came {came}")


def matches(expected, value):
    try:
        match(expected, value, "")
    except Failed:
        return False
    return True


def is_a(name, value):
    return isinstance(value, TYPES[name]) and (name == "boolean" or not isinstance(value, bool))


SPECIAL = {
    "$any": lambda _, value: value is not MISSING,
    "$absent": lambda _, value: value is MISSING or value is None,
    "$type": is_a,
    "$regex": lambda regex, value: isinstance(value, str) and re.search(regex, value),
    "$atLeast": lambda least, value: is_a("number", value) and value >= least,
    "$number": lambda number, value: is_a("integer", value) and value == int(number),
    "$count": lambda count, value: is_a("array", value) and len(value) == count,
    "$includes": lambda wanted, value: is_a("array", value) and all(any(matches(it, has) for has in value) for it in wanted),
    "$oneOf": lambda choices, value: any(matches(it, value) for it in choices),
}
