"""Few-shot vid2vid is trained by the trainer of all: single frames, then sequences, and on after a kill."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from train_samples import turning_clip

from liquidwarp.errors import InputError
from liquidwarp.labels import part_chart
from liquidwarp.methods import FewShotMethod, make_method
from liquidwarp.nn.few_shot_vid2vid.generator import DrawnFrame
from liquidwarp.nn.few_shot_vid2vid.losses import LossWeights, PersonCritic, critic_loss, generator_losses, judged
from liquidwarp.nn.few_shot_vid2vid.warping import Warped, warp
from liquidwarp.nn.perceptual import TexturePerceptual
from liquidwarp.nn.planes import joined
from liquidwarp.train.build import build_objective
from liquidwarp.train.config import Config, load_config
from liquidwarp.train.few_shot_objective import FewShotObjective
from liquidwarp.train.few_shot_samples import FewShotBatch, FewShotSamples, LengthSchedule, SequenceClip
from liquidwarp.train.run import train

RECIPE = Path(__file__).parents[2] / "liquidwarp" / "train" / "recipes" / "few_shot_vid2vid.toml"
SIZE = (64, 32)


def tiny(*more: str) -> Config:
    settings = ["data.clips=2", "data.frames=6", "data.size=[64, 32]", "data.source_size=[96, 96]", "data.held_out=2"]
    settings += ["data.workers=0", "data.single=2", "data.doubling=1", "data.longest=4", "model.width=0.0625"]
    settings += ["model.discriminator_width=2", "train.steps=4", "train.batch=2", "train.device=cpu"]
    settings += ["log.pictures=4", "log.samples=2", "log.every=1"]
    return load_config(RECIPE, [*settings, *more])


@pytest.fixture(scope="module")
def clip() -> SequenceClip:
    seen = turning_clip(6, 0.2)
    body, track = seen.body, seen.track
    vertices = body.vertices(body.identity(track.betas), track.global_orient, track.body_pose, track.transl)
    return SequenceClip(seen.images, seen.alphas, track, body, part_chart(body), vertices)


def samples(clip: SequenceClip, **more: object) -> FewShotSamples:
    return FewShotSamples(1, lambda _: clip, size=SIZE, **more)


def test_single_frames_come_first_and_sequences_double() -> None:
    length = LengthSchedule(single=3, doubling=2, longest=6)
    assert [length(step) for step in range(9)] == [1, 1, 1, 2, 2, 4, 4, 6, 6]
    assert LengthSchedule(0, 1, 30)(10**9) == 30


@pytest.mark.parametrize("enriched", [False, True])
def test_a_sample_is_found_by_its_number(clip: SequenceClip, enriched: bool) -> None:
    length = LengthSchedule(single=1, doubling=1, longest=4)
    drawn = [
        [samples(clip, photos=2, enriched=enriched, length=length, batch=2).sample(index) for index in range(5)]
        for _ in range(2)
    ]
    for one, again in zip(*drawn, strict=True):
        assert torch.equal(one.pictures, again.pictures)
        assert torch.equal(one.flow.reference, again.flow.reference)
    shapes = [batch.labels.shape for batch in drawn[0]]
    assert [shape[1] for shape in shapes] == [1, 1, 2, 2, 4]
    assert shapes[0] == (1, 1, 6, *SIZE)
    assert drawn[0][4].flow.reference.shape == (1, 4, 2, 2, *SIZE)
    assert joined(drawn[0][:2]).examples.shape == (2, 2, 3, *SIZE)


def test_only_imaginaire_is_shown_the_examples_heads(clip: SequenceClip) -> None:
    plain, shown = (clip.sample([2], [0], SIZE, enriched=False, heads=heads) for heads in (False, True))
    head = plain.example_parts >= 23
    assert head.any()
    assert (plain.example_labels[:, :, :3].movedim(2, -1)[head] == -1).all()
    assert (shown.example_labels[:, :, 2][head] > 0.9).all()
    assert torch.equal(plain.labels, shown.labels)


def test_a_frame_flows_into_itself(clip: SequenceClip) -> None:
    batch = clip.sample([2], [2, 0], SIZE, enriched=False)
    known = batch.flow_into(0, torch.tensor([0]))
    valid = known.valid.bool()[:, 0]
    assert float(known.flow.permute(0, 2, 3, 1)[valid].abs().max()) < 0.05
    assert (valid & (batch.parts[:, 0] == 0)).any(), "around the body too: it is one camera"
    moved = warp(batch.examples[:, 0], known.flow)
    torch.testing.assert_close(
        moved.permute(0, 2, 3, 1)[valid], batch.pictures[:, 0].permute(0, 2, 3, 1)[valid], atol=0.02, rtol=0
    )
    other = batch.flow_into(0, torch.tensor([1]))
    assert float(other.valid.mean()) < float(known.valid.mean())


def test_half_precision_reads_the_right_pixels_and_can_be_learnt_by(clip: SequenceClip) -> None:
    columns = torch.arange(600.0).expand(1, 1, 2, -1)
    right = torch.tensor([1.0, 0.0], dtype=torch.bfloat16)[:, None, None].expand(1, -1, 2, 600)
    moved = warp(columns, right)
    torch.testing.assert_close(moved[..., :-1], columns[..., 1:], atol=1e-3, rtol=0)
    objective, batch = build_objective(tiny()), clip.sample([1], [0], SIZE, enriched=False)
    with torch.autocast("cpu", torch.bfloat16):
        attempt = objective.attempt(objective.generator.train(), batch)
    losses = objective.generator_losses(attempt, batch, adversary=False)
    assert torch.stack(list(losses.values())).isfinite().all()


@pytest.mark.parametrize("enriched", [False, True])
def test_a_mirrored_world_is_as_consistent(clip: SequenceClip, enriched: bool) -> None:
    batch = clip.sample([1, 3], [0], SIZE, enriched=enriched)
    turned = batch.mirrored(enriched=enriched)
    again = turned.mirrored(enriched=enriched)
    for name in ("labels", "parts", "pictures", "examples", "warped"):
        assert torch.equal(getattr(again, name), getattr(batch, name)), name
    chosen = torch.tensor([0])
    for frame in (0, 1):
        one, other = (
            known.valid * warp(each.examples[:, 0], known.flow)
            for each in (batch, turned)
            for known in [each.flow_into(frame, chosen)]
        )
        torch.testing.assert_close(one.flip(-1), other, atol=1e-4, rtol=0)
    dark = batch.tinted(torch.tensor([0.5, 1.0, 1.0]))
    torch.testing.assert_close(dark.pictures[:, :, 0] + 1, (batch.pictures[:, :, 0] + 1) / 2)
    torch.testing.assert_close(dark.pictures[:, :, 1:], batch.pictures[:, :, 1:])


def perfect(batch: FewShotBatch) -> DrawnFrame:
    true, known = batch.frame(0).picture, batch.flow_into(0, torch.tensor([0]))
    reference = Warped(true, known.flow, torch.zeros(1, 1, *SIZE))
    return DrawnFrame(true, true, reference, None, torch.tensor([0]))


def test_a_perfect_answer_costs_nothing(clip: SequenceClip) -> None:
    batch = clip.sample([2], [2], SIZE, enriched=False)
    known, chosen = batch.flow_into(0, torch.tensor([0])), torch.tensor([0])
    more = {"weights": LossWeights(), "perceptual": TexturePerceptual(), "critic": None, "teacher": known}
    told = batch.frame(0), batch.example(chosen), None
    losses = generator_losses(perfect(batch), *told, **more)
    assert set(losses) == {"perceptual", "face", "flow", "warp", "trust"}
    assert {name: round(float(loss), 3) for name, loss in losses.items() if name != "trust"} == {
        "perceptual": 0,
        "face": 0,
        "flow": 0,
        "warp": 0,
    }
    wrong = perfect(batch)
    shifted = replace(
        wrong, image=-wrong.image, reference=replace(wrong.reference, flow=known.flow + 3, mask=1 + 0 * known.valid)
    )
    worse = generator_losses(shifted, *told, **more)
    assert all(float(worse[name]) > float(losses[name]) for name in losses)


def test_the_critic_sees_the_example_first_and_the_face_alone(clip: SequenceClip) -> None:
    batch = clip.sample([2], [0], SIZE, enriched=False)
    target, example = batch.frame(0), batch.example(torch.tensor([0]))
    whole, face = judged(target.picture, target, example)
    assert whole.shape == (1, 20, *SIZE)
    assert face.shape == (1, 6, SIZE[0] // 4, SIZE[0] // 4)
    assert torch.equal(whole[:, :6], example.label)
    assert torch.equal(whole[:, 7:10], example.picture)
    assert torch.equal(whole[:, 17:], target.picture)
    (box,) = target.face_boxes()
    rows, columns = target.head[0, 0].nonzero().T
    assert box[1] <= rows.min() < rows.max() < box[3]
    assert box[0] <= columns.float().mean() <= box[2]
    nobody = replace(target, parts=0 * target.parts)
    assert nobody.face_boxes().tolist() == [[8, 8, 24, 24]]
    critic = PersonCritic(6, 2)
    assert float(critic_loss(critic, -target.picture, target, example, 10.0).detach()) > 0


@pytest.mark.parametrize("kind", ["fsvid2vid-pose", "fsvid2vid-imaginaire-pose", "fsvid2vid-mesh"])
def test_every_kind_takes_a_step(kind: str, clip: SequenceClip) -> None:
    photos = 1 if "imaginaire" in kind else 2
    objective = build_objective(tiny(f"model.kind={kind}", f"model.photos={photos}"))
    assert isinstance(objective, FewShotObjective)
    enriched = kind == "fsvid2vid-mesh"
    batch = samples(clip, photos=photos, enriched=enriched, length=lambda _: 2).sample(0)
    attempt = objective.attempt(objective.generator.train(), batch)
    losses = objective.generator_losses(attempt, batch, adversary=True)
    wanted = {"pixel", "perceptual", "face", "adversarial", "matching", "flow", "warp", "trust"}
    assert set(losses) == wanted
    torch.stack(list(losses.values())).sum().backward()
    dead = {name for name, value in objective.generator.named_parameters() if value.grad is None}
    assert all(".ups.0." in name for name in dead)
    assert objective.discriminator is not None
    against = objective.discriminator_losses(objective.discriminator, attempt, batch)
    assert float(against["discriminator"].detach()) > 0
    assert set(objective.figures(attempt, batch)) >= {"psnr_person_ours", "psnr_person_surface"}
    assert [picture.shape for picture in objective.pictures(attempt, batch)] == [(1, 3, *SIZE)] * 4


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("data.size=[48, 32]",), "multiples of 32 for model.kind=fsvid2vid-pose"),
        (("model.kind=fsvid2vid-imaginaire-pose",), "imaginaire's network looks at one"),
        (("model.start=nothing.safetensors",), "cannot be read as weights"),
        (("data.doubling=0",), "data.doubling=0 must be greater than zero"),
    ],
)
def test_configurations_that_cannot_be_are_told(more: tuple[str, ...], words: str) -> None:
    with pytest.raises(InputError, match=words):
        build_objective(tiny(*more))


def test_clips_that_are_too_short_are_listed(clip: SequenceClip) -> None:
    short = samples(clip, photos=3, length=lambda _: 4)
    with pytest.raises(InputError, match="it has 6 frames; 7 are needed, for a sequence of 4 and 3 examples"):
        short.sample(0)
    assert list(short.broken) == ["clip 0"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fsvid2vid-pose", "fsvid2vid-mesh"])
def test_an_epoch_is_trained_and_goes_on_after_a_kill(kind: str, tmp_path: Path) -> None:
    config = tiny(f"model.kind={kind}")
    whole = train(config, tmp_path / "whole")
    assert (whole.progress.step, whole.reason) == (4, "steps")
    assert train(config, tmp_path / "parts", stop_after=3).reason == "interrupted"
    assert train(config, tmp_path / "parts").progress.step == 4
    one, other = ((tmp_path / name / "weights.safetensors").read_bytes()[-4096:] for name in ("whole", "parts"))
    assert one == other
    found = make_method("gan", weights=whole.weights)
    assert isinstance(found, FewShotMethod)
    assert found.size == SIZE
    assert found.generator.shape.given_flow == (kind == "fsvid2vid-mesh")
    on = train(tiny(f"model.kind={kind}", f"model.start='{whole.weights}'", "train.steps=1"), tmp_path / "on")
    assert on.progress.step == 1
    with pytest.raises(InputError, match="another network than"):
        train(tiny(f"model.kind={kind}", f"model.start='{whole.weights}'", "model.width=0.125"), tmp_path / "other")
