"""Training pairs: the surface renderer's pictures beside the truth.

A clip of a person is put through the whole product: one of its frames is the photo, the body is recovered from all
frames, and the surface renderer draws them. So a pair carries the mistakes that the generator will meet: landmarks that
are a little off, clothes fitted to one outline, a guessed back, an inpainted background.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from liquidwarp.appearance import DeviceRendering, render_surface
from liquidwarp.bodies import BodyModel, load_body
from liquidwarp.bodies.parts import part_labels
from liquidwarp.detect import Detector, detect_clip
from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path
from liquidwarp.geometry import project
from liquidwarp.matting import refine_alpha
from liquidwarp.methods.compact import source_input, transfer_input, working_size
from liquidwarp.nn.compact import SourceInput, TransferInput
from liquidwarp.nn.discriminators import boxes_of_points
from liquidwarp.nn.planes import PhotoFlow
from liquidwarp.person import SourceState
from liquidwarp.tasks.recover import fit_clip
from liquidwarp.tasks.source import encode_source
from liquidwarp.tasks.target import imitation_target
from liquidwarp.train.batch import BOXES, PairBatch, TargetTruth
from liquidwarp.types import Camera

_MARGIN = 0.08  # of the picture's height: how far around the body a pair reaches
_MOVING = ("rendered", "target", "normals", "kinds", "grid")
_LEAST_BOX = 2  # pixels: a smaller box shows nothing
_SHOWN = 4  # bit of `PairClip.kinds`: the photo shows the point


@dataclass(frozen=True, eq=False)
class PairClip:
    """Pairs of one person and one photo, as they lie on disk.

    Attributes:
        rendered: surface renderer, premultiplied, and its alpha.
        background: that the product guessed.
        target: the truth, and its alpha.
        normals: of the body, 127 = 1.
        kinds: coverage in the two lowest bits, then one that says whether the photo shows the point.
        grid: flow into the photo, source normalised coordinates.
        source: the photo: premultiplied colours and alpha.
        source_normals: of the body in the photo.
        boxes: around what `BOXES` names in each frame, x0 y0 x1 y1 in pixels; zeros for a face that looks away.
    """

    rendered: UInt8[np.ndarray, "T H W 4"]
    background: UInt8[np.ndarray, "H W 3"]
    target: UInt8[np.ndarray, "T H W 4"]
    normals: Int[np.ndarray, "T H W 3"]
    kinds: UInt8[np.ndarray, "T H W"]
    grid: Float[np.ndarray, "T H W 2"]
    source: UInt8[np.ndarray, "h w 4"]
    source_normals: Int[np.ndarray, "h w 3"]
    boxes: Float[np.ndarray, "T K 4"]

    @property
    def frames(self) -> int:
        """How many pairs there are."""
        return len(self.rendered)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of a pair."""
        return self.rendered.shape[1], self.rendered.shape[2]

    def read(self, frame: int, rows: slice, columns: slice) -> PairBatch:
        """Return one pair, cropped, as a batch of one."""
        cut = {name: getattr(self, name)[frame : frame + 1, rows, columns] for name in _MOVING}
        rendered, target = _planes(cut["rendered"], 255), _planes(cut["target"], 255)
        background, photo = _planes(self.background[None, rows, columns], 255), _planes(self.source[None, None], 255)
        kinds = torch.from_numpy(cut["kinds"])
        coverage = torch.stack([(kinds & 3) == kind for kind in (1, 2, 3)], 1).float()
        boxes = _within(self.boxes[frame], rows, columns, (rendered.shape[2], rendered.shape[3]))
        return PairBatch(
            TransferInput(rendered[:, :3], rendered[:, 3], background, coverage, _planes(cut["normals"], 127)),
            SourceInput.create(photo[:, :, :3], photo[:, :, 3], _planes(self.source_normals[None, None], 127)),
            PhotoFlow(torch.from_numpy(cut["grid"].astype(np.float32))[:, None], ((kinds & _SHOWN) > 0)[:, None]),
            TargetTruth(target[:, :3], target[:, 3], boxes),
        )

    def save(self, path: Path) -> None:
        """Write a safetensors file, atomically."""
        from safetensors.numpy import save

        with atomic_path(path) as partial:
            arrays = {name: np.ascontiguousarray(value) for name, value in vars(self).items()}
            partial.write_bytes(save(arrays))


