"""Terms say what they cost and how that changes; the solver needs to know nothing else of them."""

from dataclasses import dataclass, replace

import pytest
import torch
from fit_samples import dance, film, fitted_joints

import liquidwarp as lw
from liquidwarp.bodies import CANONICAL_JOINTS
from liquidwarp.bodies.landmarks import MEDIAPIPE
from liquidwarp.errors import InputError
from liquidwarp.fit import (
    FitTuning,
    FitWeights,
    GemanMcClure,
    PseudoHuber,
    Quadratic,
    Term,
    Window,
    autodiff_term,
    fit_track,
)
from liquidwarp.fit.evidence import limb_directions
from liquidwarp.fit.foot_lock import _AimTerm, _BendTerm, _TurnTerm
from liquidwarp.fit.landmark_terms import DirectionTerm, PictureTerm, StandingTerm
from liquidwarp.fit.masks import MaskOutline, OutlineTerm
from liquidwarp.fit.pose_terms import AccelerationTerm, DistanceTerm, PosePriorTerm, SpeedTerm, motion_scales
from liquidwarp.fit.prior import make_prior
from liquidwarp.fit.skeleton import JOINTS, STATE, State, make_skeleton
from liquidwarp.fit.solve import Problem, cost_of, normal_equations, solve_poses
from liquidwarp.fit.turn_terms import CarriedPointTerm, TurnTerm
from liquidwarp.geometry import axis_angle_to_matrix, default_camera, project_with_jacobian
from liquidwarp.testing import toy_body

FRAMES, FPS = 4, 24.0
WIDENING = 1.3


@pytest.fixture(scope="module")
def body():
    return toy_body()


@pytest.fixture(scope="module")
def skeleton(body):
    return make_skeleton(body, MEDIAPIPE, torch.zeros(body.num_betas))


@pytest.fixture(scope="module")
def state():
    """A person who moves at usual speeds, far from the ends of the joints' measures."""
    generator = torch.Generator().manual_seed(0)
    turns = 0.5 * torch.randn(1, JOINTS, 3, generator=generator).double()
    turns = turns + 0.05 * torch.randn(FRAMES, JOINTS, 3, generator=generator).double()
    place = torch.tensor([0.1, 0.0, 4.0]).double() + 0.02 * torch.randn(FRAMES, 3, generator=generator).double()
    return State(axis_angle_to_matrix(turns), place)


