"""Whatever lies on a device stays there, from the pose to the picture, and comes out as it does on the CPU."""

import sys
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from disco_samples import needs_diffusers, tiny_network
from fake_device import DeviceError, FakeDevice
from few_shot_samples import tiny
from pose_transfer_samples import tiny_transfer
from torch import Tensor
from toy_people import ToyDetector, toy_photo

import liquidwarp as lw
from liquidwarp.appearance import (
    Appearance,
    AppearanceTensors,
    Observation,
    appearance_from_observations,
    fuse_appearances,
    render_on_device,
)
from liquidwarp.bodies import BodyModel, Identity
from liquidwarp.devices import DEVICES, find_device, float64_on, full_precision, half_precision, moved
from liquidwarp.errors import InputError
from liquidwarp.flow import compose, identity_flow, mesh_flow, project_normalized, resize_flow, visibility, warp
from liquidwarp.geometry import default_camera, look_at_camera, project
from liquidwarp.media import open_video
from liquidwarp.mesh import vertex_facing, vertex_normals
from liquidwarp.methods import (
    CompactMethod,
    DiscoMethod,
    EdnMethod,
    FewShotMethod,
    LiquidMethod,
    Method,
    PoseTransferMethod,
    SurfaceMethod,
    Synthesis,
)
from liquidwarp.nn.compact import CompactGenerator, SourceInput, TransferInput, finish
from liquidwarp.nn.everybody_dance_now.personal import EdnGenerator, EdnShape
from liquidwarp.nn.liquid import BackgroundInput, ChartedPicture, LiquidGenerator
from liquidwarp.nn.planes import PhotoFlow
from liquidwarp.nn.published import SHAPES
from liquidwarp.person import SourceState, SourceView
from liquidwarp.raster import interpolate, pixel_normals, rasterize, soft_silhouette
from liquidwarp.raster.rasterize import default_backend
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack, Camera, Flow, Fragments, Keypoints, Pose

SIZE = (96, 64)
ACTIONS = torch.tensor([[0.0, 0.0, 0.0], [0.3, -0.4, 0.1]])


@pytest.fixture
def device() -> FakeDevice:
    return FakeDevice()


@dataclass(frozen=True, eq=False)
class Scene:
    """A person on some device, about to be drawn in a new pose."""

    body: BodyModel
    identity: Identity
    orient: Tensor
    pose: Tensor
    transl: Tensor
    camera: Camera
    view: SourceView
    photo: Tensor
    texture: AppearanceTensors
    background: Tensor
    generator: CompactGenerator

    def to(self, device: str) -> "Scene":
        return moved(self, device)


def photographed(body: BodyModel, vertices: Tensor, camera: Camera) -> Appearance:
    index = rasterize(vertices[None], body.topology.faces, camera).face_index[0]
    colors = np.random.default_rng(0).integers(0, 255, (len(body.topology.faces), 3), np.uint8)
    picture = np.where(index.numpy()[..., None] >= 0, colors[index.clamp(min=0).numpy()], 90).astype(np.uint8)
    mask = (index >= 0).float().numpy()
    return appearance_from_observations(body.topology, [Observation(picture, mask, camera, vertices)])


@pytest.fixture(scope="module")
def scene() -> Scene:
    body = toy_body()
    identity = body.identity(torch.tensor([0.4, -0.2, 0.1, 0.0]))
    orient, pose = body.expand_pose(torch.zeros(2, 22, 3))
    pose = pose.clone()
    pose[1, 15:19] = ACTIONS.repeat(2, 1)
    transl = torch.tensor([[0.0, 0.1, 3.2], [0.1, 0.0, 3.0]])
    standing = body.vertices(identity, orient, pose, transl)[0]
    camera = default_camera(SIZE)
    behind = look_at_camera(camera, torch.tensor([0.0, 0.0, 3.2]), azimuth=2.5)
    texture = fuse_appearances([photographed(body, standing, view) for view in (camera, behind)])
    shown = visibility(standing[None], body.topology.faces, camera).face[0]
    random = torch.Generator().manual_seed(0)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        generator = CompactGenerator((8, 8, 16, 16)).eval().requires_grad_(False)
        torch.nn.init.normal_(generator.head.weight, std=0.1)
    return Scene(
        *(body, identity, orient[1:], pose[1:], transl[1:], camera),
        SourceView(np.zeros((*SIZE, 4), np.uint8), camera, standing, shown, Pose(orient[0], pose[0], transl[0])),
        torch.rand(1, 4, *SIZE, generator=random),
        texture.tensors("cpu"),
        torch.rand(3, *SIZE, generator=random),
        generator,
    )


