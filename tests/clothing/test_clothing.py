from dataclasses import replace

import numpy as np
import pytest
import torch

from liquidwarp.bodies import PARTS, BodyModel, Identity
from liquidwarp.clothing.match import alpha_edges, compatible_parts, crosses_other_part
from liquidwarp.clothing.offsets import fit_clothing, fit_offsets
from liquidwarp.clothing.views import SilhouetteView
from liquidwarp.errors import InputError
from liquidwarp.mesh.operations import vertex_normals
from liquidwarp.raster import rasterize
from liquidwarp.testing import toy_body
from liquidwarp.types import Camera

SIZE = (320, 256)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return toy_body()


@pytest.fixture(scope="module")
def person(body: BodyModel) -> Identity:
    return body.identity(torch.zeros(body.num_betas))


def _view(body: BodyModel, *, turn: float = 0.0, arms: float = 0.0, size: tuple[int, int] = SIZE) -> SilhouetteView:
    pose = torch.zeros(1, len(body.joint_names) - 1, 3)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        pose[0, body.canonical(f"{side}_shoulder") - 1, 2] = sign * arms
    orient = torch.tensor([[0.0, turn, 0.0]])
    return SilhouetteView(orient, pose, torch.tensor([[0.0, 0.0, 4.0]]), Camera.create(560.0, size), torch.zeros(size))


def _mask(body: BodyModel, person: Identity, view: SilhouetteView, offsets: torch.Tensor | None = None) -> torch.Tensor:
    vertices = body.vertices(person, view.global_orient, view.body_pose, view.transl, offsets=offsets)
    return rasterize(vertices, body.topology.faces, view.camera).mask[0].float()


def _clothed(
    body: BodyModel, person: Identity, view: SilhouetteView, offsets: torch.Tensor | None = None
) -> SilhouetteView:
    return replace(view, alpha=_mask(body, person, view, offsets))


def _grown(body: BodyModel, person: Identity, by: float, parts: tuple[str, ...]) -> torch.Tensor:
    """Return offsets that swell some parts along their normals."""
    normals = vertex_normals(person.vertices, body.topology.faces)
    chosen = torch.tensor([name in parts for name in PARTS])[body.topology.vertex_part.long()]
    return by * normals * chosen[:, None]


def _iou(a: torch.Tensor, b: torch.Tensor) -> float:
    a, b = a > 0.5, b > 0.5
    return float((a & b).sum() / (a | b).sum())


CLOTHED = tuple(name for name in PARTS if not name.endswith(("hand", "face", "foot")))


def test_grown_silhouette_is_recovered(body: BodyModel, person: Identity) -> None:
    view = _view(body, arms=-0.3)
    view = _clothed(body, person, view, _grown(body, person, 0.03, CLOTHED))
    before = _iou(_mask(body, person, view), view.alpha)
    fit = fit_clothing(body, person, [view])
    after = _iou(_mask(body, person, view, fit.offsets), view.alpha)
    assert before < 0.80
    assert after > 0.97
    assert float(fit.iou[0]) == pytest.approx(after, abs=0.02)
    assert float(fit.residual[0]) < 0.003


def test_sides_swell_front_and_back(body: BodyModel, person: Identity) -> None:
    view = _view(body, arms=-0.3)
    view = _clothed(body, person, view, _grown(body, person, 0.03, CLOTHED))
    fitted = fit_offsets(body, person, [view])
    side = _view(body, turn=np.pi / 2, arms=-0.3)
    truth = _mask(body, person, side, _grown(body, person, 0.03, CLOTHED))
    assert _iou(_mask(body, person, side, fitted), truth) > _iou(_mask(body, person, side), truth) + 0.05


def test_matching_silhouette_needs_no_offsets(body: BodyModel, person: Identity) -> None:
    view = _clothed(body, person, _view(body, arms=-0.3))
    offsets = fit_offsets(body, person, [view])
    feet = torch.tensor([name.endswith("foot") for name in PARTS])[body.topology.vertex_part.long()]
    size = offsets.norm(dim=-1)
    assert float(size[~feet].max()) < 0.012
    assert float(size.mean()) < 0.004


