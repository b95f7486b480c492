"""Files made worse, byte by byte and from inside: archives with right checksums, headers that lie, hostile numbers."""

import io
import json
import pickle
import re
import struct
import tokenize
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from hypothesis import strategies as st

NUMBERS = (
    *(
        b"-1",
        b"0",
        b"1",
        b"-2",
        b"1e999",
        b"nan",
        b"-inf",
        b"99999999999999999999",
        b"2147483648",
        b"4294967295",
        b"1.5",
    ),
    *(b"1" * 5000, b"1e308", b"0x10", b"", b"100000000000"),
)
PLACES = (
    *(b"\0", b"\xff", b"\x80", b"\x7f", b"\0\0", b"\xff\xff", b"\xff\x7f", b"\0\0\0\0", b"\xff\xff\xff\xff"),
    *(struct.pack("<I", 2**31 - 1), struct.pack(">I", 2**31 - 1), struct.pack("<I", 2**20), struct.pack(">I", 2**20)),
    *(struct.pack("<Q", 2**40), struct.pack(">Q", 2**62), b"\xff" * 8, b"\0" * 8, b"A" * 40),
)
VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 10**30, -(10**400), 1e308, float("nan"), float("inf"), "", "x", "1", "\ud800", [], {}, [[]]),
    *({"a": 1}, [None], [1, "a"], [1.0] * 51, {"people": []}, [[1, 2], [3]], 2**63, "9" * 5000),
)
DEEP = "[" * 100_000
ARRAYS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda array: np.full(array.shape, np.nan),
    lambda array: np.full(array.shape, 1e300),
    lambda array: np.full(array.shape, -np.inf, np.float32),
    lambda array: np.full(array.shape, 2**62, np.int64),
    lambda array: np.full(array.shape, 2**64 - 1, np.uint64),
    lambda array: np.zeros((0, *array.shape[1:]), array.dtype),
    lambda array: array[..., None],
    lambda array: array.reshape(-1)[:1].reshape(()) if array.size else array,
    lambda array: np.concatenate([array, array]) if array.ndim else array,
    lambda array: array[..., :-1] if array.ndim else array,
    lambda array: array.astype("S4") if array.size < 100 else array[:1],
    lambda array: np.full(array.shape, "wörd"),
    lambda array: np.full(array.shape, 1 + 2j),
    lambda array: np.zeros(array.shape, [("a", "f8"), ("b", "i4")]),
    lambda array: np.zeros(array.shape, "M8[D]"),
    lambda array: np.zeros(array.shape, bool),
    lambda array: array.astype(array.dtype.newbyteorder(">")) if array.dtype.kind in "iuf" else array,
    lambda array: np.zeros(array.shape, np.float16),
    lambda array: np.zeros((3, 0, 10**9, 0), np.float32),
    lambda array: np.array([{"a": 1}, None], dtype=object),
    lambda array: np.zeros((1,) * 32, np.float64),
)
_NUMBER = re.compile(rb"-?\d+(?:\.\d+)?(?:e-?\d+)?", re.IGNORECASE)
_WORD = re.compile(rb"[^\s,:{}\[\]\"'=()]+")


@dataclass(frozen=True)
class Step:
    """One change: what is done, where (any number, taken modulo the length), and with what (likewise)."""

    kind: str
    place: int
    what: int
    length: int


RAW = ("flip", "put", "drop", "repeat", "cut", "insert", "number", "word", "swap")
INSIDE = ("value", "array", "number", "put", "cut")


@cache
def damages(inside: bool) -> st.SearchStrategy[tuple[Step, ...]]:
    """Return a strategy of one to four steps."""
    step = st.builds(
        Step,
        st.sampled_from(INSIDE if inside else RAW),
        st.integers(0, 2**20),
        st.integers(0, 2**16),
        st.integers(1, 64),
    )
    return st.lists(step, min_size=1, max_size=4).map(tuple)


def damage_bytes(data: bytes, steps: tuple[Step, ...]) -> bytes:
    """Change bytes as they stand in a file."""
    for step in steps:
        data = _changed(data, step)
    return data


def _changed(data: bytes, step: Step) -> bytes:
    at = step.place % max(len(data), 1)
    if step.what % 3 == 0:  # headers are where it hurts
        at %= 256
    match step.kind:
        case "flip" if data:
            return data[:at] + bytes([data[min(at, len(data) - 1)] ^ (1 << step.what % 8)]) + data[at + 1 :]
        case "put" | "array" | "value":
            new = PLACES[step.what % len(PLACES)]
            return data[:at] + new + data[at + len(new) :]
        case "drop":
            return data[:at] + data[at + step.length :]
        case "repeat":
            return data[:at] + data[at : at + step.length] * (1 + step.what % 50) + data[at:]
        case "cut":
            return data[:at]
        case "insert":
            return data[:at] + PLACES[step.what % len(PLACES)] + data[at:]
        case "number":
            return _replaced(data, _NUMBER, step, NUMBERS[step.what % len(NUMBERS)])
        case "word" | "swap":
            words = _WORD.findall(data[:20_000]) or [b""]
            return _replaced(data, _WORD, step, words[step.what % len(words)] if step.kind == "swap" else b"")
    return data