def drawn(scene: Scene) -> dict[str, Tensor]:
    """Go the whole way: pose, rasterise, shade, flow, warp, network, composite."""
    faces = scene.body.topology.faces
    vertices = scene.body.vertices(scene.identity, scene.orient, scene.pose, scene.transl)
    person = render_on_device(scene.texture, scene.body.topology, vertices[0], scene.camera, soft=0.8)
    fragments = rasterize(vertices, faces, scene.camera)
    xy, _ = project_normalized(scene.view.camera, scene.view.vertices[None])
    flow = mesh_flow(fragments, faces, xy, face_visible=scene.view.faces[None])
    warped = warp(scene.photo, flow)
    kinds = torch.stack([(person.coverage == kind).float() for kind in (1, 2, 3)])[None]
    transfer = TransferInput(
        person.rgb[None],
        person.alpha[None],
        scene.background[None],
        kinds,
        pixel_normals(fragments, vertices, faces, scene.camera),
    )
    seen = rasterize(scene.view.vertices[None], faces, scene.view.camera)
    normals = pixel_normals(seen, scene.view.vertices[None], faces, scene.view.camera)
    with torch.no_grad(), half_precision(vertices.device):
        features = scene.generator.encode(SourceInput.create(scene.photo[:, :3], scene.photo[:, 3], normals))
        answer = scene.generator.answer(transfer, features, PhotoFlow(flow.grid[None], flow.valid[None]))
    finished = finish(answer, person.rgb[None], person.alpha[None], scene.background[None])
    return {
        "vertices": vertices,
        "rgb": person.rgb,
        "alpha": person.alpha,
        "coverage": person.coverage,
        "over": person.over(scene.background),
        "face_index": fragments.face_index,
        "valid": flow.valid,
        "warped": warped,
        "answered": answer.alpha,
        "picture": finished,
    }


def test_the_whole_way_stays_on_the_device(scene: Scene, device: FakeDevice, monkeypatch) -> None:
    monkeypatch.setattr("test_devices.half_precision", full_precision)  # only rounding shall differ
    with device.loading():
        there = scene.to(device.name)
    with device.strict():
        made = drawn(there)
    assert {value.device.type for value in made.values()} == {device.name}
    assert device.asked <= 20, "every question makes a GPU wait"
    made, wanted = device.fetch(made), drawn(scene)
    assert torch.equal(made["face_index"], wanted["face_index"])
    assert torch.equal(made["valid"], wanted["valid"])
    assert torch.equal(made["coverage"], wanted["coverage"])
    assert (wanted["coverage"] > 0).sum() > 300
    for name, value in wanted.items():
        if value.is_floating_point():
            torch.testing.assert_close(made[name], value, atol=2e-4, rtol=0, msg=name)


