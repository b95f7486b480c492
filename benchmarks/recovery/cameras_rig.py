"""Several calibrated cameras around one person: their calibration, made to agree, and the person they see together."""

import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import torch
from scipy.optimize import least_squares

import liquidwarp as lw
from liquidwarp.geometry import axis_angle_to_matrix, project
from liquidwarp.types import Camera

GROUPS = {
    "arms": ("shoulder", "elbow", "wrist", "pinky", "index", "thumb"),
    "legs": ("hip", "knee", "ankle", "heel", "foot_index"),
    "head": ("ear", "eye", "eye_inner", "eye_outer", "mouth"),
}
"""Landmarks that a detector swaps together."""

_QUALISYS_SUBPIXELS = 64
_SURE = 0.5  # confidence from which a landmark counts
_WIDTH = 0.03  # metres between ray and point at which a view counts half
_ROUNDS = 15
_APART = 0.05  # metres: rays that pass a point farther off do not see it
_SWAP_GAIN = 0.7  # part of the cost that a swap must leave for it to be believed
_AGREE = 0.006  # radians at which a view's residual stops counting in full: 10 pixels of a phone's 1920


def unpack(path: Path, folder: Path) -> Path:
    """Return the folder of a clip: `path`, or where a wheel or zip file that has one was unpacked to.

    Raises:
        InputError: there is no calibration file beside clips.
    """
    if path.is_file() and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            calibrations = sorted(name for name in archive.namelist() if name.endswith(".qca.txt"))
            single = [name for name in calibrations if "single" in name.lower()] or calibrations
            home = single[0].rsplit("/", 2)[0] if single else ""
            for name in archive.namelist():
                if single and name.startswith(home) and name.endswith((".qca.txt", ".mp4")):
                    archive.extract(name, folder)
        path = folder
    if not list(path.rglob("*.qca.txt")) or not list(path.rglob("*.mp4")):
        raise lw.InputError(
            f"{path}: no *.qca.txt with *.mp4; give the wheel of pose2sim (pip download --no-deps pose2sim==0.10.49)"
        )
    return calibration_of(path).parents[1]


def calibration_of(home: Path) -> Path:
    """Return the calibration file of a clip's folder."""
    return min(home.rglob("*.qca.txt"))


def read_calibration(path: Path, sizes: dict[str, tuple[int, int]]) -> dict[str, Camera]:
    """Read a Qualisys calibration.

    Convention: its world has +Z up, millimetres; focal lengths and centres are in 64ths of a pixel; the rotation is
    printed by columns, from the camera's axes (+X right, +Y up, +Z back) to the world's. The distortion of the clip at
    hand moves nobody by more than a pixel and is left out.

    Args:
        path: the file.
        sizes: (height, width) of the pictures by camera; others are left out.
    """
    cameras = {}
    for entry in ElementTree.parse(path).getroot().findall("cameras/camera"):
        name, transform, lens = entry.get("serial"), entry.find("transform"), entry.find("intrinsic")
        if name not in sizes or transform is None or lens is None:
            continue
        turn = np.array([[float(transform.get(f"r{row}{column}")) for column in (1, 2, 3)] for row in (1, 2, 3)])
        rotation = np.diag([1.0, -1.0, -1.0]) @ turn
        place = np.array([float(transform.get(axis)) for axis in "xyz"]) / 1000
        focal, center = (
            [float(lens.get(f"{what}{axis}")) / _QUALISYS_SUBPIXELS for axis in "UV"]
            for what in ("focalLength", "centerPoint")
        )
        cameras[name] = Camera(
            torch.tensor(focal, dtype=torch.float64),
            torch.tensor(center, dtype=torch.float64),
            sizes[name],
            torch.from_numpy(rotation),
            torch.from_numpy(-rotation @ place),
        )
    return cameras


def turned(camera: Camera, tilt: float, pan: float) -> Camera:
    """Turn a camera about its own place, in radians."""
    turn = axis_angle_to_matrix(torch.tensor([tilt, pan, 0.0], dtype=torch.float64))
    return replace(camera, rotation=turn @ camera.rotation, translation=turn @ camera.translation)