@dataclass(frozen=True, eq=False)
class PairFile:
    """A written `PairClip`, of which single pairs are read.

    Attributes:
        path: the file.
        frames: how many pairs it holds.
        size: (height, width) of them.
    """

    path: Path
    frames: int
    size: tuple[int, int]

    @staticmethod
    def open(path: Path) -> "PairFile":
        """Look into a file.

        Raises:
            InputError: it is damaged, or holds something else.
        """
        with _opened(path) as file:
            names = [field.name for field in fields(PairClip)]
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in names}
        whole = shapes["rendered"][:3]
        fitting = {shapes[name][:3] for name in _MOVING} == {whole} and shapes["background"][:2] == whole[1:]
        if not fitting or len(whole) < 3 or shapes["boxes"] != (whole[0], len(BOXES), 4):
            raise InputError(f"{path}: not a file of training pairs (its parts do not fit together); make it anew")
        return PairFile(path, whole[0], (whole[1], whole[2]))

    def read(self, frame: int, rows: slice, columns: slice) -> PairBatch:
        """Return one pair as `PairClip.read` does, reading no more than it needs.

        Raises:
            InputError: the file was damaged or removed after it had been opened.
        """
        with _opened(self.path) as file:
            window = (slice(frame, frame + 1), rows, columns)
            cut = {name: file.get_slice(name)[window] for name in _MOVING}
            background = file.get_slice("background")[rows, columns]
            still = {name: file.get_tensor(name) for name in ("source", "source_normals")}
            boxes = file.get_slice("boxes")[frame : frame + 1]
        whole = slice(None)
        here = boxes - np.array([columns.start, rows.start] * 2, np.float32) * (boxes.any(2, keepdims=True))
        return PairClip(**cut, **still, background=background, boxes=here).read(0, whole, whole)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file of pairs; `InputError` where it cannot be read."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np") as file:
            yield file
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: not a file of training pairs ({error}); make it anew") from error


def make_pairs(
    images: UInt8[np.ndarray, "T H W 3"],
    alphas: Float[np.ndarray, "T H W"] | None = None,
    *,
    photo: int = 0,
    fps: float = 12.0,
    body: BodyModel | None = None,
    detector: Detector | None = None,
) -> PairClip:
    """Put a clip with known alphas through the product and set its pictures beside the truth.

    Args:
        images: frames of one person before a background that stands still.
        alphas: the true ones; the detector's, refined, if None.
        photo: the frame that serves as the photo.
        fps: of the clip.
        body: the open body by default.
        detector: see `detect.default_detector`.

    Raises:
        NoPersonError: the detector finds nobody.
    """
    body = body or load_body()
    size = (images.shape[1], images.shape[2])
    state = encode_source(images[photo], body=body, detector=detector)
    found = detect_clip(iter(images), fps=fps, size=size, detector=detector, source="the clip")
    track = fit_clip(body, found)
    kept = torch.nonzero(track.observed)[:, 0].tolist()
    target = imitation_target(body, state.track, track[kept], camera="copy")
    with torch.no_grad():
        vertices = body.vertices(
            body.identity(state.track.betas),
            target.global_orient,
            target.body_pose,
            target.transl,
            offsets=state.offsets,
        )
    if alphas is None:
        assert found.masks is not None
        refined = [
            refine_alpha(images[k], found.masks.frame(k, size).numpy(), landmarks=found.detection(k)) for k in kept
        ]
        true = np.stack(refined)
    else:
        true = alphas[kept]
    return _set_beside(body, state, vertices, target.camera(0), images[kept], _bytes(true))


def photo_pairs(state: SourceState, count: int = 12, *, seed: int = 0) -> PairClip:
    """Set the photo beside pictures of the person in poses that are a little wrong, as fitted poses are.

    Args:
        state: the person.
        count: how many poses.
        seed: of the mistakes.
    """
    body, track = state.body, state.track
    random = torch.Generator().manual_seed(seed)

    def about(values: Tensor, spread: float) -> Tensor:
        return values + spread * torch.randn((count, *values.shape[1:]), generator=random, dtype=torch.float32)

    with torch.no_grad():
        vertices = body.vertices(
            body.identity(track.betas),
            about(track.global_orient, 0.02),
            about(track.body_pose, 0.03),
            about(track.transl, 0.003),
            offsets=state.offsets,
        )
    photo, alpha = (np.repeat(plane[None], count, 0) for plane in (state.photo, _bytes(state.alpha)))
    return _set_beside(body, state, vertices, track.camera, photo, alpha)


