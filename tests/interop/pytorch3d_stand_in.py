"""What PyTorch3D documents of its classes, as far as conversions ask for it; projections point by point."""

import sys
import types
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor


class Meshes:
    def __init__(self, verts: list[Tensor], faces: list[Tensor]) -> None:
        assert all(face.dtype == torch.int64 for face in faces)
        self._verts, self._faces = verts, faces

    def verts_list(self) -> list[Tensor]:
        return self._verts

    def faces_list(self) -> list[Tensor]:
        return self._faces


class PerspectiveCameras:
    def __init__(
        self,
        focal_length=1.0,
        principal_point=((0.0, 0.0),),
        R=None,
        T=None,
        K=None,
        image_size=None,
        in_ndc=True,
        device="cpu",
    ):
        assert str(device) == "cpu"
        like = R if R is not None else torch.eye(3)[None]
        self.R, self.T, self.K = like, T if T is not None else like.new_zeros(len(like), 3), K
        self.focal_length = torch.as_tensor(focal_length, dtype=like.dtype).reshape(-1, *self._wide(focal_length))
        self.principal_point = torch.as_tensor(principal_point, dtype=like.dtype)
        self.image_size = None if image_size is None else torch.as_tensor(image_size, dtype=like.dtype)
        self._in_ndc = in_ndc

    @staticmethod
    def _wide(value) -> tuple[int, ...]:
        return (2,) if isinstance(value, Tensor) and value.dim() == 2 else ()

    def in_ndc(self) -> bool:
        return self._in_ndc

    def _lens(self, index: int) -> tuple[float, float, float, float]:
        if self.K is not None:
            column = 2 if type(self) is PerspectiveCameras else 3
            matrix = self.K[index]
            return *(float(matrix[i, i]) for i in (0, 1)), *(float(matrix[i, column]) for i in (0, 1))  # type: ignore
        focal = self.focal_length.expand(len(self.R), *self.focal_length.shape[1:])[index].reshape(-1).expand(2)
        return *focal.tolist(), *self.principal_point.expand(len(self.R), 2)[index].tolist()

    def transform_points_screen(self, points: Tensor, size: tuple[int, int]) -> Tensor:
        """Project world points (N P 3) to pixels from the top-left corner, and keep the depth."""
        height, width = size
        half, made = min(height, width) / 2, torch.zeros_like(points)
        for index in range(len(self.R)):
            fx, fy, px, py = self._lens(index)
            for number, point in enumerate(points[index]):
                left, up, away = (point @ self.R[index] + self.T[index]).tolist()
                scale = 1.0 if type(self) is OrthographicCameras else 1 / away
                if self._in_ndc:  # +X left, +Y up, the shorter side from -1 to 1
                    x = width / 2 - half * (fx * left * scale + px)
                    y = height / 2 - half * (fy * up * scale + py)
                else:
                    x, y = px - fx * left * scale, py - fy * up * scale
                made[index, number] = torch.tensor([x, y, away])
        return made


class OrthographicCameras(PerspectiveCameras):
    pass


class FoVPerspectiveCameras:
    pass


@dataclass
class Fragments:
    pix_to_face: Tensor
    zbuf: Tensor
    bary_coords: Tensor
    dists: Tensor | None


@contextmanager
def installed() -> Iterator[None]:
    """Let `import pytorch3d` find these."""
    names = ("pytorch3d", "pytorch3d.structures", "pytorch3d.renderer", "pytorch3d.renderer.mesh")
    modules = {name: types.ModuleType(name) for name in (*names, "pytorch3d.renderer.mesh.rasterizer")}
    for name, module in modules.items():
        parent, _, last = name.rpartition(".")
        if parent:
            setattr(modules[parent], last, module)
    modules["pytorch3d.structures"].Meshes = Meshes  # type: ignore[attr-defined]
    for kind in (PerspectiveCameras, OrthographicCameras):
        setattr(modules["pytorch3d.renderer"], kind.__name__, kind)
    modules["pytorch3d.renderer.mesh.rasterizer"].Fragments = Fragments  # type: ignore[attr-defined]
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module
