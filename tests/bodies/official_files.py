"""Model files as the SMPL family's are handed out, with the open body inside: right sizes, keys, types and pickling."""

import io
import pickle
import struct
import sys
import types
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy import sparse

from liquidwarp.bodies.smpl_files import FAMILIES
from liquidwarp.testing import stand_in_arrays

NAMES = {
    "smpl": "basicModel_neutral_lbs_10_207_0_v1.0.0.pkl",
    "smplh": "SMPLH_FEMALE.pkl",
    "smplx": "SMPLX_NEUTRAL.pkl",
}


@lru_cache(maxsize=3)
def official_arrays(family: str) -> dict[str, np.ndarray]:
    """Return the stand-in's arrays with what else the official files hold: corrections, face landmarks, hands."""
    kind, arrays = FAMILIES[family], stand_in_arrays(family)
    generator = np.random.default_rng(0)
    count = 9 * (len(kind.joints) - 1)
    posedirs = generator.normal(size=(kind.vertices, 3, count)) * 1e-3 if family == "smpl" else None
    arrays["posedirs"] = posedirs
    if family == "smplx":
        head = np.flatnonzero(arrays["weights"][arrays["f"][:, 0]].argmax(1) == kind.joints.index("head"))
        arrays["lmk_faces_idx"] = head[:: len(head) // 51][:51]
        arrays["lmk_bary_coords"] = np.full((51, 3), 1 / 3)
    if family != "smpl":
        arrays["posedirs"] = np.zeros((kind.vertices, 3, count))
        arrays["posedirs"][..., :9] = generator.normal(size=(kind.vertices, 3, 9)) * 1e-3
        for side in "lr":
            arrays |= {f"hands_components{side}": np.eye(45), f"hands_mean{side}": np.zeros(45)}
    return arrays


class _Python2Pickler(pickle._Pickler):
    """Writes texts and bytes as Python 2 wrote its strings."""

    dispatch: ClassVar[dict[Any, Any]] = dict(pickle._Pickler.dispatch)

    def _save_string(self, value: Any) -> None:
        data = value.encode("latin1") if isinstance(value, str) else value
        self.write(b"T" + struct.pack("<i", len(data)) + data)

    dispatch[bytes] = _save_string
    dispatch[str] = _save_string


def python2_pickle(value: Any) -> bytes:
    """Pickle by protocol 2 as Python 2 did, with the module names of its day."""
    stream = io.BytesIO()
    _Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue().replace(b"cscipy.sparse._csc\n", b"cscipy.sparse.csc\n")


def write_official(path: Path, family: str, **changes: Any) -> Path:
    """Write a family's official pickle: chumpy arrays, a sparse regressor, texts and things that nobody needs."""
    arrays = official_arrays(family)
    module = types.ModuleType("chumpy.ch")
    chumpy = type("Ch", (), {"__module__": "chumpy.ch"})
    module.Ch = chumpy  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in ("chumpy", "chumpy.ch")}
    sys.modules["chumpy"], sys.modules["chumpy.ch"] = types.ModuleType("chumpy"), module
    try:
        shapes = chumpy()
        shapes.__dict__ = {"x": arrays["shapedirs"], "_dirty_vars": None, "_cache": {"r": None, "drs": {}}}
        values = {
            **arrays,
            "shapedirs": shapes,
            "J_regressor": sparse.csc_matrix(arrays["J_regressor"]),
            "bs_type": "lrotmin",
            "bs_style": "lbs",
            "J": arrays["J_regressor"] @ arrays["v_template"],
        }
        values = {key: value for key, value in {**values, **changes}.items() if value is not None}
        path.write_bytes(python2_pickle(values))
    finally:
        for name, old in before.items():
            if old is None:
                del sys.modules[name]
            else:
                sys.modules[name] = old
    return path