def _set_beside(
    body: BodyModel, state: SourceState, vertices: Tensor, camera: Camera, images: np.ndarray, alphas: np.ndarray
) -> PairClip:
    window = _window(project(camera, vertices)[..., :2], camera.size)
    drawn = [_draw(body, state, points, camera, window) for points in vertices]
    truth = np.concatenate([images, alphas[..., None]], -1)
    source = source_input(body, state.views[0], working_size(state.views[0].camera.size))
    seen = source.stacked()[0].permute(1, 2, 0).numpy()
    return PairClip(
        background=state.background[window],
        target=truth[:, window[0], window[1]],
        source=_bytes(seen[..., :4]),
        source_normals=_signed(seen[..., 4:]),
        boxes=find_boxes(body, vertices, _cropped(camera, window)).numpy(),
        **{name: np.stack([frame[name] for frame in drawn]) for name in drawn[0]},
    )


def _draw(
    body: BodyModel, state: SourceState, vertices: Tensor, camera: Camera, window: tuple[slice, slice]
) -> dict[str, np.ndarray]:
    whole = render_surface(state.appearance, body.topology, vertices, camera)
    rgb, alpha, coverage = (np.ascontiguousarray(plane[window]) for plane in (whole.rgb, whole.alpha, whole.coverage))
    part = DeviceRendering(torch.from_numpy(rgb).permute(2, 0, 1), torch.from_numpy(alpha), torch.from_numpy(coverage))
    background = torch.from_numpy(state.background[window].astype(np.float32) / 255).permute(2, 0, 1)
    near = _cropped(camera, window)
    transfer, flow = transfer_input(body, state.views[:1], vertices, near, part, background)
    shown = flow.valid[0, 0].numpy()
    return {
        "rendered": _bytes(np.concatenate([rgb, alpha[..., None]], -1)),
        "normals": _signed(transfer.normals[0].permute(1, 2, 0).numpy()),
        "kinds": coverage | np.where(shown, _SHOWN, 0).astype(np.uint8),
        "grid": flow.grid[0, 0].numpy().astype(np.float16),
    }


def _cropped(camera: Camera, window: tuple[slice, slice]) -> Camera:
    rows, columns = window
    return camera.cropped((columns.start, rows.start), (rows.stop - rows.start, columns.stop - columns.start))


def _window(xy: Tensor, size: tuple[int, int]) -> tuple[slice, slice]:
    margin = _MARGIN * size[0]
    low, high = xy.amin((0, 1)) - margin, xy.amax((0, 1)) + margin
    spans = []
    for axis, length in ((1, size[0]), (0, size[1])):
        start = min(max(int(low[axis]), 0), length - 16)
        stop = max(min(int(high[axis]) + 1, length), start + 16)
        spans.append(slice(start, stop))
    return spans[0], spans[1]


def find_boxes(body: BodyModel, vertices: Float[Tensor, "T V 3"], camera: Camera) -> Float[Tensor, "T K 4"]:
    """Return the boxes around what `BOXES` names, x0 y0 x1 y1 in pixels; zeros for a face that looks away."""
    points = project(camera, vertices)

    def of(part: str) -> Tensor:
        return points[:, torch.isin(body.topology.vertex_part, torch.tensor(part_labels(part)))]

    groups = {"body": "all"}
    boxes = {name: boxes_of_points(of(groups.get(name, name))[..., :2], size=camera.size) for name in BOXES}
    looks_here = of("face")[..., 2].mean(1) < of("hair")[..., 2].mean(1)
    boxes["face"] = torch.where(looks_here[:, None], boxes["face"], torch.zeros_like(boxes["face"]))
    return torch.stack([boxes[name] for name in BOXES], 1)


def _within(boxes: np.ndarray, rows: slice, columns: slice, size: tuple[int, int]) -> Float[Tensor, "1 K 4"]:
    """Return boxes in a crop of (height, width), zeros where little is left of one."""
    height, width = size
    moved = boxes - np.array([columns.start or 0, rows.start or 0] * 2)
    cut = torch.from_numpy(np.clip(moved, 0, [width, height, width, height]).astype(np.float32))
    kept = boxes.any(1) & ((cut[:, 2:] - cut[:, :2]).amin(1) > _LEAST_BOX).numpy()
    return torch.where(torch.from_numpy(kept)[:, None], cut, torch.zeros_like(cut))[None]


def _planes(values: np.ndarray, one: int) -> Tensor:
    return torch.from_numpy(values).movedim(-1, -3).float() / one


def _bytes(values: np.ndarray) -> np.ndarray:
    return (values * 255 + 0.5).clip(0, 255).astype(np.uint8)


def _signed(values: np.ndarray) -> np.ndarray:
    return (values * 127).round().clip(-127, 127).astype(np.int8)