def _replaced(data: bytes, pattern: re.Pattern[bytes], step: Step, new: bytes) -> bytes:
    found = list(pattern.finditer(data[:20_000]))
    if not found:
        return data
    match = found[step.place % len(found)]
    return data[: match.start()] + new + data[match.end() :]


def damage_npz(data: bytes, steps: tuple[Step, ...]) -> bytes:
    """Change members of an archive, with right checksums: their arrays, or their bytes, headers among them."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for step in steps:
        name = sorted(members)[step.place % len(members)]
        if step.kind in ("array", "value"):
            members[name] = _array_bytes(members[name], step)
        else:
            members[name] = _changed(members[name], step)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _array_bytes(data: bytes, step: Step) -> bytes:
    out = io.BytesIO()
    try:
        array = np.load(io.BytesIO(data), allow_pickle=False)
        np.save(out, ARRAYS[step.what % len(ARRAYS)](array), allow_pickle=True)
    except (ValueError, tokenize.TokenError, MemoryError):  # its header lies already
        return data
    return out.getvalue()


def damage_json(data: bytes, steps: tuple[Step, ...]) -> bytes:
    """Change values inside of JSON; what is none any more is changed as bytes."""
    for step in steps:
        try:
            content = json.loads(data)
        except (ValueError, RecursionError):
            return damage_bytes(data, (step,))
        if step.kind in ("value", "array"):
            if step.what % 40 == 0:
                return data[:-1] + DEEP.encode() + data[-1:] if step.what % 80 else DEEP.encode()
            content = _with_value(content, step)
            data = json.dumps(content).encode()
        else:
            data = _changed(data, step)
    return data


def _with_value(content: Any, step: Step) -> Any:
    """Put a hostile value in place of one of all that a tree holds, or take it away."""
    places: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, value in entries:
            places.append((node, key))
            walk(value)

    walk(content)
    value = VALUES[step.what % len(VALUES)]
    if not places or step.place % 31 == 0:
        return value
    node, key = places[step.place % len(places)]
    if step.length % 5 == 0:
        del node[key]
    else:
        node[key] = value
    return content


def damage_safetensors(data: bytes, steps: tuple[Step, ...]) -> bytes:
    """Change the header, its length kept right, or the card inside of it."""
    length = struct.unpack("<Q", data[:8])[0]
    header, tensors = data[8 : 8 + length], data[8 + length :]
    for step in steps:
        try:
            content = json.loads(header)
            card = content["__metadata__"]["card"]
        except (ValueError, KeyError, TypeError, RecursionError):
            header = _changed(header, step)
            continue
        if step.what % 2 and isinstance(card, str):
            content["__metadata__"]["card"] = damage_json(card.encode(), (step,)).decode("utf-8", "replace")
            header = json.dumps(content).encode()
        elif step.kind == "put":
            tensors = _changed(tensors, step)
        else:
            header = damage_json(header, (step,))
    return struct.pack("<Q", len(header)) + header + tensors


def damage_png(data: bytes, steps: tuple[Step, ...]) -> bytes:
    """Change the contents of chunks, their lengths and checksums kept right."""
    chunks, at = [], 8
    while at + 8 <= len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    for step in steps:
        index = step.length % len(chunks)
        kind, content = chunks[index]
        if step.kind == "value":
            chunks.insert(index, chunks[step.what % len(chunks)])
        else:
            chunks[index] = kind, _changed(content, step)
    out = data[:8]
    for kind, content in chunks:
        out += struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
    return out


def damage_pickle(data: bytes, steps: tuple[Step, ...]) -> bytes:
    """Change values of a pickled dictionary, then its bytes."""
    content = pickle.loads(data)
    for step in steps:
        if step.kind == "array" and isinstance(content, dict):
            key = sorted(content, key=str)[step.place % len(content)]
            if isinstance(content[key], np.ndarray):
                content[key] = ARRAYS[step.what % len(ARRAYS)](content[key])
        elif step.kind == "value" and isinstance(content, dict):
            key = sorted(content, key=str)[step.place % len(content)]
            content[key] = VALUES[step.what % len(VALUES)]
    rest = tuple(step for step in steps if step.kind not in ("array", "value"))
    return damage_bytes(pickle.dumps(content, protocol=2 + steps[0].length % 4), rest)