def terms_of(skeleton, state):
    """One of every kind of term, with evidence that disagrees."""
    generator = torch.Generator().manual_seed(1)

    def noise(*shape):
        return torch.randn(*shape, generator=generator).double()

    def part(*shape):
        return torch.rand(*shape, generator=generator).double()

    window = Window(skeleton, state, FPS)
    count = len(MEDIAPIPE)
    camera = default_camera((300, 400))
    spots, _ = project_with_jacobian(camera, window.landmarks)
    world = window.landmarks + 0.05 * noise(FRAMES, count, 3)
    limbs, directions, worth = limb_directions(MEDIAPIPE, world, part(FRAMES, count), skeleton.points)
    sigma = torch.tensor([0.5, 0.5, 0.2]).double()
    speed, acceleration = motion_scales()
    feet = torch.tensor([MEDIAPIPE.index(name) for name in ("left_heel", "right_heel")])
    start = State(state.rotations @ axis_angle_to_matrix(0.05 * noise(FRAMES, JOINTS, 3)), state.place + 0.01)
    outline = MaskOutline(
        window.landmarks + 0.02 * noise(FRAMES, count, 3),
        part(FRAMES, count, JOINTS),
        torch.nn.functional.normalize(noise(FRAMES, count, 2), dim=-1),
        2 * noise(FRAMES, count),
        part(FRAMES, count),
    )
    prior = make_prior(skeleton.joints)
    return {
        "landmarks": PictureTerm(
            camera,
            spots + 3 * noise(FRAMES, count, 2),
            1 + part(FRAMES),
            part(FRAMES, count),
            GemanMcClure(6.0),
        ),
        "directions": DirectionTerm(limbs, directions, sigma, worth, PseudoHuber(2.0)),
        "pose prior": PosePriorTerm(prior, part(FRAMES), 0.07),
        "distance": DistanceTerm(3.7, 1.5, 0.8),
        "speed": SpeedTerm(speed, PseudoHuber(2.0), 0.7),
        "acceleration": AccelerationTerm(acceleration, PseudoHuber(2.0)),
        "standing": StandingTerm(feet, part(FRAMES, 2), 0.08, GemanMcClure(4.2), 1.2),
        "outline": OutlineTerm(outline, camera, 1.7, 0.012, outline.weight, GemanMcClure(3.0)),
        "aims": _AimTerm(window.landmarks + 0.01 * noise(FRAMES, count, 3), 0.01 + part(FRAMES, count, 3)),
        "bend": _BendTerm(start, 20.0, 4.0),
        "turn": _TurnTerm(start, 0.3),
        "turn seen": TurnTerm(
            CANONICAL_JOINTS.index("head"),
            axis_angle_to_matrix(0.4 * noise(FRAMES, 3)) @ window.posed.turns[:, CANONICAL_JOINTS.index("head")],
            0.04,
            part(FRAMES),
            PseudoHuber(2.0),
        ),
        "carried point": CarriedPointTerm(
            camera,
            CANONICAL_JOINTS.index("left_wrist"),
            0.1 * noise(3),
            spots[:, MEDIAPIPE.index("left_index")],
            1 + part(FRAMES),
            part(FRAMES),
            PseudoHuber(2.0),
        ),
        "hands together": autodiff_term(
            lambda seen: (seen.landmark("left_wrist") - seen.joint("right_wrist")) / 0.3, kernel=PseudoHuber(1.0)
        ),
        "steady head": autodiff_term(
            lambda now, soon, wanted: (soon.joint("head") - now.joint("head") - wanted)[None] / 0.1,
            span=2,
            weight=0.5,
            per_frame=[0.1 * noise(FRAMES, 3)],
        ),
        "even pace": autodiff_term(
            lambda a, b, c: (a.landmark("nose") - 2 * b.landmark("nose") + c.landmark("nose")).norm() / 0.1, span=3
        ),
    }


KINDS = (
    "landmarks",
    "directions",
    "pose prior",
    "distance",
    "speed",
    "acceleration",
    "standing",
    "outline",
    "aims",
    "bend",
    "turn",
    "turn seen",
    "carried point",
    "hands together",
    "steady head",
    "even pace",
)
HELD = ("outline",)  # what it looks at stays where it was found while a step is taken
SMALL_TURNS = ("speed", "acceleration", "bend", "turn")  # the derivative of a turn's logarithm is taken to be that at 0


@pytest.mark.parametrize("kind", sorted({*KINDS} - {*SMALL_TURNS}))
def test_a_jacobian_is_the_derivative_of_the_residual(skeleton, state, kind):
    term = terms_of(skeleton, state)[kind]
    assert isinstance(term, Term)
    window = Window(skeleton, state, FPS)
    residual, blocks = term.residual(window), term.jacobian(window)
    assert residual.dtype == torch.float64
    assert len(residual) == FRAMES - term.span + 1
    wanted = derivative(term, skeleton, state) if kind not in HELD else derivative_of_outline(term, window)
    for span in range(len(residual)):
        for lag, block in enumerate(blocks):
            torch.testing.assert_close(dense(block)[span], wanted[span, ..., span + lag, :], atol=2e-6, rtol=2e-6)
        others = [frame for frame in range(FRAMES) if not 0 <= frame - span < term.span]
        assert not wanted[span][..., others, :].any()