def test_the_steps_beside_it_stay_there_too(scene: Scene, device: FakeDevice) -> None:
    def beside(scene: Scene) -> dict[str, Tensor]:
        faces = scene.body.topology.faces
        vertices = scene.body.vertices(scene.identity, scene.orient, scene.pose, scene.transl)
        fragments = rasterize(vertices, faces, scene.camera)
        seen = visibility(vertices, faces, scene.camera, resolution=(192, 128))
        xy, _ = project_normalized(scene.view.camera, scene.view.vertices[None])
        flow = mesh_flow(fragments, faces, xy)
        still = identity_flow(SIZE, device=vertices.device)
        names = ("nose", "left_wrist")
        return {
            "vertex": seen.vertex,
            "face": seen.face,
            "normals": vertex_normals(vertices, faces),
            "facing": vertex_facing(vertices, faces, scene.camera),
            "pixels": interpolate(fragments, faces, vertices, background=-1),
            "small": resize_flow(flow, (40, 30)).grid,
            "large": resize_flow(flow, (100, 70)).grid,
            "composed": compose(flow, still).grid,
            "soft": soft_silhouette(vertices, faces, scene.camera, sigma=1.0),
            "projected": project(scene.camera, vertices),
            "rays": scene.camera.rays(project(scene.camera, vertices)[..., :2])[1],
            "landmarks": scene.body.landmarks(names, scene.identity.betas, scene.orient, scene.pose, scene.transl),
            "identity": scene.body.identity(scene.identity.betas).vertices,
        }

    with device.loading():
        there = replace(scene, generator=None).to(device.name)
    with device.strict():
        made = beside(there)
    assert {value.device.type for value in made.values()} == {device.name}
    for name, value in beside(scene).items():
        torch.testing.assert_close(device.fetch(made[name]), value, atol=2e-4, rtol=0, msg=name)


@pytest.fixture(scope="module")
def person() -> SourceState:
    """A toy person, learnt from a photo; each vertex of the body is its own texture coordinate."""
    body = copy(toy_body())
    count = len(body.topology.vertex_part)
    uv = torch.stack([torch.linspace(0.1, 0.9, count), torch.linspace(0.9, 0.1, count)], 1)
    body.topology = replace(body.topology, uv=uv, face_uv=body.topology.faces)
    colours = np.random.default_rng(0).integers(0, 255, (16, 3), np.uint8)
    photo = toy_photo(body, colours)
    return lw.encode_source(photo.rgb, body=body, detector=ToyDetector(photo))


@pytest.fixture(scope="module")
def motion(person: SourceState) -> BodyTrack:
    """The person walks two steps to the right, one frame each."""
    track = person.track
    shift = torch.tensor([[0.0, 0.0, 0.0], [0.05, 0.0, 0.1]])
    turn = torch.tensor([[0.0, 0.0, 0.0], [0.0, 0.5, 0.0]])
    return replace(
        track,
        global_orient=track.global_orient + turn,
        body_pose=track.body_pose.repeat(2, 1, 1),
        transl=track.transl + shift,
        fps=25.0,
        confidence=track.confidence.repeat(2),
        observed=track.observed.repeat(2),
    )


def narrow_liquid() -> LiquidGenerator:
    network = LiquidGenerator(SHAPES["AddLWB"].narrowed(1 / 16)).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(1)
    for parameter in network.parameters():
        parameter.copy_(0.1 * torch.randn(parameter.shape, generator=random))
    return network


def narrow_edn() -> EdnGenerator:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        shape = EdnShape((64, 48), width=4, halvings=2, blocks=1, face_width=4, face_halvings=2, face_blocks=1)
        return EdnGenerator(shape).eval().requires_grad_(False)


METHODS: dict[str, Callable[[Scene], Method]] = {
    "surface": lambda scene: SurfaceMethod(),
    "compact": lambda scene: CompactMethod(scene.generator),
    "liquid": lambda scene: LiquidMethod(narrow_liquid()),
    "liquid, temporal": lambda scene: LiquidMethod(narrow_liquid(), temporal=True),
    "few-shot vid2vid, mesh-enriched": lambda scene: FewShotMethod(tiny(given_flow=True, attention=True), (64, 32)),
    "pg2": lambda scene: PoseTransferMethod(tiny_transfer("pg2")),
    "shup": lambda scene: PoseTransferMethod(tiny_transfer("shup")),
    "dsc": lambda scene: PoseTransferMethod(tiny_transfer("dsc")),
    "edn": lambda scene: EdnMethod(narrow_edn()),
    "disco": lambda scene: DiscoMethod(tiny_network(), steps=1),
}


DRAWN = ("few-shot vid2vid, mesh-enriched", "edn")
"""Methods that are told drawings: by rounding a line falls on the pixel beside it, and a network without training makes
much of it."""

BRINGING = ("dsc", "edn", "disco")
"""Methods that draw a skeleton on the CPU, or find transforms of a few joints there, and bring them to the device."""