def test_merged_alpha_does_not_drag_the_arm(body: BodyModel, person: Identity) -> None:
    view = _view(body, arms=0.72)  # arms hang beside the trunk
    alpha = _mask(body, person, view)
    filled = alpha.clone()
    for row in filled:  # arm and trunk become one blob
        on = torch.nonzero(row)
        if len(on):
            row[int(on.min()) : int(on.max()) + 1] = 1
    offsets = fit_offsets(body, person, [replace(view, alpha=filled)])
    arms = torch.tensor(["arm" in name for name in PARTS])[body.topology.vertex_part.long()]
    # No more than half of a covered gap, and never across it.
    assert float(offsets[arms].norm(dim=-1).max()) < 0.04
    outer = _mask(body, person, view, offsets)
    assert float((outer * (1 - filled)).sum()) < 0.02 * float(filled.sum())


def test_two_views_are_better_than_one(body: BodyModel, person: Identity) -> None:
    # A belly: grown to the front only, which the view from the front cannot show.
    forward = (-vertex_normals(person.vertices, body.topology.faces)[:, 2:]).clamp_min(0)
    belly = _grown(body, person, 0.08, ("torso",)) * forward
    front = _clothed(body, person, _view(body, arms=-0.3), belly)
    side = _clothed(body, person, _view(body, turn=np.pi / 2, arms=-0.3), belly)
    one, two = fit_offsets(body, person, [front]), fit_offsets(body, person, [front, side])
    assert _iou(_mask(body, person, side, two), side.alpha) > _iou(_mask(body, person, side, one), side.alpha) + 0.01


def test_a_view_with_a_wrong_pose_is_left_out(body: BodyModel, person: Identity) -> None:
    view = _clothed(body, person, _view(body, arms=-0.3), _grown(body, person, 0.03, CLOTHED))
    elsewhere = replace(view, transl=view.transl + torch.tensor([0.3, 0.0, 0.0]))
    alone, both = fit_offsets(body, person, [view]), fit_offsets(body, person, [view, elsewhere])
    assert torch.equal(alone, both)


def test_feet_grow_to_shoes(body: BodyModel, person: Identity) -> None:
    view = _view(body, turn=0.6)
    view = _clothed(body, person, view, _grown(body, person, 0.02, ("left_foot", "right_foot")))
    fit = fit_clothing(body, person, [view])
    assert float(fit.iou[0]) > 0.97
    assert float(fit.offsets.norm(dim=-1).max()) < 0.05


def test_hands_and_face_are_held(body: BodyModel, person: Identity) -> None:
    everything = tuple(PARTS)
    view = _clothed(body, person, _view(body, arms=-0.3), _grown(body, person, 0.03, everything))
    offsets = fit_offsets(body, person, [view])
    held = torch.tensor([name.endswith("hand") or name == "face" for name in PARTS])[body.topology.vertex_part.long()]
    assert float(offsets[held].norm(dim=-1).max()) < 0.006


def test_offsets_are_smooth_without_spikes(body: BodyModel, person: Identity) -> None:
    view = _clothed(body, person, _view(body, arms=-0.3), _grown(body, person, 0.03, CLOTHED))
    noisy = view.alpha.clone()
    noisy[100:104, :] = 1  # a bar across the picture
    offsets = fit_offsets(body, person, [replace(view, alpha=noisy)])
    assert float(offsets.norm(dim=-1).max()) < 0.08


def test_same_input_same_bytes(body: BodyModel, person: Identity) -> None:
    view = _clothed(body, person, _view(body, arms=-0.3), _grown(body, person, 0.03, CLOTHED))
    assert torch.equal(fit_offsets(body, person, [view]), fit_offsets(body, person, [view]))


