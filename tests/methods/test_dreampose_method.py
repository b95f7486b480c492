"""DreamPose over our own bodies: every frame knows its neighbours, and a photo can be learnt by heart first."""

from pathlib import Path

import numpy as np
import pytest
import torch
from disco_samples import needs_diffusers, tiny_dreampose
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.methods import make_method, method_of
from liquidwarp.methods.dreampose import DreamPoseMethod
from liquidwarp.nn.dreampose.weights import load_dreampose, save_dreampose
from liquidwarp.tasks import SourceState, encode_source, synthesize
from liquidwarp.tasks.target import Target
from liquidwarp.testing import toy_body

pytestmark = needs_diffusers

SIZE = (96, 80)


@pytest.fixture(scope="module")
def person() -> SourceState:
    photo = toy_photo(toy_body(), np.tile(np.array((200, 40, 40), np.uint8), (16, 1)), size=SIZE)
    return encode_source(photo.rgb, body=toy_body(), detector=ToyDetector(photo))


def target(person: SourceState, frames: int, last: float = 0.0) -> Target:
    """The photo's pose in every frame, the last one turned."""
    track = person.track
    orient, pose = (each.expand(frames, *each.shape[1:]).clone() for each in (track.global_orient, track.body_pose))
    orient[-1, ..., 1] += last
    return Target(orient, pose, track.transl.expand(frames, -1), (track.camera,) * frames)


def test_a_frame_knows_two_before_and_two_after(person: SourceState) -> None:
    method = make_method("dreampose:steps=2", generator=tiny_dreampose())
    still, turned = (list(synthesize(person, target(person, 5, last), method=method)) for last in (0.0, 0.6))
    assert [one.image.equal(other.image) for one, other in zip(still, turned, strict=True)] == [True] * 2 + [False] * 3
    assert turned[0].image.shape == (3, *SIZE)
    for frames in (1, 2, 3):
        assert len(list(synthesize(person, target(person, frames), method=method))) == frames


def test_a_copy_is_fitted_to_the_photo(person: SourceState) -> None:
    network = tiny_dreampose()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    still = target(person, 1)
    fitted, plain = DreamPoseMethod(network, steps=2, finetune=(2, 2)), DreamPoseMethod(network, steps=2)
    one, other, not_fitted = (next(synthesize(person, still, method=each)) for each in (fitted, fitted, plain))
    assert one.image.equal(other.image)
    assert not one.image.equal(not_fitted.image)
    assert all(value.equal(before[key]) for key, value in network.state_dict().items())


def test_weights_go_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_dreampose(tiny_dreampose(), path, {})
    found = load_dreampose(path)
    assert found.shape == tiny_dreampose().shape
    assert all(value.equal(tiny_dreampose().state_dict()[key]) for key, value in found.state_dict().items())
    assert torch.equal(found.clip.embeddings.position_ids, tiny_dreampose().clip.embeddings.position_ids)
    assert make_method("gan", weights=path).name == method_of(found).name == "dreampose"
    with pytest.raises(lw.InputError, match="method 'dreampose' comes without weights"):
        make_method("dreampose")
