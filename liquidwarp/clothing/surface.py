"""The rest body prepared for clothes: which way each vertex may go, and how it is tied to its neighbours."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import BodyModel, Identity
from liquidwarp.clothing.match import compatible_parts
from liquidwarp.clothing.tuning import CLOTHING_TUNING, ClothSurfaceTuning
from liquidwarp.mesh.operations import cotangent_laplacian, edge_faces, vertex_normals

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, eq=False)
class ClothSurface:
    """The rest body, prepared.

    Attributes:
        faces: triangles.
        edges: vertex pairs.
        faces_of_edge: the two faces at each edge, or -1.
        part: part label of each vertex.
        compatible: which parts touch.
        direction: unit vector along which each vertex may move.
        base: move that every person gets: feet become shoe-like blocks without gaps between toes.
        stiffness: cotangent stiffness matrix.
        area: area around each vertex, square metres.
        hold: pull of each vertex to the bare body, per metre.
        outward: how far each part's outline may be from the bare one, metres.
        inward: the same, inward.
        tall: height of the person, metres.
    """

    faces: Int[np.ndarray, "F 3"]
    edges: Int[np.ndarray, "E 2"]
    faces_of_edge: Int[np.ndarray, "E 2"]
    part: Int[np.ndarray, "V"]
    compatible: Bool[np.ndarray, "P P"]
    direction: Float[np.ndarray, "V 3"]
    base: Float[np.ndarray, "V 3"]
    stiffness: "csr_matrix"
    area: Float[np.ndarray, "V"]
    hold: Float[np.ndarray, "V"]
    outward: Float[np.ndarray, "P"]
    inward: Float[np.ndarray, "P"]
    tall: float

    @staticmethod
    def create(
        body: BodyModel, identity: Identity, *, tuning: ClothSurfaceTuning = CLOTHING_TUNING.surface
    ) -> "ClothSurface":
        """Prepare a person's rest body."""
        vertices = identity.vertices.detach().cpu().double().numpy()
        faces = body.topology.faces.cpu().numpy()
        part = body.topology.vertex_part.cpu().numpy()
        edges, faces_of_edge = edge_faces(faces)
        stiffness, area = cotangent_laplacian(vertices, faces)
        kinds = [name.removeprefix("left_").removeprefix("right_") for name in PARTS]
        tall = float(np.ptp(vertices[:, 1]))
        hold, outward, inward = dict(tuning.hold), dict(tuning.outward), dict(tuning.inward)
        feet = np.array([kind == "foot" for kind in kinds])[part]
        return ClothSurface(
            faces=faces,
            edges=edges,
            faces_of_edge=faces_of_edge,
            part=part,
            compatible=compatible_parts(),
            direction=_outward_directions(vertices, faces, Heat(stiffness, area, tuning.smoothing * tall)),
            base=_shoes(vertices, feet, Heat(stiffness, area, tuning.shoe * tall)),
            stiffness=stiffness,
            area=area,
            hold=np.array([hold.get(kind, tuning.hold_elsewhere) for kind in kinds])[part],
            outward=np.array([outward[kind] for kind in kinds]) * tall,
            inward=np.array([inward[kind] for kind in kinds]) * tall,
            tall=tall,
        )


class Heat:
    """Smoothing on a surface by one implicit step of heat flow."""

    def __init__(self, stiffness: "csr_matrix", area: np.ndarray, radius: float):
        from scipy.sparse import diags
        from scipy.sparse.linalg import splu

        self._mass = area + 1e-12
        system = diags(self._mass) + radius**2 * stiffness
        self._solver = splu(
            system.tocsc(), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )

    def smooth(self, field: Float[np.ndarray, "V C"]) -> Float[np.ndarray, "V C"]:
        """Return the field, blurred over the radius."""
        return self._solver.solve(self._mass[:, None] * field)


def _outward_directions(vertices: np.ndarray, faces: np.ndarray, heat: Heat) -> np.ndarray:
    """Return the normals of a smoothed body, smoothed again, so that toes and ears do not each go their own way."""
    normals = vertex_normals(torch.from_numpy(heat.smooth(vertices)), torch.from_numpy(faces)).numpy()
    blurred = heat.smooth(normals)
    return blurred / np.maximum(np.linalg.norm(blurred, axis=1, keepdims=True), 1e-12)


def _shoes(vertices: np.ndarray, feet: np.ndarray, heat: Heat) -> np.ndarray:
    """Return the move from bare feet to blocks: smoothing, faded out towards the ankle."""
    weight = np.clip(2 * heat.smooth(feet[:, None].astype(float)) - 1, 0, 1)
    return weight * (heat.smooth(vertices) - vertices)
