"""What was seen by a camera that moved, as one that stood would have seen it.

The fit knows one camera. So landmarks, hands, faces and masks of each frame are brought into the picture of the clip's
camera (`CameraPath`), on a canvas that is large enough for all places where the person was.
"""

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from liquidwarp.camera_motion import CameraMotion
from liquidwarp.detect import ClipDetection, Face, Hand, Hands, MaskStack
from liquidwarp.fit.prior import shortest_rotation
from liquidwarp.fit.tuning import FIT_TUNING, MovingTuning
from liquidwarp.geometry import default_camera, field_of_view
from liquidwarp.types import BodyTrack, Camera, CameraPath, Keypoints

_AHEAD = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64)
_UNSEEN = 1e-6  # weight of a landmark that nobody saw
_FARTHEST = 0.1  # cosine of the angle to the axis: what is farther aside is in no picture


@dataclass(frozen=True, eq=False)
class SteadyView:
    """A clip as a camera that stood would have seen it.

    Attributes:
        found: what was seen, on the canvas; its `motion` is None.
        path: how the camera moved.
        camera: the clip's camera.
        canvas: the same camera with a larger picture around the same middle.
    """

    found: ClipDetection
    path: CameraPath
    camera: Camera
    canvas: Camera

    def finish(self, track: BodyTrack) -> BodyTrack:
        """Return a track that was fitted on the canvas as one of the clip, with the camera's path."""
        across, down = self._corner()
        face = track.face
        if face is not None:
            shift = torch.tensor([across, down], dtype=face.center.dtype)
            face = replace(face, center=torch.where((face.presence > 0)[:, None], face.center - shift, face.center))
        return replace(track, camera=self.picture(track.camera), path=self.path, face=face)

    def picture(self, camera: Camera) -> Camera:
        """Return a camera of the canvas as one of the clip's pictures."""
        return camera.cropped(self._corner(), self.camera.size)

    def _corner(self) -> tuple[int, int]:
        (tall, wide), (height, width) = self.canvas.size, self.camera.size
        return (wide - width) // 2, (tall - height) // 2


