"""Protocols in files: ours, one compact line per video, and the published form.

In the published form frames are file names, some of them wrong: 024/8/2 names "00505.jpg" where files have four digits,
001/9/2 mixes three and four. Names are therefore read as numbers into the sorted listing of a video's frames, which
makes their width meaningless; our files hold the numbers only.
"""

import json
import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from liquidwarp.data.protocols.entries import Entry, FrameWindow, Protocol
from liquidwarp.errors import InputError

PROTOCOLS = ("iper", "iper_transfer", "motion_synthetic", "motion_synthetic_views", "fashion_video")
"""Protocols that ship with the package."""

_FORMAT = 1


def load_protocol(name: str | Path) -> Protocol:
    """Return a protocol of the package by its name, or one in a file of ours or in the published form.

    Raises:
        InputError: no such protocol or file, or a damaged file.
    """
    if str(name) in PROTOCOLS:
        text = (files("liquidwarp.data.protocols") / f"{name}.json").read_text(encoding="utf-8")
        return _parse(Path(f"{name}.json"), text)
    path = Path(name)
    if path.suffix != ".json":
        raise InputError(f"no protocol {str(name)!r}; there are {', '.join(PROTOCOLS)}, or give a .json file")
    return read_protocol(path)


def read_protocol(path: Path) -> Protocol:
    """Return the protocol of a file of ours or in the published form.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        return _parse(path, path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); check the file") from error


def frame_number(name: str) -> int:
    """Return the number that a frame's name ends with: 505 of "00505.jpg", 3 of "frame_00000003.png".

    Raises:
        ValueError: there is none.
    """
    found = re.search(r"(\d+)$", name.rsplit(".", 1)[0] if "." in name else name)
    if found is None:
        raise ValueError(f"{name!r} ends with no number")
    return int(found.group(1))


def _parse(path: Path, text: str) -> Protocol:
    try:
        content = json.loads(text)
        if "format" in content:
            if int(content["format"]) > _FORMAT:
                raise InputError(f"{path}: of a newer liquidwarp (format {content['format']}); please upgrade")
            entries = [_entry(name, value) for name, value in content["videos"].items()]
            name, pairs = str(content["name"]), content["pairs"]
        else:
            videos = content["val"] if "val" in content else content["video_infos"]
            entries = [_published(video, value) for video, value in videos.items()]
            name, pairs = path.stem, content.get("vid_name_pairs", [])
        return _checked(Protocol(name, {entry.video: entry for entry in entries}, tuple((a, b) for a, b in pairs)))
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{path}: not a protocol ({type(error).__name__}: {reason}); check the file") from error


def _checked(protocol: Protocol) -> Protocol:
    for entry in protocol.entries.values():
        frames = [*entry.views, *entry.masked, *(frame for chosen in entry.sources.values() for frame in chosen)]
        if any(frame < 0 for frame in frames):
            raise ValueError(f"{entry.video}: a frame before the first")
        for window in (entry.real, entry.own, entry.other):
            if window is not None and not 0 <= window.first <= window.last:
                raise ValueError(f"{entry.video}: frames {window.first} to {window.last}")
        wrong = [count for count, chosen in entry.sources.items() if len(chosen) != count]
        if wrong:
            raise ValueError(f"{entry.video}: {len(entry.sources[wrong[0]])} names for {wrong[0]} sources")
    strange = [video for pair in protocol.pairs for video in pair if video not in protocol.entries]
    if strange:
        raise ValueError(f"a pair names {strange[0]}, which has no entry")
    return protocol


def _published(video: str, value: Mapping[str, Any]) -> Entry:
    first, last = value["flag"]
    return Entry(
        video,
        views=_numbers(value["source"]),
        angles=tuple(int(angle) for angle in value["view angle"]),
        sources={int(count): _numbers(names) for count, names in value["s_n"].items()},
        masked=_numbers(value.get("mask", [])),
        novel_view=bool(value.get("novel view", False)),
        real=FrameWindow(video, int(first), int(last)),
        own=_published_window(value.get("self_imitation")),
        other=_published_window(value.get("cross_imitation")),
    )


def _published_window(value: Mapping[str, Any] | None) -> FrameWindow | None:
    return None if value is None else FrameWindow(str(value["target"]), int(value["range"][0]), int(value["range"][1]))


def _numbers(names: Sequence[str]) -> tuple[int, ...]:
    return tuple(frame_number(name) for name in names)


def _entry(video: str, value: Mapping[str, Any]) -> Entry:
    def window(key: str) -> FrameWindow | None:
        return FrameWindow(str(value[key][0]), int(value[key][1]), int(value[key][2])) if key in value else None

    def numbers(items: Sequence[int]) -> tuple[int, ...]:
        return tuple(int(item) for item in items)

    return Entry(
        video,
        views=numbers(value["views"]),
        angles=numbers(value["angles"]) if "angles" in value else tuple(range(0, 360, 45)),
        sources={len(chosen): numbers(chosen) for chosen in value["sources"]},
        masked=numbers(value.get("masked", ())),
        novel_view=bool(value.get("novel_view", False)),
        real=FrameWindow(video, *numbers(value["real"])),
        own=window("own"),
        other=window("other"),
    )
