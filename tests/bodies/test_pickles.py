"""The restricted reader gives arrays and runs nothing."""

import collections
import io
import os
import pickle
import pickletools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from official_files import python2_pickle
from scipy import sparse

from liquidwarp.bodies.pickles import read_pickle
from liquidwarp.errors import InputError


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / "model.pkl"
    path.write_bytes(data)
    return path


def values() -> dict[str, Any]:
    generator = np.random.default_rng(0)
    return {
        "doubles": generator.normal(size=(4, 3)),
        "floats": generator.normal(size=(2, 3, 4)).astype(np.float32),
        "fortran": np.asfortranarray(generator.normal(size=(3, 5))),
        "unsigned": np.array([[2**32 - 1, 0]], dtype=np.uint32),
        "big_endian": np.arange(4, dtype=">i4"),
        "empty": np.zeros((0, 3)),
        "scalar": np.float64(0.25),
        "flags": np.array([True, False]),
        "number": 3,
        "text": "lbs",
        "ordered": collections.OrderedDict(a=np.ones(2)),
        "list": [np.ones(3), np.zeros(3)],
        "columns": sparse.random(5, 7, 0.3, format="csc", random_state=0),
        "rows": sparse.random(5, 7, 0.3, format="csr", random_state=1),
        "nobody_needs": None,
    }


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5, "python 2"])
def test_arrays_come_back(tmp_path: Path, protocol: Any):
    given = values()
    data = python2_pickle(given) if protocol == "python 2" else pickle.dumps(given, protocol=protocol)
    read = read_pickle(written(tmp_path, data))
    assert set(given) - set(read) == {"nobody_needs"}
    for name in ("doubles", "floats", "fortran", "unsigned", "big_endian", "empty", "flags"):
        assert read[name].dtype == given[name].dtype.newbyteorder("=")
        np.testing.assert_array_equal(read[name], given[name])
    for name in ("columns", "rows"):
        np.testing.assert_array_equal(read[name], given[name].toarray())
    assert (read["number"], read["text"], read["scalar"]) == (3, "lbs", 0.25)
    np.testing.assert_array_equal(read["ordered"]["a"], np.ones(2))
    np.testing.assert_array_equal(read["list"], [np.ones(3), np.zeros(3)])


class Harm:
    """What runs a command when it is read by the usual reader."""

    def __init__(self, call: Any, *args: Any) -> None:
        self.call, self.args = call, args

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call, self.args


@pytest.mark.parametrize("protocol", [0, 2, 5])
@pytest.mark.parametrize("name", ["system", "eval", "getattr", "load"])
def test_a_malicious_pickle_is_refused_without_side_effects(tmp_path: Path, name: str, protocol: int):
    mark = tmp_path / "mark"
    harm = {
        "system": Harm(os.system, f"touch {mark}"),
        "eval": Harm(eval, f"open({str(mark)!r}, 'w')"),
        "getattr": Harm(getattr, mark, "touch"),
        "load": Harm(np.load, str(mark)),
    }[name]
    data = pickle.dumps({"v_template": np.zeros((3, 3)), "weights": harm}, protocol=protocol)
    with pytest.raises(InputError, match=r"model.pkl: refused: it asks to run [\w.]+.*official site"):
        read_pickle(written(tmp_path, data))
    assert not mark.exists()


def test_the_refusal_names_the_culprit(tmp_path: Path):
    data = pickle.dumps({"a": Harm(os.system, "true")}, protocol=2)
    with pytest.raises(InputError, match=rf"asks to run {os.system.__module__}.system"):
        read_pickle(written(tmp_path, data))


OBJECTS = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntS'b'\ntR"  # _reconstruct(ndarray, (0,), "b")


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"", "ends too early"),
        (b"no pickle at all", "damaged"),
        (b"I1\n.", "holds a int"),
        (b"\x80\x02}U\x01a" + OBJECTS + b"s.", "an array without contents"),
        # An array of 8 TB in 3 bytes, one of negative length, and one of objects made of bytes.
        (b"}S'a'\n" + OBJECTS + b"(I1\n(L1000000000000L\ntcnumpy\ndtype\n(S'f8'\ntRI0\nS'abc'\ntbs.", "with 3 bytes"),
        (b"}S'a'\n" + OBJECTS + b"(I1\n(I-1\ntcnumpy\ndtype\n(S'f8'\ntRI0\nS'abc'\ntbs.", "without a shape"),
        (b"}S'a'\n" + OBJECTS + b"(I1\n(I1\ntcnumpy\ndtype\n(S'O8'\ntRI0\nS'abcdefgh'\ntbs.", "array of objects"),
        (b"}S'a'\n" + OBJECTS + b"(I1\n(I1\ntcnumpy\ndtype\n(S'V8'\ntRI0\nS'abcdefgh'\ntbs.", "'V8', where numbers"),
        # The state of a stand-in's class instead of an instance, and of a plain list.
        (b"cnumpy\ndtype\n}S'args'\nI1\nsb.", "damaged"),
        (b"ccollections\nOrderedDict\n}S'x'\nI1\nsb.", "damaged"),
        (b"]}S'append'\nI1\nsb.", "damaged"),
        (b"\x82\x01.", "damaged"),  # an extension code
        (b"Pnumber\n.", "damaged"),  # a persistent name
        (b"}S'a'\ncscipy.sparse\ncsc_matrix\n(tR}S'shape'\n(I9\nI9\ntsbs.", "sparse matrix without contents"),
    ],
)
def test_nonsense_is_refused_in_one_line(tmp_path: Path, program: bytes, message: str):
    with pytest.raises(InputError, match=message) as refused:
        read_pickle(written(tmp_path, program))
    assert "\n" not in str(refused.value)
    again = read_pickle(written(tmp_path, pickle.dumps({"a": np.arange(3.0)}, protocol=2)))
    np.testing.assert_array_equal(again["a"], np.arange(3.0))


def test_sparse_entries_must_fit(tmp_path: Path):
    matrix = sparse.csc_matrix(np.eye(3))
    matrix.indices = np.array([0, 1, 7], dtype=np.int32)
    with pytest.raises(InputError, match="contradict its shape"):
        read_pickle(written(tmp_path, pickle.dumps({"m": matrix}, protocol=2)))


def test_a_loop_of_records_ends(tmp_path: Path):
    endless: dict[str, Any] = {}
    endless["again"] = endless
    with pytest.raises(InputError, match="without end"):
        read_pickle(written(tmp_path, pickle.dumps(endless, protocol=2)))


def test_the_generator_writes_as_python_2_did():
    opcodes = {opcode.name for opcode, _, _ in pickletools.genops(io.BytesIO(python2_pickle(values())))}
    assert "BINSTRING" in opcodes
    assert not opcodes & {"BINUNICODE", "SHORT_BINBYTES", "FRAME"}
