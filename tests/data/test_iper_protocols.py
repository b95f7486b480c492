"""Protocols: the published counts, the published slips, and files that are no protocols."""

import json
from pathlib import Path

import pytest

from liquidwarp.data import Protocol, load_protocol, protocol_runs
from liquidwarp.data.protocols import ALONE, outfit_pairs, read_protocol
from liquidwarp.data.protocols.files import frame_number
from liquidwarp.errors import InputError


def counted(protocol: Protocol) -> tuple[int, int, int, int]:
    entries = protocol.entries.values()
    own, other = sum(len(e.own) for e in entries if e.own), sum(len(e.other) for e in entries if e.other)
    return len(protocol.entries), own, other, sum(len(e.real) for e in entries)


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("iper", (42, 40940, 3110, 3110)),
        ("iper_transfer", (20, 0, 0, 18307)),
        ("motion_synthetic", (28, 9525, 6302, 6302)),
        ("motion_synthetic_views", (28, 5040, 5040, 5040)),
        ("fashion_video", (100, 38551, 35947, 35947)),
    ],
)
def test_counts_are_the_published_ones(name: str, counts: tuple[int, ...]) -> None:
    assert counted(load_protocol(name)) == counts


def test_iccv_protocol_has_three_runs_of_one_source_for_each_video() -> None:
    protocol = load_protocol("iper")
    own, cross = (protocol_runs(protocol, task, ALONE) for task in ("self", "cross"))
    assert (len(own), len(cross)) == (126, 126)
    assert (sum(len(r.judged) for r in own), sum(len(r.judged) for r in cross)) == (122820, 9330)
    assert {len(run.sources) for run in own} == {1}
    assert len({run.name for run in own}) == 126
    assert [run.sources for run in own[:3]] == [(frame,) for frame in protocol.entries["001/9/1"].sources[3]]


def test_iper_facts() -> None:
    protocol = load_protocol("iper")
    by_action = {
        action: sum(len(e.own) for name, e in protocol.entries.items() if e.own and name.endswith(action))
        for action in ("/1", "/2")
    }
    assert by_action == {"/1": 6931, "/2": 34009}
    targets = {e.other.video for e in protocol.entries.values() if e.other}
    assert len(targets) == 14
    assert targets <= set(protocol.entries)
    for name, entry in protocol.entries.items():
        assert entry.own is not None
        assert entry.other is not None
        assert (entry.own.video, entry.own.first) == (name, 0)
        assert entry.other.video != name
        assert len(entry.other) == len(entry.real)
        assert set(entry.sources) == {1, 2, 3, 4, 8}
    assert sum(e.other.frames == e.real.frames for e in protocol.entries.values() if e.other) == 33
    assert sum(e.novel_view for e in protocol.entries.values()) == 15
    assert sorted(len(e.masked) for e in protocol.entries.values() if e.masked) == [7] * 2 + [8] * 11 + [9] * 2


def test_published_slips_are_numbers_here() -> None:
    entries = load_protocol("iper").entries
    assert 505 in {*entries["024/8/2"].views, *sum(entries["024/8/2"].sources.values(), ())}
    assert entries["001/9/2"].sources[4][0] == 0  # "000.jpg" among names of four digits
    assert [frame_number(name) for name in ("00505.jpg", "0505.jpg", "frame_00000003.png", "7")] == [505, 505, 3, 7]
    beyond = {name for name, e in entries.items() if e.own and max((*e.masked, e.real.last)) > e.own.last}
    assert beyond == {"001/11/1", "010/3/1", "012/2/1"}  # windows that reach over the frames to be imitated
    assert load_protocol("iper").needs()["012/2/1"] == 596


def test_transfer_pairs_are_of_one_subject_in_two_outfits() -> None:
    protocol = load_protocol("iper_transfer")
    runs = protocol_runs(protocol, "transfer", 2)
    assert len(protocol.pairs) == len(runs) == 28
    for run in runs:
        assert run.wear is not None
        assert run.video.split("/")[0] == run.wear[0].split("/")[0]
        assert run.video.endswith("/1")
        assert run.video[:-2] != run.wear[0][:-2]
        assert run.real.video == run.motion.video == run.wear[0]


def test_views_leave_out_the_sources() -> None:
    for run in protocol_runs(load_protocol("iper"), "view", 2):
        assert len(run.judged) == 6
        assert not set(run.judged) & set(run.sources)


def test_pairs_can_be_made_from_names() -> None:
    protocol = load_protocol("iper")
    published = set(load_protocol("iper_transfer").pairs)
    made = outfit_pairs(protocol).pairs
    assert len(made) == 28
    assert {(a.split("/")[0], b.split("/")[0]) for a, b in made} == {
        (a.split("/")[0], b.split("/")[0]) for a, b in published
    }


def test_missing_tasks_and_counts_are_named() -> None:
    with pytest.raises(InputError, match="names no 3 sources; it has 1, 2, 4, 8"):
        protocol_runs(load_protocol("motion_synthetic"), "self", ALONE)
    with pytest.raises(InputError, match="has no task 'view'"):
        protocol_runs(load_protocol("fashion_video"), "view")
    with pytest.raises(InputError, match="task='dance'; choose from self"):
        protocol_runs(load_protocol("iper"), "dance")
    with pytest.raises(InputError, match="no protocol 'ipper'; there are iper"):
        load_protocol("ipper")


def published(**changes: object) -> dict:
    entry = {
        "source": ["000.jpg", "02.jpg"],
        "view angle": [0, 180],
        "s_n": {"1": ["00000.jpg"], "2": ["000.jpg", "02.jpg"]},
        "mask": [],
        "novel view": True,
        "self_imitation": {"target": "1/1/1", "range": [0, 4]},
        "cross_imitation": {"target": "2/1/2", "range": [3, 9]},
        "flag": [0, 6],
    }
    return {"val": {"1/1/1": entry | changes}}


def test_the_published_form_is_read(tmp_path: Path) -> None:
    (tmp_path / "theirs.json").write_text(json.dumps(published()))
    protocol = read_protocol(tmp_path / "theirs.json")
    assert protocol.entries["1/1/1"].sources == {1: (0,), 2: (0, 2)}
    assert protocol.needs() == {"1/1/1": 7, "2/1/2": 10}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a protocol"),
        ("[]", "not a protocol"),
        ("{}", "not a protocol"),
        ('{"format": 9}', "please upgrade"),
        (json.dumps(published(flag=[5, 2])), "frames 5 to 2"),
        (json.dumps(published(source=["first.jpg"])), "ends with no number"),
        (json.dumps(published(s_n={"2": ["0.jpg"]})), "1 names for 2 sources"),
        (json.dumps(published() | {"vid_name_pairs": [["1/1/1", "9/9/9"]]}), "names 9/9/9, which has no entry"),
    ],
)
def test_damaged_protocols_are_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        load_protocol(tmp_path / "bad.json")
    assert "bad.json" in str(caught.value)