@pytest.mark.parametrize("kind", SMALL_TURNS)
def test_a_jacobian_of_turns_is_the_derivative_where_they_are_small(skeleton, state, kind):
    slow = state[torch.zeros(FRAMES, dtype=torch.int64)]
    generator = torch.Generator().manual_seed(2)
    slow = slow.moved(1e-6 * torch.randn(FRAMES, STATE, generator=generator).double())
    term = terms_of(skeleton, state)[kind]
    if kind in ("bend", "turn"):
        term = replace(term, start=slow.moved(1e-6 * torch.randn(FRAMES, STATE, generator=generator).double()))
    blocks, wanted = term.jacobian(Window(skeleton, slow, FPS)), derivative(term, skeleton, slow)
    scale = float(wanted.abs().max())
    for span in range(FRAMES - term.span + 1):
        for lag, block in enumerate(blocks):
            torch.testing.assert_close(dense(block)[span], wanted[span, ..., span + lag, :], atol=1e-5 * scale, rtol=0)


def derivative(term, skeleton, state):
    """Differentiate all residuals by the unknowns of all frames, automatically."""

    def moved(step):
        return term.residual(Window(skeleton, state.moved(step), FPS))

    return torch.autograd.functional.jacobian(moved, torch.zeros(FRAMES, STATE).double())


def derivative_of_outline(term, window):
    """Move the outline's points as their joints move them, by differences, and look along the normals."""
    outline, posed = term.outline, window.posed
    wanted = torch.zeros(*term.residual(window).shape, FRAMES, STATE).double()
    unit = term.sigma * default_camera((300, 400)).focal[0].double() * term.stature / posed.joints[:, 0, 2]
    here, _ = project_with_jacobian(term.camera, outline.points)
    for unknown in range(STATE):
        if unknown < 3 * JOINTS:
            joint = unknown // 3
            axis = posed.turns[:, joint, :, unknown % 3]
            arms = outline.points - posed.joints[:, None, joint]
            way = torch.linalg.cross(axis[:, None].expand_as(arms), arms) * outline.influence[..., joint, None]
        else:
            way = torch.eye(3).double()[unknown - 3 * JOINTS].expand_as(outline.points)
        there, _ = project_with_jacobian(term.camera, outline.points + 1e-7 * way)
        change = ((there - here) / 1e-7 * outline.normal).sum(-1) / unit[:, None]
        for frame in range(FRAMES):
            wanted[frame, :, 0, frame, unknown] = change[frame]
    return wanted


def dense(block):
    """Spread blocks of one joint each over all unknowns."""
    if block.shape[-1] == STATE:
        return block
    full = block.new_zeros(*block.shape[:-1], STATE)
    for group in range(block.shape[1]):
        full[:, group, :, 3 * group : 3 * group + 3] = block[:, group]
    return full