@pytest.mark.parametrize("task", ["novel_view", "imitate"])
@pytest.mark.parametrize("name", [pytest.param(n, marks=needs_diffusers if n == "disco" else ()) for n in METHODS])
def test_the_whole_loop_stays_on_the_device(
    name: str, task: str, scene: Scene, person: SourceState, motion: BodyTrack, device: FakeDevice, monkeypatch
) -> None:
    # only rounding shall differ
    monkeypatch.setattr("liquidwarp.methods.compact.method.half_precision", full_precision)
    method = METHODS[name](scene)

    def frames(where: str) -> Iterator[Synthesis]:
        if task == "imitate":
            return lw.imitate(person, motion, method=method, device=torch.device(where))
        return lw.novel_view(person, frames=2, degrees=90.0, size=80, method=method, device=torch.device(where))

    wanted = list(frames("cpu"))
    with device.loading():
        pictures = frames(device.name)
    with device.loading() if name in BRINGING else device.strict():
        made = list(pictures)
    most = 40 if name.startswith("few-shot") else 25  # it looks at the frame before too, and where its window lies
    assert name in BRINGING or device.asked <= most * len(made), "every question makes a GPU wait"
    assert len(made) == len(wanted) == 2
    for found, known in zip(made, wanted, strict=True):
        assert {plane.device.type for plane in (found.image, found.alpha, found.coverage)} == {device.name}
        for plane in ("image", "alpha"):
            off = (device.fetch(getattr(found, plane)) - getattr(known, plane)).abs()
            if name in DRAWN:
                assert float(off.mean()) < 0.03
            else:
                assert float(off.max()) < 2e-4
        most_moved = 0.1 if name in DRAWN else 1e-3  # a window that is a pixel further moves all of its outline
        assert (device.fetch(found.coverage) != known.coverage).float().mean() < most_moved
    changes = [
        float((getattr(wanted[0], plane) - getattr(wanted[1], plane)).abs().max()) for plane in ("image", "alpha")
    ]
    assert max(changes) > 0.02, "the body moves"
    network = getattr(method, "generator", getattr(method, "network", torch.nn.Identity()))
    assert all(weight.device.type == "cpu" for weight in network.parameters()), "the caller's stays where it is"


def test_pictures_of_a_device_are_written_and_people_there_dressed(
    person: SourceState, device: FakeDevice, tmp_path: Path
) -> None:
    with device.loading():
        there = lw.transfer_appearance(person.to(device.name), {"upper": person.to(device.name)})
        assert there.device.type == device.name
        frames = [frame for frame in lw.novel_view(there, frames=2, method="surface")]
        assert {frame.image.device.type for frame in frames} == {device.name}, "by default where the person is"
        (shown,) = lw.novel_view(there, frames=1, device="cpu")
        there.save(tmp_path / "there.person")
        assert there.digest() == there.to("cpu").digest()
    assert type(shown.image) is Tensor
    assert shown.image.device.type == "cpu"
    assert lw.SourceState.load(tmp_path / "there.person", person.body).device.type == "cpu"
    fetched = [replace(frame, image=device.fetch(frame.image)) for frame in frames]
    torch.testing.assert_close(fetched[0].image, shown.image, atol=2e-3, rtol=0)
    assert sum(1 for _ in open_video(lw.write_video(fetched, tmp_path / "out.mp4", fps=25))) == 2


@pytest.mark.parametrize("name", ["ICCV", "AttLWB-SPADE", "InputConcat"])
def test_published_generators_stay_there(name: str, device: FakeDevice) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = LiquidGenerator(SHAPES[name].narrowed(0.1)).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(0)
    flow = identity_flow((32, 48), 2)
    grid, valid = flow.grid[None, None].clone(), flow.valid[None, None].clone()
    valid[..., :20] = False
    background, *pictures = (torch.rand(1, n, c, 32, 48, generator=random) for n, c in ((1, 4), (2, 6), (1, 6)))
    charted = (ChartedPicture(picture[:, :, :3], picture[:, :, 3:]) for picture in pictures)
    inputs = (BackgroundInput(background[:, :, :3], background[:, :, 3:]), *charted)
    wanted = network(*inputs, grid, valid).compose()
    with device.loading():
        there, inputs_there = moved(network, device.name), moved((*inputs, grid, valid), device.name)
    with device.strict():
        made = there(*inputs_there).compose()
    assert network.background.color.weight.device.type == "cpu", "the caller's network stays where it is"
    assert device.asked == 0
    torch.testing.assert_close(device.fetch(made), wanted, atol=1e-5, rtol=0)