def refined(cameras: Sequence[Camera], seen: np.ndarray, weight: np.ndarray) -> tuple[list[Camera], np.ndarray]:
    """Pan and tilt each camera until all agree on what they see.

    Args:
        cameras: the cameras.
        seen: landmarks in pixels, (views, points, 2).
        weight: trust in each, (views, points).

    Returns:
        The cameras, and (views, 2) degrees by which each was tilted and panned.
    """
    known = (weight > 0).sum(0) >= min(3, len(cameras))
    picture, trust = seen[:, known], weight[:, known]
    unit = _AGREE * np.stack([camera.focal.numpy() for camera in cameras])[:, None]

    def disagreement(angles: np.ndarray) -> np.ndarray:
        now = [turned(camera, *pair) for camera, pair in zip(cameras, angles.reshape(-1, 2), strict=True)]
        points, _ = triangulate(now, picture, trust)
        apart = np.stack([pixels(camera, points) for camera in now]) - picture
        pull = np.degrees(angles)  # weak: it only settles what no view tells, such as all cameras tilting together
        return np.concatenate([(apart / unit * trust[..., None]).ravel(), pull])

    found = least_squares(disagreement, np.zeros(2 * len(cameras)), loss="cauchy", max_nfev=10)
    angles = found.x.reshape(-1, 2)
    return [turned(camera, *pair) for camera, pair in zip(cameras, angles, strict=True)], np.degrees(angles)


def pixels(camera: Camera, points: np.ndarray) -> np.ndarray:
    """Return where a camera sees points (..., 3) of the world, in pixels."""
    return project(camera, torch.from_numpy(points))[..., :2].numpy()


def triangulate(cameras: Sequence[Camera], seen: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find points from where several cameras see them; a view that is far off stops counting (Geman-McClure).

    Args:
        cameras: the cameras.
        seen: (views, points, 2) pixels.
        weight: (views, points).

    Returns:
        Points (points, 3) in the world, and how far each view's ray passes them, (views, points) metres.
    """
    rays = [camera.rays(torch.from_numpy(picture)) for camera, picture in zip(cameras, seen, strict=True)]
    origin = np.stack([start.numpy() for start, _ in rays])
    along = np.stack([way.numpy() for _, way in rays])
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    across = np.eye(3) - along[..., None] * along[..., None, :]
    trust = weight
    for _ in range(_ROUNDS):
        left = np.einsum("vn,vnij->nij", trust, across) + 1e-9 * np.eye(3)
        right = np.einsum("vn,vnij,vnj->ni", trust, across, origin)
        points = np.linalg.solve(left, right[..., None])[..., 0]
        apart = np.linalg.norm(np.einsum("vnij,vnj->vni", across, points - origin), axis=-1)
        trust = weight / (1 + (apart / _WIDTH) ** 2) ** 2
    return points, apart


def opposite(name: str) -> str:
    """Return the landmark on the other side of the body."""
    for one, other in (("left", "right"), ("right", "left")):
        if name.startswith(one) or name.endswith(one):
            return name.replace(one, other)
    return name


def swapped_columns(names: Sequence[str], kinds: Sequence[str] | None = None) -> list[int]:
    """Return the order of landmarks in which left is right, for some kinds of landmarks or for all."""
    return [
        names.index(opposite(name)) if kinds is None or _kind(name) in kinds else number
        for number, name in enumerate(names)
    ]


def _kind(name: str) -> str:
    return name.replace("left_", "").replace("right_", "").replace("_left", "").replace("_right", "")


def seen_together(
    cameras: Sequence[Camera], seen: np.ndarray, confidence: np.ndarray, names: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Find a person from several views, of which one may take its left for its right, arms, legs and head apart.

    Args:
        cameras: the cameras.
        seen: (views, T, L, 2) pixels.
        confidence: (views, T, L).
        names: of the landmarks.

    Returns:
        Landmarks (T, L, 3) in the world, and whether at least two views agree on each, (T, L).
    """
    views, frames, count = confidence.shape
    points, valid = np.zeros((frames, count, 3)), np.zeros((frames, count), dtype=bool)
    weight = (confidence > _SURE).astype(np.float64)
    grouped = {name: [i for i, n in enumerate(names) if _kind(n) in kinds] for name, kinds in GROUPS.items()}
    grouped["middle"] = [i for i in range(count) if not any(i in group for group in grouped.values())]
    for group, columns in grouped.items():
        if not columns:
            continue
        order = swapped_columns(names, GROUPS.get(group, ()))
        answers = []
        for exchanged in range(-1, views if group in GROUPS else 0):
            picture, trust = seen.copy(), weight.copy()
            if exchanged >= 0:
                picture[exchanged], trust[exchanged] = picture[exchanged][:, order], trust[exchanged][:, order]
            part, sure = picture[:, :, columns], trust[:, :, columns]
            spots, apart = triangulate(cameras, part.reshape(views, -1, 2), sure.reshape(views, -1))
            apart = apart.reshape(views, frames, -1)
            near = sure * (apart < _APART)
            cost = (sure * np.minimum(apart / _APART, 1) ** 2).sum((0, 2)) / (1 if exchanged < 0 else _SWAP_GAIN)
            answers.append((cost, spots.reshape(frames, -1, 3), near.sum(0) >= 2))
        best = np.stack([cost for cost, _, _ in answers]).argmin(0)
        for frame in range(frames):
            points[frame, columns] = answers[best[frame]][1][frame]
            valid[frame, columns] = answers[best[frame]][2][frame]
    return points, valid