@pytest.mark.parametrize("kind", ["landmarks", "directions", "distance", "hands together"])
def test_terms_of_one_frame_know_the_shape(skeleton, state, kind):
    term = terms_of(skeleton, state)[kind]

    def shaped(betas):
        return term.residual(Window(skeleton.at(betas), state, FPS))

    size = len(skeleton.betas)
    wanted = torch.autograd.functional.jacobian(shaped, torch.zeros(size).double())
    (block,) = term.jacobian(Window(skeleton, state, FPS, with_shape=True))
    (plain,) = term.jacobian(Window(skeleton, state, FPS))
    torch.testing.assert_close(block[..., STATE:], wanted, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(block[..., :STATE], plain)


def test_a_function_of_ones_own_equals_the_analytic_terms(skeleton, state):
    own = terms_of(skeleton, state)
    window = Window(skeleton, state, FPS)
    camera, picture, limb, feet = default_camera((300, 400)), own["landmarks"], own["directions"], own["standing"]

    def seen(body, image, unit):
        flat = body.landmarks[:, :2] / body.landmarks[:, 2:] * camera.focal.double() + camera.center.double()
        return (flat - image) / unit

    def pointing(body, directions):
        way = body.landmarks[limb.limbs[:, 1]] - body.landmarks[limb.limbs[:, 0]]
        return (way / way.norm(dim=-1, keepdim=True) - directions) / limb.sigma

    def sliding(now, soon):
        return (soon.landmarks[feet.feet] - now.landmarks[feet.feet]) * FPS / feet.sigma

    pairs = (
        (picture, autodiff_term(seen, per_frame=[picture.image, picture.unit])),
        (limb, autodiff_term(pointing, per_frame=[limb.directions])),
        (feet, autodiff_term(sliding, span=2)),
    )
    for analytic, automatic in pairs:
        torch.testing.assert_close(automatic.residual(window), analytic.residual(window))
        for ours, theirs in zip(automatic.jacobian(window), analytic.jacobian(window), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("kernel", [Quadratic(), PseudoHuber(2.0), GemanMcClure(3.0)])
def test_the_weight_of_a_kernel_is_the_slope_of_its_cost(kernel):
    squared = torch.linspace(0, 50, 101).double().requires_grad_()
    (slope,) = torch.autograd.grad(kernel.cost(squared, WIDENING).sum(), squared)
    torch.testing.assert_close(kernel.weight(squared, WIDENING).detach(), slope)
    assert float(kernel.cost(torch.zeros(1), 1.0)) == 0
    assert float(kernel.weight(torch.zeros(1), 1.0)) == 1


def test_the_equations_point_down_the_slope_of_the_cost(skeleton, state):
    terms = [term for kind, term in terms_of(skeleton, state).items() if kind not in (*HELD, *SMALL_TURNS)]
    chain = normal_equations(terms, Window(skeleton, state, FPS), WIDENING)

    def cost(step):
        window = Window(skeleton, state.moved(step), FPS)
        return sum(
            (term.weight * term.kernel.cost((term.residual(window) ** 2).sum(dim=-1), WIDENING)).sum() for term in terms
        )

    step = torch.zeros(FRAMES, STATE).double().requires_grad_()
    (slope,) = torch.autograd.grad(cost(step), step)
    torch.testing.assert_close(-2 * chain.right, slope, atol=1e-4, rtol=1e-6)
    assert cost_of(terms, Window(skeleton, state, FPS), WIDENING) == pytest.approx(float(cost(step.detach())))


@pytest.mark.parametrize("kind", SMALL_TURNS)
def test_the_equations_of_turns_nearly_do(skeleton, state, kind):
    term = terms_of(skeleton, state)[kind]
    chain = normal_equations([term], Window(skeleton, state, FPS), 1.0)
    step = -1e-5 * chain.right / chain.right.norm()
    ahead, behind = (cost_of([term], Window(skeleton, state.moved(sign * step), FPS), 1.0) for sign in (1.0, -1.0))
    assert ahead - behind == pytest.approx(-4 * float((chain.right * step).sum()), rel=0.02)


def test_the_equations_are_the_sum_of_all_squares(skeleton, state):
    terms = list(terms_of(skeleton, state).values())
    window = Window(skeleton, state, FPS)
    chain = normal_equations(terms, window, WIDENING)
    wanted = torch.zeros(FRAMES, STATE, FRAMES, STATE).double()
    for term in terms:
        weight = term.weight * term.kernel.weight((term.residual(window) ** 2).sum(dim=-1), WIDENING)
        rows = torch.zeros(*term.residual(window).shape, FRAMES, STATE).double()
        for lag, block in enumerate(term.jacobian(window)):
            for span in range(len(block)):
                rows[span, :, :, span + lag] = dense(block)[span]
        rows = rows * weight[..., None, None, None].sqrt()
        flat = rows.flatten(0, 2).flatten(1)
        wanted += (flat.T @ flat).view_as(wanted)
    for lag, blocks in enumerate((chain.diagonal, chain.next1, chain.next2)):
        for frame in range(FRAMES - lag):
            torch.testing.assert_close(blocks[frame], wanted[frame + lag, :, frame], atol=1e-6, rtol=1e-9)


def test_the_order_of_terms_changes_rounding_alone(skeleton, state):
    terms = [term for kind, term in terms_of(skeleton, state).items() if kind not in HELD]
    solved = [solve_poses(Problem(skeleton, tuple(order), FPS), state, 4) for order in (terms, terms[::-1])]
    torch.testing.assert_close(solved[0].rotations, solved[1].rotations, atol=1e-9, rtol=0)
    torch.testing.assert_close(solved[0].place, solved[1].place, atol=1e-9, rtol=0)
    assert (solved[0].place - state.place).abs().max() > 1e-3


def test_some_frames_of_a_term_are_the_term_of_some_frames(skeleton, state):
    for kind, term in terms_of(skeleton, state).items():
        whole = term.residual(Window(skeleton, state, FPS))
        some = term[1:].residual(Window(skeleton, state[1:], FPS))
        torch.testing.assert_close(some, whole[1:], msg=lambda text, kind=kind: f"{kind}: {text}")


# What the fit makes of terms


@pytest.fixture(scope="module")
def truth(body):
    pose, place = dance(body, 0.75, 24)
    return film(body, torch.zeros(body.num_betas), pose, place, 24.0, noise=0.5)


def joint(body, track, name):
    return fitted_joints(body, track)[:, CANONICAL_JOINTS.index(name)]


def hands_together(seen):
    return (seen.joint("left_wrist") - seen.joint("right_wrist")) / 0.01


def test_hands_are_brought_together(body, truth):
    plain = fit_track(body, truth.keypoints, betas=truth.betas).track
    term = autodiff_term(hands_together, weight=100.0)
    held = fit_track(body, truth.keypoints, betas=truth.betas, terms=[term]).track
    before, after = (
        (joint(body, track, "left_wrist") - joint(body, track, "right_wrist")).norm(dim=-1) for track in (plain, held)
    )
    assert before.min() > 0.1
    assert after.max() < 0.02


def test_a_floor_is_not_stepped_through(body, truth):
    # +Y is down; the floor is raised by 5 cm over the lowest place of the heels.
    plain = fit_track(body, truth.keypoints, betas=truth.betas).track
    heels = body.landmarks(("left_heel", "right_heel"), plain.betas, plain.global_orient, plain.body_pose, plain.transl)
    floor = float(heels[..., 1].amax()) - 0.05

    def above(seen):
        heel = torch.stack([seen.landmark(f"{side}_heel")[1:2] for side in ("left", "right")])
        return (heel - floor).clamp_min(0) / 0.002

    kept = fit_track(body, truth.keypoints, betas=truth.betas, terms=[autodiff_term(above, weight=10.0)]).track
    raised = body.landmarks(("left_heel", "right_heel"), kept.betas, kept.global_orient, kept.body_pose, kept.transl)
    assert float(heels[..., 1].amax()) > floor + 0.04
    assert float(raised[..., 1].amax()) < floor + 0.005


@pytest.mark.slow
def test_a_term_tells_the_shape_too(body, truth):
    def taller(seen):
        return ((seen.joint("head") - seen.joint("left_ankle")).norm() - 1.0) / 0.001

    plain = fit_track(body, truth.keypoints).track
    pulled = fit_track(body, truth.keypoints, terms=[autodiff_term(taller, weight=10.0)]).track
    assert (pulled.betas - plain.betas).abs().max() > 0.2


def test_terms_over_several_frames_are_for_clips(body, truth):
    def still(now, soon):
        return (soon.joint("pelvis") - now.joint("pelvis")) / 0.0001

    term = autodiff_term(still, span=2, weight=10.0)
    held = fit_track(body, truth.keypoints, betas=truth.betas, terms=[term]).track
    assert joint(body, held, "pelvis").std(dim=0).max() < 0.01
    unrelated = replace(truth.keypoints, fps=0.0)
    with_term = fit_track(body, unrelated, betas=truth.betas, terms=[term]).track
    without = fit_track(body, unrelated, betas=truth.betas).track
    assert torch.equal(with_term.transl, without.transl)


@pytest.mark.slow
def test_what_differs_from_frame_to_frame_is_cut_with_the_clip(body):
    pose, place = dance(body, 5, 24)
    truth = film(body, torch.zeros(body.num_betas), pose, place, 24.0)
    goal = place.double() + torch.tensor([0.0, 0.0, 0.3])
    rest = body.rest_joints(truth.betas)[body.canonical("pelvis")].double()

    def at(seen, wanted):
        return (seen.joint("pelvis") - wanted - rest) / 0.001

    term = autodiff_term(at, weight=100.0, per_frame=[goal])
    track = fit_track(body, truth.keypoints, betas=truth.betas, terms=[term], window=96, steps=6).track
    torch.testing.assert_close(track.transl.double(), goal, atol=0.01, rtol=0)


@pytest.mark.slow
def test_recover_hands_terms_and_weights_on(body, truth):
    term = autodiff_term(hands_together, weight=100.0)
    track = lw.recover(truth.keypoints, body=body, terms=[term])
    assert (joint(body, track, "left_wrist") - joint(body, track, "right_wrist")).norm(dim=-1).max() < 0.02
    calm = lw.recover(truth.keypoints, body=body, weights=FitWeights(motion=1e4))
    usual = lw.recover(truth.keypoints, body=body)
    assert calm.body_pose.diff(dim=0).abs().mean() < 0.5 * usual.body_pose.diff(dim=0).abs().mean()
    with pytest.raises(InputError, match="fit=False leaves nothing for terms"):
        lw.recover(truth.keypoints, body=body, terms=[term], regressor="landmarks", fit=False)


def test_weights_of_nothing_leave_terms_out(body, truth):
    free = fit_track(body, truth.keypoints, betas=truth.betas, weights=FitWeights(landmarks=0.0, directions=0.0)).track
    seen = fit_track(body, truth.keypoints, betas=truth.betas).track
    assert (free.body_pose - seen.body_pose).norm(dim=-1).max() > 0.5
    with pytest.raises(InputError, match=r"weight motion=-1"):
        FitWeights(motion=-1.0)


def test_tuning_is_reached(body, truth):
    loose = FitTuning()
    loose = replace(loose, evidence=replace(loose.evidence, landmark_sigma=0.05))
    plain = fit_track(body, truth.keypoints, betas=truth.betas)
    vague = fit_track(body, truth.keypoints, betas=truth.betas, tuning=loose)
    assert vague.reprojection.nanmean() > 1.5 * plain.reprojection.nanmean()


@dataclass(frozen=True)
class Ragged:
    """A term that answers with the wrong shape."""

    kernel = Quadratic()
    span = 1
    weight = 1.0

    def __getitem__(self, frames):
        return self

    def residual(self, window):
        return window.landmarks.flatten(1)[..., None]

    def jacobian(self, window):
        return (window.landmark_jacobian,)


def test_terms_that_go_wrong_are_named(body, truth):
    with pytest.raises(InputError, match=r"the term Ragged of span 1 gave residuals \(18, 99, 1\)"):
        fit_track(body, truth.keypoints, betas=truth.betas, terms=[Ragged()])

    def broken(seen):
        return ((seen.joint("head") - seen.joint("head")) ** 2).sum().sqrt()

    with pytest.raises(InputError, match="the derivatives of the term broken are not finite in frame 0"):
        fit_track(body, truth.keypoints, betas=truth.betas, terms=[autodiff_term(broken)])

    def lost(seen):
        return seen.landmark("left_antenna")

    with pytest.raises(InputError, match="a term asks for the landmark 'left_antenna'"):
        fit_track(body, truth.keypoints, betas=truth.betas, terms=[autodiff_term(lost)])
    with pytest.raises(InputError, match="gave shape"):
        fit_track(body, truth.keypoints, betas=truth.betas, terms=[autodiff_term(lambda seen: seen.landmarks[None])])
    with pytest.raises(InputError, match=r"span=4; a term looks at 1 to 3 frames in a row"):
        autodiff_term(hands_together, span=4)
    with pytest.raises(InputError, match="weight=-1"):
        autodiff_term(hands_together, weight=-1.0)
    short = autodiff_term(lambda seen, wanted: seen.joint("head") - wanted, per_frame=[torch.zeros(3, 3)])
    with pytest.raises(InputError, match=r"has 3 rows, wanted one per frame \(18\)"):
        fit_track(body, truth.keypoints, betas=truth.betas, terms=[short])
    with pytest.raises(InputError, match="has 3 rows, none for frame 17"):
        fit_track(body, truth.keypoints, terms=[short])
