"""A textured body with skeleton and animation as glTF 2.0 in one file (GLB), for Blender, browsers and game engines.

Source: Khronos, "glTF 2.0 Specification". Written axes: +X to the person's left, +Y up, +Z to the front, metres.
"""

import io
import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from liquidwarp.bodies import BodyModel
from liquidwarp.bodies.rigged import RiggedBody
from liquidwarp.checks import check_shape
from liquidwarp.errors import InputError
from liquidwarp.files import atomic_path
from liquidwarp.geometry import axis_angle_to_matrix, matrix_to_axis_angle
from liquidwarp.motion.bone_names import body_bones
from liquidwarp.types import BodyTrack

_AXES = np.array([1.0, -1.0, -1.0])
_FLOAT, _USHORT, _UINT = 5126, 5123, 5125
_ARRAYS, _INDICES = 34962, 34963
_WIDTHS = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4", 16: "MAT4"}
_INFLUENCES = 4  # joints that move a vertex, all that viewers promise
_STILL_RATE = 25.0


@dataclass(frozen=True, eq=False)
class Texture:
    """A picture wrapped around a body.

    Attributes:
        picture: the atlas.
        corners: where each face's corners lie in it, from (0, 0) at its top left to (1, 1).
    """

    picture: UInt8[np.ndarray, "H W 3"]
    corners: Float[np.ndarray, "F 3 2"]


@dataclass(frozen=True, eq=False)
class SkinnedSurface:
    """A mesh that a body's joints carry.

    Attributes:
        rest: vertices at rest, metres, as in `Identity`.
        faces: triangles, as in `Topology`.
        weights: of all joints; rows sum to 1.
    """

    rest: Float[Tensor, "P 3"]
    faces: Int[Tensor, "Q 3"]
    weights: Float[Tensor, "P J"]