def test_size_of_the_photo_does_not_alphar(body: BodyModel, person: Identity) -> None:
    grown = _grown(body, person, 0.03, CLOTHED)
    small = _clothed(body, person, _view(body, arms=-0.3), grown)
    large = _view(body, arms=-0.3)
    large = _clothed(body, person, replace(large, camera=large.camera.resized((640, 512))), grown)
    apart = (fit_offsets(body, person, [small]) - fit_offsets(body, person, [large])).norm(dim=-1)
    assert float(apart.mean()) < 0.003


def test_person_cut_by_the_border_is_not_pulled_to_it(body: BodyModel, person: Identity) -> None:
    whole = _view(body, arms=-0.3)
    cut = replace(whole, camera=replace(whole.camera, size=(230, 256)))
    offsets = fit_offsets(body, person, [_clothed(body, person, cut)])
    assert float(offsets.norm(dim=-1).mean()) < 0.006


def test_without_a_view_that_overlaps_the_person_there_are_no_clothes_to_see(body: BodyModel, person: Identity) -> None:
    """The body stays bare, but for the shoes that everybody gets."""
    view = _clothed(body, person, _view(body, arms=-0.3))
    aside = replace(view, transl=view.transl + torch.tensor([3.0, 0.0, 0.0]))
    offsets = fit_offsets(body, person, [aside, aside])
    feet = torch.tensor([name.endswith("foot") for name in PARTS])[body.topology.vertex_part.long()]
    assert bool(offsets.isfinite().all())
    assert float(offsets[~feet].norm(dim=-1).max()) < 0.012
    fit = fit_clothing(body, person, [aside])
    assert float(fit.iou[0]) == 0
    assert torch.equal(fit.offsets, offsets)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda v: replace(v, alpha=torch.zeros(SIZE)), "alpha of view 0 is empty"),
        (lambda v: replace(v, alpha=torch.zeros(8, 8)), "alpha has shape"),
        (lambda v: replace(v, alpha=torch.ones(SIZE), transl=torch.zeros(1, 3)), "behind the camera"),
    ],
)
def test_bad_views_are_refused(body: BodyModel, person: Identity, change, words: str) -> None:
    with pytest.raises(InputError, match=words):
        fit_offsets(body, person, [change(_view(body))])


def test_no_views_and_bad_numbers_are_refused(body: BodyModel, person: Identity) -> None:
    with pytest.raises(InputError, match="views is empty"):
        fit_offsets(body, person, [])
    view = _clothed(body, person, _view(body))
    with pytest.raises(InputError, match="smoothness"):
        fit_offsets(body, person, [view], smoothness=0.0)
    with pytest.raises(InputError, match="iterations"):
        fit_offsets(body, person, [view], iterations=0)


def test_alpha_edge_of_a_disc() -> None:
    y, x = np.mgrid[:100, :120] + 0.5
    alpha = np.clip(30.5 - np.hypot(x - 61.3, y - 48.7), 0, 1)
    edge = alpha_edges(alpha)
    away = edge.point - [61.3, 48.7]
    radius = np.linalg.norm(away, axis=1)
    assert abs(radius - 30).max() < 0.15
    assert (edge.normal * away / radius[:, None]).sum(1).min() > 0.99
    assert edge.length.sum() == pytest.approx(2 * np.pi * 30, rel=0.01)


def test_way_across_another_part() -> None:
    picture = np.full((20, 40), -1)
    picture[:, 10:20] = PARTS.index("torso")
    picture[:, 25:30] = PARTS.index("left_hand")
    start, end = np.array([[30.0, 10.0], [22.0, 10.0]]), np.array([[12.0, 10.0], [12.0, 10.0]])
    hand, upper = PARTS.index("left_hand"), PARTS.index("left_upper_arm")
    crossed = crosses_other_part(start, end, np.array([hand, upper]), picture, compatible_parts())
    assert crossed.tolist() == [True, False]


def test_left_never_goes_with_right() -> None:
    table = compatible_parts()
    assert not table[PARTS.index("left_upper_leg"), PARTS.index("right_upper_leg")]
    assert table[PARTS.index("left_upper_leg"), PARTS.index("torso")]
    assert (table == table.T).all()