def test_gradients_stay_there(scene: Scene, device: FakeDevice) -> None:
    def pulled(scene: Scene, vertices: Tensor) -> Tensor:
        faces = scene.body.topology.faces
        fragments = rasterize(vertices, faces, scene.camera, backend="torch")
        xy, _ = project_normalized(scene.view.camera, scene.view.vertices[None])
        warped = warp(scene.photo, mesh_flow(fragments, faces, xy))
        (warped.square().sum() + interpolate(fragments, faces, vertices).sum()).backward()
        assert vertices.grad is not None
        return vertices.grad

    vertices = scene.body.vertices(scene.identity, scene.orient, scene.pose, scene.transl)
    with device.loading():
        there = replace(scene, generator=None).to(device.name)
        leaf = device.put(vertices.clone()).requires_grad_()
    with device.strict():
        made = pulled(there, leaf)
    wanted = pulled(scene, vertices.clone().requires_grad_())
    torch.testing.assert_close(device.fetch(made), wanted, atol=1e-3 * float(wanted.abs().max()), rtol=0)


def make_values() -> list[object]:
    camera = default_camera((4, 6))
    frames = torch.zeros(2)
    track = BodyTrack(
        *("toy", torch.zeros(4), torch.zeros(2, 3), torch.zeros(2, 21, 3), torch.zeros(2, 3), camera, 25.0),
        *(frames, frames.bool()),
    )
    points = Keypoints(("nose",), torch.zeros(2, 1, 2), torch.zeros(2, 1), None, frames.bool(), (4, 6), 25.0, "none")
    fragments = Fragments(torch.zeros(1, 4, 6, dtype=torch.int32), torch.zeros(1, 4, 6, 3), torch.zeros(1, 4, 6))
    flow = Flow(torch.zeros(1, 4, 6, 2), torch.zeros(1, 4, 6, dtype=torch.bool))
    body = toy_body()
    return [camera, track, points, fragments, flow, body, body.identity(torch.zeros(4)), body.topology]


@pytest.mark.parametrize("value", make_values(), ids=lambda value: type(value).__name__)
def test_values_move(value: object) -> None:
    assert value.to("cpu") is value
    there = value.to("meta")
    assert type(there) is type(value)
    tensors = [member for member in vars(there).values() if isinstance(member, Tensor)]
    assert all(member.device.type == "meta" for member in tensors)
    assert there.to("meta") is there
    camera = getattr(there, "camera", None)
    assert camera is None or camera.eye.device.type == "meta"


def test_a_person_moves_but_its_pictures_stay(scene: Scene, device: FakeDevice) -> None:
    track = make_values()[1]
    picture = np.zeros((*SIZE, 3), np.uint8)
    rest = scene.identity.vertices
    texture = scene.texture.arrays()
    state = SourceState(
        *(scene.body, track, torch.zeros_like(rest), texture, picture, picture, picture[..., 0].astype(np.float32)),
        (scene.view,),
    )
    with device.loading():
        there = state.to(device.name)
    assert there.offsets.device.type == device.name
    assert there.body.topology.faces.device.type == device.name
    assert there.views[0].vertices.device.type == device.name
    assert there.views[0].picture is scene.view.picture
    assert there.appearance is texture
    assert there.photo is picture
    assert state.to("cpu") is state


