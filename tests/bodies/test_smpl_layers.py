"""Whoever holds a layer of the package smplx hands it over as it is."""

import contextlib
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from official_files import official_arrays
from torch import nn

import liquidwarp as lw
from liquidwarp.bodies import same_body
from liquidwarp.bodies.smpl import body_from_file
from liquidwarp.bodies.smpl_files import check_smpl_arrays
from liquidwarp.bodies.smpl_layers import is_smpl_layer

M = torch.tensor([1.0, -1.0, -1.0])  # SMPL's axes to ours
SIZES = {"smpl": 23, "smplh": 51, "smplx": 54}


def make_layer(folder: Path, family: str, **options: object) -> nn.Module:
    """Return `smplx.create` of a file that holds the stand-in, in the format of the official ones."""
    smplx = pytest.importorskip("smplx")
    arrays = {key: array for key, array in official_arrays(family).items() if array is not None}
    (folder / family).mkdir(exist_ok=True)
    if family == "smplx":
        arrays["shapedirs"] = np.pad(arrays["shapedirs"], ((0, 0), (0, 0), (0, 400 - arrays["shapedirs"].shape[2])))
        np.savez(folder / family / "SMPLX_NEUTRAL.npz", **arrays)
    else:
        (folder / family / f"{family.upper()}_NEUTRAL.pkl").write_bytes(pickle.dumps(arrays))
    kind = {"ext": "npz"} if family == "smplx" else {}
    hands = {} if family == "smpl" else {"use_pca": False, "flat_hand_mean": True}
    with contextlib.redirect_stdout(io.StringIO()):
        return smplx.create(str(folder), model_type=family, gender="neutral", **kind, **hands, **options)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("family", "options"),
    [("smpl", {}), ("smplh", {}), ("smplx", {}), ("smplx", {"num_betas": 16}), ("smpl", {"dtype": torch.float64})],
)
def test_a_layer_and_its_body_are_one(tmp_path: Path, family: str, options: dict[str, object]) -> None:
    layer = make_layer(tmp_path, family, **options)
    body = lw.load_body(layer)
    assert (body.name, body.num_betas) == (family, options.get("num_betas", 10))
    random = torch.Generator().manual_seed(0)
    betas = torch.randn(body.num_betas, generator=random)
    orient, turns, transl = (torch.randn(1, n, 3, generator=random) * 0.3 for n in (1, 21, 1))
    pose = torch.zeros(1, SIZES[family], 3)
    pose[:, :21] = turns
    ours = body.vertices(body.identity(betas), orient[:, 0], pose, transl[:, 0])
    theirs = layer(
        betas=betas[None].to(layer.v_template),
        global_orient=(orient * M).flatten(1).to(layer.v_template),
        body_pose=(pose[:, : 23 if family == "smpl" else 21] * M).flatten(1).to(layer.v_template),
        transl=(transl[:, 0] * M).to(layer.v_template),
    )
    torch.testing.assert_close(ours, (theirs.vertices * M).float(), atol=1e-5, rtol=0)


class Layer(nn.Module):
    """The buffers that layers of smplx have, of some arrays."""

    def __init__(self, arrays: dict[str, np.ndarray], gender: str = "neutral") -> None:
        super().__init__()
        self.gender = gender
        count = len(arrays["v_template"])
        given = {
            "v_template": arrays["v_template"],
            "shapedirs": arrays["shapedirs"][..., :10],
            "posedirs": arrays["posedirs"].reshape(3 * count, -1).T,
            "J_regressor": arrays["J_regressor"],
            "lbs_weights": arrays["weights"],
            "parents": np.concatenate([[-1], arrays["kintree_table"][0, 1:]]),
            "faces_tensor": arrays["f"],
        }
        for name, array in given.items():
            self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(array)))


@pytest.mark.parametrize("family", ["smpl", "smplh"])
def test_a_layer_of_a_file_is_the_body_of_the_file(family: str) -> None:
    """Also where smplx is not installed."""
    arrays = official_arrays(family)
    body = lw.load_body(Layer(arrays, "female"))
    assert body.name == f"{family}-female"
    assert same_body(body, body_from_file("other", check_smpl_arrays("file", arrays, "")))


def test_layers_of_other_bodies() -> None:
    arrays = official_arrays("smpl")
    cut = {key: array[..., :16] if key == "weights" else array for key, array in arrays.items()}
    assert is_smpl_layer(Layer(cut))
    with pytest.raises(lw.InputError, match="the smplx layer: 16 joints and 6890 vertices are of no known body"):
        lw.load_body(Layer(cut))
    broken = arrays | {"v_template": arrays["v_template"] * np.nan}
    with pytest.raises(lw.InputError, match="the smplx layer: a damaged smpl file: v_template holds NaN"):
        lw.load_body(Layer(broken))


def test_another_network_is_no_body() -> None:
    with pytest.raises(
        TypeError, match=r"body is a Linear; wanted a name \(anny, smpl, .*, a model file .* or a layer"
    ):
        lw.load_body(nn.Linear(2, 2))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["smpl", "smplx"])
def test_fitting_and_imitation_on_a_layer(tmp_path: Path, sources, dance: list[np.ndarray], family: str) -> None:
    body = lw.load_body(make_layer(tmp_path, family))
    person = lw.encode_source(sources.photo, body=body)
    motion = lw.recover(np.stack(dance), body=body)
    assert motion.body == family
    assert motion.body_pose.shape[1:] == (SIZES[family], 3)
    motion.save(tmp_path / "motion.npz")
    again = lw.BodyTrack.load(tmp_path / "motion.npz")
    pictures = [list(lw.imitate(person, track, size=96)) for track in (motion, again)]
    assert len(pictures[0]) == len(dance)
    assert all(torch.equal(a.image, b.image) for a, b in zip(*pictures, strict=True))
    assert all(0.02 < float(picture.alpha.mean()) < 0.6 for picture in pictures[0])