def hold_still(
    found: ClipDetection,
    motion: CameraMotion,
    *,
    camera: Camera | None = None,
    fov: float | None = None,
    tuning: MovingTuning = FIT_TUNING.moving,
) -> SteadyView:
    """Bring all that was seen of a person into the picture of one camera.

    Convention: pixels as `Camera`.

    Args:
        found: what a detector saw, each frame in its own pixels.
        motion: how the camera moved.
        camera: the clip's lens, if it is known; of its first frame where it zooms.
        fov: its field of view along the longer side, degrees, if nothing but that is known.
        tuning: how far the canvas reaches.
    """
    size = found.keypoints.size
    known = fov if camera is None else field_of_view(camera)
    path, fov = motion.path(fov=known)
    clip = camera if camera is not None else default_camera(size, fov=fov)
    camera = clip.at_origin()
    looks = [path.camera(camera, frame) for frame in range(len(path))]
    points = found.keypoints
    spots = torch.stack([_onto(camera, look, image) for look, image in zip(looks, points.image.double(), strict=True)])
    seen = spots[points.confidence > tuning.least_confidence]
    canvas = _canvas(clip, seen, tuning)
    shift = torch.tensor([(canvas.size[1] - size[1]) // 2, (canvas.size[0] - size[0]) // 2], dtype=torch.float64)
    keypoints = replace(points, image=(spots + shift).float(), size=canvas.size, world=_turned(points, camera, looks))
    hands = tuple(
        None if both is None else Hands(*(_hand(hand, camera, look, shift) for hand in (both.left, both.right)))
        for both, look in zip(found.hands, looks, strict=False)
    )
    faces = tuple(
        None if face is None else _face(face, camera, look, shift)
        for face, look in zip(found.faces, looks, strict=False)
    )
    masks = None if found.masks is None else _masks(found.masks, canvas.at_origin(), looks, max(size), tuning)
    corners = torch.stack(
        [_onto(camera, look, box.double().view(2, 2)) + shift for look, box in zip(looks, found.boxes, strict=True)]
    )
    boxes = torch.where(points.present[:, None], corners.flatten(1).float(), found.boxes)
    steady = replace(found, keypoints=keypoints, hands=hands, faces=faces, masks=masks, boxes=boxes, motion=None)
    return SteadyView(steady, path, clip, canvas)


def _onto(camera: Camera, look: Camera, pixels: Float64[Tensor, "N 2"]) -> Float64[Tensor, "N 2"]:
    """Return where the clip's camera shows what a frame shows; both at one place."""
    plane = look.on_plane(pixels)
    rays = look.turn_to_world(torch.cat([plane, torch.ones_like(plane[:, :1])], -1))
    return camera.to_pixels(torch.cat([rays[:, :2], rays[:, 2:].clamp_min(_FARTHEST)], -1))


def _canvas(camera: Camera, seen: Float64[Tensor, "N 2"], tuning: MovingTuning) -> Camera:
    """Return the camera with a picture that reaches to both sides as far as people were."""
    height, width = camera.size
    margins = []
    for axis, side in enumerate((width, height)):
        most = int(tuning.most_margin * side)
        far = (seen[:, axis] - side / 2).abs().amax() - side / 2 if len(seen) else 0.0
        margins.append(min(most, max(0, math.ceil(float(far) + tuning.room * side))))
    across, down = margins
    return camera.cropped((-across, -down), (height + 2 * down, width + 2 * across))


def _to_clip(camera: Camera, look: Camera, middle: Float64[Tensor, "2"]) -> Float64[Tensor, "3 3"]:
    """Return the turn from what a detector saw along a frame's ray to the same along the clip's camera's ray.

    Detectors look along the ray to what they see, and the fit takes that into account; what is left is the roll.
    """
    there = _onto(camera, look, middle[None])
    ray, own = (
        shortest_rotation(_AHEAD, torch.nn.functional.pad(view.on_plane(spot), (0, 1), value=1.0))[0]
        for view, spot in ((look, middle[None]), (camera, there))
    )
    return own.T @ look.turn_to_world(ray.T.contiguous()).T


def _turned(points: Keypoints, camera: Camera, looks: list[Camera]) -> Float[Tensor, "T L 3"] | None:
    if points.world is None:
        return None
    weight = points.confidence.double()[..., None] + _UNSEEN
    middles = (points.image.double() * weight).sum(1) / weight.sum(1)
    turns = torch.stack([_to_clip(camera, look, middle) for look, middle in zip(looks, middles, strict=True)])
    return (points.world.double() @ turns.transpose(1, 2)).float()


def _hand(hand: Hand | None, camera: Camera, look: Camera, shift: Float64[Tensor, "2"]) -> Hand | None:
    if hand is None or not np.isfinite(hand.image).all():
        return hand
    image = torch.from_numpy(np.asarray(hand.image, np.float64))
    turn = _to_clip(camera, look, image.mean(0)).numpy()
    spots = (_onto(camera, look, image) + shift).numpy()
    return replace(hand, image=spots.astype(hand.image.dtype), world=(hand.world @ turn.T).astype(hand.world.dtype))


def _face(face: Face, camera: Camera, look: Camera, shift: Float64[Tensor, "2"]) -> Face:
    if not np.isfinite(face.points).all():
        return face
    mesh = torch.from_numpy(np.asarray(face.points, np.float64))
    middle = mesh[:, :2].mean(0)
    turn = _to_clip(camera, look, middle)
    ends = torch.stack([middle, middle + torch.tensor([1.0, 0.0], dtype=torch.float64)])
    there = _onto(camera, look, ends)
    scale = (there[1] - there[0]).norm()
    about = mesh - torch.nn.functional.pad(middle, (0, 1))
    moved = scale * (about @ turn.T) + torch.nn.functional.pad(there[0] + shift, (0, 1))
    return replace(face, points=moved.numpy().astype(face.points.dtype))


def _masks(masks: MaskStack, canvas: Camera, looks: list[Camera], side: int, tuning: MovingTuning) -> MaskStack:
    """Bring masks onto the canvas; what the edge of a frame cuts off is continued."""
    longer = min(tuning.most_mask, round(max(masks.size) / side * max(canvas.size)))
    fitted = longer / max(canvas.size)
    size = max(1, round(fitted * canvas.size[0])), max(1, round(fitted * canvas.size[1]))
    large = canvas.resized(size)
    height, width = masks.size
    corners = torch.tensor([[0, 0], [width, 0], [width, height], [0, height]], dtype=torch.float64)

    def turned(frame: int) -> np.ndarray | None:
        if not masks.packed[frame]:
            return None
        spots = _onto(large, looks[frame].resized(masks.size), corners)
        matrix = cv2.getPerspectiveTransform(
            (corners.numpy() - 0.5).astype(np.float32), (spots.numpy() - 0.5).astype(np.float32)
        )
        return cv2.warpPerspective(
            masks.frame(frame).numpy(), matrix, size[::-1], flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )

    return MaskStack.pack((turned(frame) for frame in range(len(masks))), size)