def test_devices_have_names(monkeypatch) -> None:
    assert find_device("cpu").type == "cpu"
    assert find_device().type in ("cpu", "cuda")
    with pytest.raises(InputError, match=f"choose one of {', '.join(DEVICES)}"):
        find_device("tpu")
    there = {"cuda": False, "mps": False}
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there["cuda"])
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: there["mps"])
    for name in ("cuda", "mps"):
        for given in (name, torch.device(name)):
            with pytest.raises(InputError, match=f"device='{name}', but .* no such device here; there is cpu$"):
                find_device(given)
    assert find_device("auto").type == "cpu"
    there["mps"] = True
    assert find_device("auto").type == "mps"
    there["cuda"] = True
    assert find_device("auto").type == "cuda"
    assert find_device(torch.device("cuda", 0)) == torch.device("cuda", 0)
    with pytest.raises(InputError, match=r"device='cuda:1', but .* there is cuda, mps, cpu$"):
        find_device(torch.device("cuda", 1))
    assert find_device(torch.device(FakeDevice().name)).type == FakeDevice().name, "others are PyTorch's business"


def test_precision_follows_the_device() -> None:
    product = torch.ones(2, 2)
    with half_precision(torch.device("cpu")):
        assert (product @ product).dtype == torch.bfloat16
        with full_precision(torch.device("cpu")):
            assert (product @ product).dtype == torch.float32
    for name in ("meta", "mps"):
        with half_precision(torch.device(name)), full_precision(torch.device(name)):
            assert (product @ product).dtype == torch.float32
    assert float64_on(torch.device("cpu")) == torch.float64
    assert float64_on(torch.device("mps")) == torch.float32


def test_a_backend_for_every_device(monkeypatch) -> None:
    assert default_backend(torch.device("cpu")) == "numba"
    assert default_backend(torch.device("mps")) == "numba"
    assert default_backend(torch.device("xpu")) == "torch"
    for installed, wanted in ((object(), "triton"), (None, "torch")):
        monkeypatch.setattr("importlib.util.find_spec", lambda name, found=installed: found)
        assert default_backend(torch.device("cuda")) == wanted


def test_a_device_without_float64_has_the_cpu_rasterise(scene: Scene, device: FakeDevice, monkeypatch) -> None:
    module = sys.modules["liquidwarp.raster.rasterize"]  # its name in the package is the function's
    monkeypatch.setattr(module, "default_backend", lambda device: "numba")
    vertices, faces = scene.view.vertices[None], scene.body.topology.faces
    wanted = rasterize(vertices, faces, scene.camera)
    with device.loading():
        found = rasterize(device.put(vertices), device.put(faces), scene.camera.to(device.name))
    assert found.bary.device.type == device.name
    for name in ("face_index", "bary", "depth"):
        assert torch.equal(device.fetch(getattr(found, name)), getattr(wanted, name))


def test_a_chosen_backend_runs_or_raises(scene: Scene, device: FakeDevice) -> None:
    with device.loading():
        vertices, faces = device.put(scene.view.vertices), device.put(scene.body.topology.faces)
        for call in (
            lambda: rasterize(vertices[None], faces, scene.camera, backend="numba"),
            lambda: render_on_device(scene.texture, scene.body.topology, vertices, scene.camera, backend="numba"),
        ):
            with pytest.raises(InputError, match="backend='numba' runs on the CPU, vertices are on meta"):
                call()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x + torch.zeros(3),
        lambda x: torch.zeros(3, device="cpu"),
        lambda x: torch.tensor([1.0, 2.0]).to(x),
        lambda x: torch.from_numpy(np.zeros(3)),
        lambda x: x.cpu(),
        lambda x: x.numpy(),
        lambda x: np.asarray(x),
        lambda x: x.to("cpu"),
        lambda x: torch.arange(3).to(x.device),
        lambda x: x.expand(1000, 3).tolist(),
    ],
)
def test_the_fake_device_notices(device: FakeDevice, call) -> None:
    tensor = device.put(torch.ones(3))
    with device.strict(), pytest.raises(DeviceError):
        call(tensor)


def test_the_fake_device_computes(device: FakeDevice) -> None:
    tensor = device.put(torch.ones(3))
    with device.strict():
        made = torch.full((3,), 2.0, device=tensor.device) + tensor.new_tensor([1.0, 2.0, 3.0])
        made[0] = 7
        made = made[[0, 2]] * torch.where(made > 4, 10.0, 0.0)[:2]
    assert device.fetch(made).tolist() == [70.0, 0.0]
    with pytest.raises(DeviceError, match="mixes tensors"):
        tensor + torch.zeros(3)
