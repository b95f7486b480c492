"""Landmarks of the newest frame to a body at once, from it and the few before."""

from collections import deque
from dataclasses import fields

import torch
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.errors import InputError, NoPersonError
from liquidwarp.geometry import default_camera
from liquidwarp.regress.landmark_network import LandmarkNetwork
from liquidwarp.regress.landmarks import (
    check_view,
    first_poses,
    load_landmark_network,
    open_body,
    regressor_start,
    settle,
    stride_of,
    track_of,
)
from liquidwarp.regress.observed import Observed, observe
from liquidwarp.types import BodyTrack, Camera, Keypoints


class LiveRegressor:
    """Follow one person frame by frame, without a look ahead: `answer` is called once per frame, in order.

    The network sees the newest frame and the `network.reach` before it; the shape is the mean of all so far.

    Args:
        fps: rate at which frames come.
        camera: of the pictures; by default `geometry.default_camera` of the first one's size.
        network: by default the one that comes with liquidwarp.
    """

    def __init__(self, fps: float, *, camera: Camera | None = None, network: LandmarkNetwork | None = None) -> None:
        if fps <= 0:
            raise InputError(f"fps={fps} is no rate; give the frames per second, or use regress_landmarks for pictures")
        self._camera, self._network = camera, network or load_landmark_network()
        self._stride = stride_of(fps)
        self._past: deque[Observed] = deque(maxlen=self._network.reach * self._stride + 1)
        self._shapes: Tensor | None = None
        self._weight = 0.0
        self._last: tuple[Tensor, Tensor] | None = None

    @property
    def body(self) -> BodyModel:
        """The body of the answers."""
        return open_body()

    def answer(self, keypoints: Keypoints) -> BodyTrack:
        """Answer a track of one frame; where nobody is seen the person stays as in the frame before.

        Args:
            keypoints: of the newest frame alone.

        Raises:
            NoPersonError: nobody was seen so far.
            InputError: more than one frame, an orthographic camera, or one for pictures of another size.
        """
        if len(keypoints.present) != 1:
            raise InputError(f"{len(keypoints.present)} frames at once; give one, or use regress_landmarks for a clip")
        self._camera = self._camera if self._camera is not None else default_camera(keypoints.size)
        check_view(self._camera, keypoints.size)
        weight = 0.0
        if bool(keypoints.present):
            with torch.no_grad():
                weight = self._look(keypoints)
        elif self._past:
            self._past.popleft()
        if self._last is None or self._shapes is None:
            raise NoPersonError("no person in any frame so far; try a lower detection threshold")
        rotations, place = self._last
        shape = self._shapes / self._weight
        return track_of(rotations, place, shape, self._camera, keypoints, torch.full((1,), weight, dtype=torch.float32))

    def _look(self, keypoints: Keypoints) -> float:
        assert self._camera is not None
        observed = observe(keypoints, self._camera)
        self._past.append(observed)
        seen = list(self._past)[:: -self._stride][::-1]
        names = [field.name for field in fields(Observed)]
        joined = Observed(*(torch.cat([getattr(frame, name) for frame in seen])[None] for name in names))
        start = first_poses(*regressor_start(), observed)[None]
        found = self._network(joined, start, newest=True)[-1]
        weight = float(observed.weight.mean())
        betas = max(weight, 1e-6) * found.betas[0]
        self._shapes = betas if self._shapes is None else self._shapes + betas
        self._weight += max(weight, 1e-6)
        self._last = settle(self._network, observed, found.rotations, self._shapes / self._weight)[:2]
        return weight
