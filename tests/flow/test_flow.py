import math

import pytest
import torch

from liquidwarp.errors import InputError
from liquidwarp.flow import compose, identity_flow, mesh_flow, project_normalized, reference, resize_flow, warp
from liquidwarp.flow.warp import sample_bilinear
from liquidwarp.geometry import normalize_pixels, pixel_centers
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera, Flow

SIZES = [(8, 8), (7, 13), (37, 53)]


def picture(size, batch=1, channels=3, seed=0, dtype=torch.float32):
    return torch.rand(batch, channels, *size, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def affine_flow(size, matrix, shift, source=None):
    """The flow grid = matrix @ pixel + shift, in pixels."""
    xy = pixel_centers(size) @ torch.tensor(matrix).T + torch.tensor(shift)
    grid = normalize_pixels(xy, source or size)[None]
    return Flow(grid, (grid.abs() <= 1).all(-1))


def random_flow(size, batch=2, seed=1, spread=1.3, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    grid = (torch.rand(batch, *size, 2, generator=generator, dtype=dtype) * 2 - 1) * spread
    return Flow(grid, torch.rand(batch, *size, generator=generator) > 0.3)


def poisoned(flow):
    """The same flow with numbers in its invalid pixels that nobody may read."""
    poison = torch.tensor([math.nan, 1e30, -math.inf, -2.0]).to(flow.grid)
    count = int((~flow.valid).sum())
    grid = flow.grid.clone()
    grid[~flow.valid] = poison.repeat(count)[: 2 * count].reshape(-1, 2)
    return Flow(grid, flow.valid)


@pytest.fixture
def body():
    generator = torch.Generator().manual_seed(0)
    vertices = torch.randn(2, 30, 3, generator=generator) * 0.6 + torch.tensor([0.0, 0.0, 3.0])
    return vertices, torch.randint(0, 30, (40, 3), generator=generator).int(), Camera.create(25.0, (21, 27))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("gradient", [False, True])
def test_identity_returns_the_picture_bit_by_bit(size, gradient):
    source = picture(size, 2).requires_grad_(gradient)
    assert torch.equal(warp(source, identity_flow(size, 2)), source)


def test_whole_pixel_shifts_are_exact():
    source = picture((9, 11))
    flow = affine_flow((9, 11), [[1.0, 0.0], [0.0, 1.0]], [2.0, -3.0])
    expected = torch.zeros_like(source)
    expected[..., 3:, :9] = source[..., :6, 2:]
    assert torch.equal(warp(source, flow), expected)


@pytest.mark.parametrize("batch", [1, 2])
def test_warp_twins(batch):
    source, flow = picture((9, 12), batch), random_flow((6, 7))
    expected = reference.warp(source, flow, fill=0.25)
    torch.testing.assert_close(warp(source, flow, fill=0.25), expected, rtol=0, atol=2e-6)
    with_gradient = warp(source.clone().requires_grad_(), flow, fill=0.25)
    torch.testing.assert_close(with_gradient.detach(), expected, rtol=0, atol=1e-5)


def test_warp_gradients():
    source, flow = picture((5, 6), 1, 2, dtype=torch.float64), random_flow((3, 4), 1, 2, 0.9, torch.float64)
    flow = Flow(flow.grid.requires_grad_(), flow.valid)
    assert torch.autograd.gradcheck(lambda s, g: warp(s, Flow(g, flow.valid)), (source.requires_grad_(), flow.grid))


def test_border_pixels_are_held_to_the_edge():
    source = torch.ones(1, 1, 4, 4)
    flow = Flow(torch.full((1, 2, 2, 2), 0.999), torch.ones(1, 2, 2, dtype=torch.bool))
    assert (warp(source, flow) == 1).all()


@pytest.mark.parametrize("gradient", [False, True])
def test_invalid_numbers_never_leak(gradient):
    source, flow = picture((9, 12), 2), random_flow((6, 7), spread=0.95)
    bad = poisoned(flow)
    source.requires_grad_(gradient)
    assert torch.equal(warp(source, bad, fill=0.5), warp(source, flow, fill=0.5))
    for size in [(3, 3), (12, 14), (4, 14), (6, 7)]:
        a, b = resize_flow(flow, size), resize_flow(bad, size)
        assert torch.equal(a.valid, b.valid)
        assert torch.equal(a.grid[a.valid], b.grid[b.valid])
    for pair in ((flow, random_flow((5, 5), seed=4)), (random_flow((9, 12), seed=5), flow)):
        a, b = compose(*pair), compose(*map(poisoned, pair))
        assert torch.equal(a.valid, b.valid)
        assert torch.equal(a.grid, b.grid)
        assert b.grid.isfinite().all()


def test_invalid_numbers_never_leak_into_gradients():
    flow = poisoned(random_flow((6, 7), spread=0.9))
    source, grid = picture((9, 12), 2).requires_grad_(), flow.grid.requires_grad_()
    warped = warp(source, Flow(grid, flow.valid)).sum()
    resized = resize_flow(Flow(grid, flow.valid), (3, 4))
    (warped + resized.grid[resized.valid].sum()).backward()
    assert source.grad.isfinite().all()
    assert grid.grad.isfinite().all()
    assert (grid.grad[~flow.valid] == 0).all()


@pytest.mark.parametrize("size", [(3, 4), (6, 7), (5, 9), (13, 16), (11, 3)])
@pytest.mark.parametrize("gradient", [False, True])
def test_resize_twins(size, gradient):
    flow = poisoned(random_flow((6, 7)))
    expected = reference.resize_flow(flow, size)
    result = resize_flow(Flow(flow.grid.requires_grad_(gradient), flow.valid), size)
    assert torch.equal(result.valid, expected.valid)
    assert result.grid.isfinite().all() or size == (6, 7)  # which is the same flow
    torch.testing.assert_close(result.grid[result.valid].detach(), expected.grid[result.valid], rtol=0, atol=1e-6)


@pytest.mark.parametrize("size", [(3, 4), (6, 7), (5, 9), (13, 16)])
def test_resizing_keeps_a_constant_flow(size):
    flow = random_flow((6, 7))
    constant = Flow(torch.tensor([0.3, -0.7]).expand_as(flow.grid), flow.valid)
    result = resize_flow(constant, size)
    torch.testing.assert_close(result.grid[result.valid], constant.grid[0, 0, :1].expand(int(result.valid.sum()), 2))


def test_shrinking_the_identity_is_the_smaller_identity():
    for size, tolerance in [((4, 6), 1e-6), ((2, 3), 1e-6), ((5, 5), 2 / 8 / 4), ((3, 11), 2 / 8 / 4)]:
        result = resize_flow(identity_flow((8, 12)), size)
        torch.testing.assert_close(result.grid, identity_flow(size).grid, rtol=0, atol=tolerance)


def test_resizing_needs_half_of_the_weight():
    valid = torch.tensor([[[True, True, False, False], [True, False, True, False]]]).repeat(1, 2, 1)[:, :2]
    flow = Flow(torch.zeros(1, 2, 4, 2), valid)
    assert resize_flow(flow, (1, 2)).valid.tolist() == [[[True, False]]]


def test_compose_with_identity_changes_nothing():
    flow = affine_flow((9, 12), [[0.9, 0.1], [-0.1, 0.9]], [0.3, 1.2])
    after = compose(flow, identity_flow((9, 12)))
    assert torch.equal(after.valid, flow.valid)
    assert torch.equal(after.grid[after.valid], flow.grid[flow.valid])
    inside = (flow.grid.abs() <= 1 - 1 / torch.tensor([12.0, 9.0])).all(-1) & flow.valid
    before = compose(identity_flow((9, 12)), flow)
    torch.testing.assert_close(before.grid[inside], flow.grid[inside], rtol=0, atol=1e-5)


def test_compose_with_the_inverse_is_the_identity():
    angle, size = 0.3, (31, 37)
    turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    shift = torch.tensor([6.0, -1.0])
    there = affine_flow(size, turn.tolist(), shift.tolist())
    back = affine_flow(size, turn.T.tolist(), (-turn.T @ shift).tolist())
    both = compose(there, back)
    assert both.valid.float().mean() > 0.4
    error = (both.grid - identity_flow(size).grid)[both.valid].abs()
    assert error.max() < 1e-5


def test_compose_is_warping_twice():
    source = picture((20, 20)).cumsum(-1).cumsum(-2)  # smooth, so that sampling twice costs little
    first = affine_flow((20, 20), [[1.0, 0.0], [0.0, 1.0]], [1.0, 2.0])
    second = affine_flow((20, 20), [[1.0, 0.0], [0.0, 1.0]], [3.0, -1.0])
    both = compose(first, second)
    assert both.valid.any()
    twice, once = warp(warp(source, first), second), warp(source, both)
    torch.testing.assert_close(once[:, :, both.valid[0]], twice[:, :, both.valid[0]], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sources", [1, 2])
@pytest.mark.parametrize("visible", [0, 1, 2])
def test_mesh_flow_twins(body, sources, visible):
    vertices, faces, view = body
    fragments = rasterize(vertices, faces, view)
    xy = torch.randn(sources, 30, 2, generator=torch.Generator().manual_seed(2)) * 0.7
    shown = torch.rand(visible, 40, generator=torch.Generator().manual_seed(3)) > 0.5 if visible else None
    expected = reference.mesh_flow(fragments, faces, xy, face_visible=shown)
    assert expected.valid.any()
    for points in (xy, xy.clone().requires_grad_()):
        flow = mesh_flow(fragments, faces, points, face_visible=shown)
        assert torch.equal(flow.valid, expected.valid)
        torch.testing.assert_close(flow.grid, expected.grid, rtol=0, atol=1e-6)


@pytest.mark.parametrize("visible", [0, 1, 3])
def test_several_sources_of_one_target_give_as_many_flows(body, visible):
    vertices, faces, view = body
    fragments = rasterize(vertices[:1], faces, view)
    xy = torch.randn(3, 30, 2, generator=torch.Generator().manual_seed(2)) * 0.7
    shown = torch.rand(visible, 40, generator=torch.Generator().manual_seed(3)) > 0.5 if visible else None
    expected = reference.mesh_flow(fragments, faces, xy, face_visible=shown)
    assert expected.valid.flatten(1).any(1).all()
    for points in (xy, xy.clone().requires_grad_()):
        flow = mesh_flow(fragments, faces, points, face_visible=shown)
        assert torch.equal(flow.valid, expected.valid)
        torch.testing.assert_close(flow.grid, expected.grid, rtol=0, atol=1e-6)


def test_mesh_flow_gradients(body):
    vertices, faces, view = body
    fragments = rasterize(vertices.double(), faces, view)
    xy = torch.rand(1, 30, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(2)).requires_grad_()
    bary = fragments.bary.requires_grad_()

    def grid(xy, bary):
        return mesh_flow(type(fragments)(fragments.face_index, bary, fragments.depth), faces, xy).grid

    assert torch.autograd.gradcheck(grid, (xy, bary), fast_mode=True)


def test_mesh_flow_onto_itself_is_the_identity(body):
    vertices, faces, view = body
    xy, depth = project_normalized(view, vertices)
    flow = mesh_flow(rasterize(vertices, faces, view), faces, xy)
    assert torch.equal(depth, vertices[..., 2])
    # Surface weights applied to projected corners are exact for small or fronto-parallel faces only.
    flat = vertices.clone()
    flat[..., 2] = 3.0
    xy, _ = project_normalized(view, flat)
    flow = mesh_flow(rasterize(flat, faces, view), faces, xy)
    error = (flow.grid - identity_flow(view.size).grid)[flow.valid].abs()
    assert error.max() < 1e-5


def test_vertices_behind_the_source_camera_give_no_valid_flow(body):
    vertices, faces, view = body
    fragments = rasterize(vertices, faces, view)
    flow = mesh_flow(fragments, faces, torch.full((1, 30, 2), math.nan))
    assert not flow.valid.any()
    assert flow.grid.isfinite().all()


def test_threads_change_nothing(body):
    vertices, faces, view = body
    fragments, before = rasterize(vertices, faces, view), torch.get_num_threads()
    xy, _ = project_normalized(view, vertices)
    results = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            flow = mesh_flow(fragments, faces, xy)
            small = resize_flow(flow, (7, 9))
            results.append((flow.grid, flow.valid, small.grid, small.valid, warp(picture((20, 20), 2), flow)))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_errors_name_the_argument(body):
    vertices, faces, view = body
    fragments = rasterize(vertices, faces, view)
    with pytest.raises(InputError, match="source_xy has batch 3, the target has 2; give 1 or 2"):
        mesh_flow(fragments, faces, torch.zeros(3, 30, 2))
    with pytest.raises(InputError, match="source has batch 3, the flow has 2"):
        warp(picture((4, 4), 3), random_flow((4, 4)))
    with pytest.raises(InputError, match="height=0"):
        resize_flow(random_flow((4, 4)), (0, 3))
    with pytest.raises(InputError, match="first has batch 2, second has 3"):
        compose(random_flow((4, 4)), random_flow((4, 4), 3))


def test_sampling_centres_is_exact_beside_infinite_pixels():
    source = picture((5, 5))
    source[..., 2, 2] = math.inf
    out = warp(source, identity_flow((5, 5)))
    assert torch.equal(out, source)
    assert sample_bilinear(picture((5, 5)), identity_flow((5, 5)).grid).shape == (1, 3, 5, 5)