class _Buffer:
    """The binary part of a GLB and the tables that describe it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def view(self, data: bytes, target: int | None = None) -> int:
        """Add bytes; return the number of their view."""
        self.data += b"\0" * (-len(self.data) % 4)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": len(data)}
        self.views.append(view if target is None else view | {"target": target})
        self.data += data
        return len(self.views) - 1

    def array(self, array: np.ndarray, kind: int, target: int | None = None, *, bounds: bool = False) -> int:
        """Add an array; return the number of its accessor."""
        dtype = {_FLOAT: "<f4", _USHORT: "<u2", _UINT: "<u4"}[kind]
        array = np.ascontiguousarray(array, dtype=dtype)
        flat = array.reshape(len(array), -1)
        accessor: dict[str, Any] = {
            "bufferView": self.view(array.tobytes(), target),
            "componentType": kind,
            "count": len(array),
            "type": _WIDTHS[flat.shape[1]],
        }
        if bounds:
            accessor |= {"min": flat.min(0).tolist(), "max": flat.max(0).tolist()}
        self.accessors.append(accessor)
        return len(self.accessors) - 1


def write_glb(
    path: str | Path,
    track: BodyTrack,
    body: BodyModel,
    *,
    offsets: Float[Tensor, "V 3"] | None = None,
    texture: Texture | None = None,
    surface: SkinnedSurface | None = None,
    names: str = "own",
) -> None:
    """Write a body doing a motion, atomically; the same motion gives the same bytes.

    Viewers promise four joints per vertex. Where the body has more, joints that move as one in this motion (a finger
    that is never bent, and its hand) are taken together, which changes nothing; if they are still too many, those that
    move the vertex least are left out (a centimetre at worst, under a raised arm). Corrections that depend on the pose
    (SMPL's) are left out.

    Args:
        path: a name that ends in .glb.
        track: the motion.
        body: the body of the track.
        offsets: clothes and hair, metres from the rest body.
        texture: what the surface looks like; light grey by default.
        surface: what is carried by the body's joints; its own surface with `offsets` by default.
        names: what bones are called, one of `BONE_NAMES`.

    Raises:
        InputError: the body has no skinning weights, the texture is of another body, or no such naming.
        OutputError: the file cannot be written.
    """
    if not isinstance(body, RiggedBody):
        raise InputError(f"body {body.name!r} has no skinning weights; give one from load_body")
    called = body_bones(body, names)
    identity = body.identity(track.betas)
    if surface is None:
        clothed = identity.vertices if offsets is None else identity.vertices + offsets
        surface = SkinnedSurface(clothed, body.topology.faces, body.weights.dense)
    faces = surface.faces.numpy()
    if texture is not None:
        check_shape("texture.corners", torch.from_numpy(texture.corners), (len(faces), 3, 2))
    buffer = _Buffer()
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "generator": "liquidwarp", "extras": {"synthetic": True}},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
    }
    joints = identity.joints.double().numpy() * _AXES
    weights = four_joints(surface.weights.numpy(), joints_together(body.parents, track))
    primitive = _surface(buffer, surface.rest.numpy() * _AXES, faces, weights, texture)
    document["meshes"] = [{"name": "person", "primitives": [primitive]}]
    document["materials"] = [_material(texture)]
    if texture is not None:
        document |= _picture(buffer, texture.picture)
    document["nodes"] = _nodes(body, joints, called)
    inverse = np.tile(np.eye(4), (len(joints), 1, 1))
    inverse[:, :3, 3] = -joints
    matrices = buffer.array(inverse.transpose(0, 2, 1), _FLOAT)  # by columns
    numbers = list(range(2, 2 + len(joints)))
    document["skins"] = [{"joints": numbers, "skeleton": numbers[0], "inverseBindMatrices": matrices}]
    document["animations"] = [_animation(buffer, track, joints)]
    document |= {"bufferViews": buffer.views, "accessors": buffer.accessors}
    document["buffers"] = [{"byteLength": len(buffer.data) + -len(buffer.data) % 4}]
    with atomic_path(path) as partial:
        partial.write_bytes(_joined(document, bytes(buffer.data)))


def _joined(document: dict[str, Any], data: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    data += b"\0" * (-len(data) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(data))
    return head + struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(data), b"BIN\0") + data


def _surface(
    buffer: _Buffer,
    rest: np.ndarray,
    faces: Int[np.ndarray, "F 3"],
    weights: tuple[np.ndarray, np.ndarray],
    texture: Texture | None,
) -> dict[str, Any]:
    """Write the mesh; corners that share a vertex but not their place in the texture become vertices of their own."""
    normals = _normals(rest, faces)
    origin, indices, places = np.arange(len(rest)), faces.ravel(), None
    if texture is not None:
        keys = np.concatenate([faces.reshape(-1, 1), np.round(texture.corners.reshape(-1, 2) * 65536)], axis=1)
        unique, first, indices = np.unique(keys.astype(np.int64), axis=0, return_index=True, return_inverse=True)
        origin, places = unique[:, 0], texture.corners.reshape(-1, 2)[first]
    most, heaviest = weights
    attributes = {
        "POSITION": buffer.array(rest[origin], _FLOAT, _ARRAYS, bounds=True),
        "NORMAL": buffer.array(normals[origin], _FLOAT, _ARRAYS),
        "JOINTS_0": buffer.array(most[origin], _USHORT, _ARRAYS),
        "WEIGHTS_0": buffer.array(heaviest[origin], _FLOAT, _ARRAYS),
    }
    if places is not None:
        attributes["TEXCOORD_0"] = buffer.array(places, _FLOAT, _ARRAYS)
    return {
        "attributes": attributes,
        "indices": buffer.array(np.ravel(indices), _UINT, _INDICES),
        "material": 0,
    }


def joints_together(parents: tuple[int, ...], track: BodyTrack) -> Int[np.ndarray, "J"]:
    """Return for each joint the first joint that moves as it does throughout a motion: itself if it ever turns."""
    turned = track.body_pose.abs().amax(dim=(0, 2)) > 0
    first: list[int] = []
    for joint, parent in enumerate(parents):
        first.append(joint if parent < 0 or bool(turned[joint - 1]) else first[parent])
    return np.array(first)


def four_joints(
    weights: Float[np.ndarray, "V J"], together: Int[np.ndarray, "J"]
) -> tuple[Int[np.ndarray, "V 4"], Float[np.ndarray, "V 4"]]:
    """Choose the joints that move each vertex, and their weights; others give theirs to one that moves as they do.

    Args:
        weights: of all joints; rows sum to 1.
        together: see `joints_together`.
    """
    weights = weights.astype(np.float64)
    for vertex in np.flatnonzero((weights > 0).sum(axis=1) > _INFLUENCES):
        row = weights[vertex]
        total = np.bincount(together, row, len(row))
        heaviest = [int(np.where(together == group, row, -1.0).argmax()) for group in np.argsort(-total, kind="stable")]
        leaders = heaviest[: min(_INFLUENCES, int((total > 0).sum()))]
        others = [int(joint) for joint in np.argsort(-row, kind="stable") if joint not in leaders]
        kept = leaders + others[: _INFLUENCES - len(leaders)]
        moved = np.zeros_like(row)
        moved[kept] = row[kept]
        for leader in leaders:
            moved[leader] += total[together[leader]] - moved[together == together[leader]].sum()
        weights[vertex] = moved
    most = np.argsort(-weights, axis=1, kind="stable")[:, :_INFLUENCES]
    largest = np.take_along_axis(weights, most, axis=1)
    return np.where(largest > 0, most, 0), largest / largest.sum(axis=1, keepdims=True)


def _normals(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    a, b, c = (vertices[faces[:, corner]] for corner in range(3))
    across = np.cross(b - a, c - a)
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, faces[:, corner], across)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.where(length > 1e-12, normals / np.maximum(length, 1e-12), (0.0, 0.0, 1.0))


def _material(texture: Texture | None) -> dict[str, Any]:
    look: dict[str, Any] = {"metallicFactor": 0.0, "roughnessFactor": 1.0}
    if texture is None:
        return {"name": "skin", "pbrMetallicRoughness": look | {"baseColorFactor": [0.7, 0.7, 0.7, 1.0]}}
    # Photos carry their own light: shown as they are where the viewer can, without a lamp.
    return {
        "name": "photo",
        "pbrMetallicRoughness": look | {"baseColorTexture": {"index": 0}},
        "extensions": {"KHR_materials_unlit": {}},
        "doubleSided": True,
    }


def _picture(buffer: _Buffer, picture: np.ndarray) -> dict[str, Any]:
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, format="PNG")
    return {
        "images": [{"mimeType": "image/png", "bufferView": buffer.view(stream.getvalue())}],
        "samplers": [{"magFilter": 9729, "minFilter": 9729, "wrapS": 33071, "wrapT": 33071}],
        "textures": [{"source": 0, "sampler": 0}],
        "extensionsUsed": ["KHR_materials_unlit"],
    }


def _nodes(body: RiggedBody, joints: np.ndarray, names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return the person, the mesh, and a node per joint."""
    nodes: list[dict[str, Any]] = [{"name": "person", "children": [1, 2]}, {"name": "mesh", "mesh": 0, "skin": 0}]
    for joint, name in enumerate(names):
        parent = body.parents[joint]
        place = joints[joint] - (joints[parent] if parent >= 0 else 0)
        children = [2 + child for child, above in enumerate(body.parents) if above == joint]
        node = {"name": name, "translation": [float(number) for number in place]}
        nodes.append(node | {"children": children} if children else node)
    return nodes


def _animation(buffer: _Buffer, track: BodyTrack, joints: np.ndarray) -> dict[str, Any]:
    """Write how the root moves, and how those joints turn that turn at all."""
    rate = track.fps or _STILL_RATE
    times = buffer.array(np.arange(len(track)) / rate, _FLOAT, bounds=True)
    pose = torch.cat([track.global_orient[:, None], track.body_pose], dim=1).double()
    turns = _quaternions(axis_angle_to_matrix(pose * torch.from_numpy(_AXES)))
    samplers = [{"input": times, "output": buffer.array(track.transl.numpy() * _AXES + joints[0], _FLOAT)}]
    channels = [{"sampler": 0, "target": {"node": 2, "path": "translation"}}]
    for joint in range(turns.shape[1]):
        if not bool(pose[:, joint].any()):
            continue
        channels.append({"sampler": len(samplers), "target": {"node": 2 + joint, "path": "rotation"}})
        samplers.append({"input": times, "output": buffer.array(turns[:, joint], _FLOAT)})
    named = [sampler | {"interpolation": "LINEAR"} for sampler in samplers]
    return {"name": "motion", "samplers": named, "channels": channels}


def _quaternions(turns: Float[Tensor, "T J 3 3"]) -> Float[np.ndarray, "T J 4"]:
    """Return (x, y, z, w), each the nearer of its two signs to the frame before."""
    vector = matrix_to_axis_angle(turns)
    angle = vector.norm(dim=-1, keepdim=True)
    axis = torch.where(angle > 1e-12, vector / angle.clamp(min=1e-12), torch.zeros_like(vector))
    quaternions = torch.cat([axis * (angle / 2).sin(), (angle / 2).cos()], dim=-1).numpy()
    same = (quaternions[1:] * quaternions[:-1]).sum(-1, keepdims=True) >= 0
    signs = np.cumprod(np.where(same, 1.0, -1.0), axis=0)
    quaternions[1:] *= signs
    return quaternions
