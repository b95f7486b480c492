"""Time the rasterisers on a procedural body, interleaved; print a table and write JSON.

    python benchmarks/raster/run.py [--out results.json] [--sizes 256 512 1024] [--rounds 11] [--threads 2]

What is timed: `rasterize` from world vertices to `Fragments` (projection and allocation of the results included),
without and with a backward pass from random gradients of `bary` and `depth`; `soft_silhouette` with its backward;
`visibility`; `mesh_flow`; `warp` of an RGB picture by that flow; Embree (if `embreex` is installed): build of the
acceleration structure plus one ray for each pixel of the body's box, on one thread, as its Python binding runs. All
competitors of a row run round robin, after two warm-ups; the table gives medians and minima, the JSON also quartiles.
Absolute times on a shared machine are upper estimates; ratios within a row are sound.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from liquidwarp.flow import mesh_flow, project_normalized, visibility, warp
from liquidwarp.geometry import pixel_centers, project
from liquidwarp.raster import rasterize, soft_silhouette
from liquidwarp.types import Camera

sys.path.insert(0, str(Path(__file__).parents[1]))
from timing import check_summary, interleaved, machine, summary

SCHEMA = "liquidwarp-raster/1"

# Middle x, y (metres from the navel), radius, length, share of the faces: head, trunk, two arms, two hands, legs, feet.
PARTS = (
    (0.00, -0.72, 0.10, 0.08, 0.16),
    (0.00, -0.25, 0.17, 0.40, 0.18),
    (-0.32, -0.25, 0.05, 0.50, 0.09),
    (0.32, -0.25, 0.05, 0.50, 0.09),
    (-0.32, 0.10, 0.045, 0.08, 0.12),
    (0.32, 0.10, 0.045, 0.08, 0.12),
    (-0.11, 0.45, 0.08, 0.62, 0.08),
    (0.11, 0.45, 0.08, 0.62, 0.08),
    (-0.11, 0.80, 0.06, 0.06, 0.04),
    (0.11, 0.80, 0.06, 0.06, 0.04),
)


def capsule_man(face_count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Ten closed capsules, about `face_count` faces in all, three metres before the camera."""
    vertices, faces, start = [], [], 0
    for x, y, radius, length, share in PARTS:
        rings = max(4, round(math.sqrt(share * face_count / 2 * 1.4)))
        spokes = max(4, round(share * face_count / 2 / rings))
        theta = torch.linspace(1e-3, math.pi - 1e-3, rings + 1)[:, None]
        phi = torch.linspace(0, 2 * math.pi, spokes + 1)[:-1]
        along = -theta.cos() * radius + length * (theta / math.pi - 0.5)
        points = [
            theta.sin() * phi.cos() * radius + x,
            along.expand(-1, spokes) + y,
            theta.sin() * phi.sin() * radius + 3,
        ]
        vertices.append(torch.stack(points, -1).reshape(-1, 3))
        i = torch.arange(rings)[:, None] * spokes + torch.arange(spokes)
        j = torch.arange(rings)[:, None] * spokes + (torch.arange(spokes) + 1) % spokes
        both = [torch.stack([i, i + spokes, j], -1), torch.stack([j, i + spokes, j + spokes], -1)]
        faces.append(torch.stack(both, 2).reshape(-1, 3) + start)
        start += len(vertices[-1])
    return torch.cat(vertices)[None].contiguous(), torch.cat(faces).int()


def embree_call(vertices: torch.Tensor, faces: torch.Tensor, camera: Camera) -> Callable[[], object] | None:
    try:
        from embreex.mesh_construction import TriangleMesh
        from embreex.rtcore_scene import EmbreeScene
    except ImportError:
        return None
    xy = project(camera, vertices)[0, :, :2]
    (left, top), (right, bottom) = (xy.amin(0).floor().int().tolist(), xy.amax(0).ceil().int().tolist())
    centers = pixel_centers(camera.size)[max(top, 0) : bottom, max(left, 0) : right].reshape(-1, 2)
    rays = torch.cat([(centers - camera.center) / camera.focal, torch.ones(len(centers), 1)], 1).numpy()
    origins = np.zeros_like(rays)

    def call() -> object:
        scene = EmbreeScene()
        TriangleMesh(scene, vertices[0][faces.long()].numpy())
        return scene.run(origins, rays)

    return call


def competitors(face_count: int, size: int, with_torch: bool) -> dict[str, Callable[[], object]]:
    vertices, faces = capsule_man(face_count)
    camera = Camera.create(1.5 * size, (size, size))
    fragments = rasterize(vertices, faces, camera)
    xy, _ = project_normalized(camera, vertices)
    flow, picture = mesh_flow(fragments, faces, xy), torch.rand(1, 3, size, size)
    grads = [torch.randn_like(fragments.bary), torch.randn_like(fragments.depth)]

    def with_backward(backend: str) -> None:
        points = vertices.clone().requires_grad_()
        result = rasterize(points, faces, camera, backend=backend)
        torch.autograd.backward([result.bary, result.depth], grads)

    def silhouette() -> None:
        points = vertices.clone().requires_grad_()
        soft_silhouette(points, faces, camera, sigma=2.0).sum().backward()

    calls: dict[str, Callable[[], object]] = {
        "numba": lambda: rasterize(vertices, faces, camera, backend="numba"),
        "numba+bwd": lambda: with_backward("numba"),
        "silhouette+bwd": silhouette,
        "visibility": lambda: visibility(vertices, faces, camera),
        "mesh_flow": lambda: mesh_flow(fragments, faces, xy),
        "warp": lambda: warp(picture, flow),
    }
    if with_torch:
        calls["torch"] = lambda: rasterize(vertices, faces, camera, backend="torch")
        calls["torch+bwd"] = lambda: with_backward("torch")
    embree = embree_call(vertices, faces, camera)
    if embree is not None:
        calls["embree"] = embree
    return calls


def check(results: dict) -> None:
    """Raise `ValueError` unless `results` follow the schema."""
    if results.get("schema") != SCHEMA or results.get("unit") != "ms" or not results.get("rows"):
        raise ValueError(f"not a {SCHEMA} result")
    for row in results["rows"]:
        for name, times in row["ms"].items():
            check_summary(f"{name} at {row['faces']} faces, {row['size']} px", times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024])
    parser.add_argument("--faces", type=int, nargs="+", default=[13776, 27420])
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument(
        "--seed", type=int, default=0, help="of the picture and the gradients; times do not depend on it"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-torch", action="store_true", help="leave the slow tensor backend out")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    rows = []
    for face_count in arguments.faces:
        faces = len(capsule_man(face_count)[1])
        for size in arguments.sizes:
            times = interleaved(competitors(face_count, size, not arguments.no_torch), arguments.rounds)
            rows.append({"faces": faces, "size": size, "ms": {name: summary(t) for name, t in times.items()}})
            if len(rows) == 1:
                print(f"{'median (min) ms':>16}" + "".join(f"{name:>17}" for name in times))
            cells = (f"{np.median(t):8.2f} ({min(t):6.2f})" for t in times.values())
            print(f"{faces:>9} @{size:<5}" + "".join(f"{cell:>17}" for cell in cells), flush=True)
    if arguments.out is not None:
        results = {
            "schema": SCHEMA,
            "unit": "ms",
            "rounds": arguments.rounds,
            "threads": arguments.threads,
            "seed": arguments.seed,
            "rows": rows,
        } | machine()
        check(results)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
