"""Time the rasterisers on a procedural body, interleaved; print a table and write JSON.

    python benchmarks/raster/run.py [--out results.json] [--sizes 256 512 1024] [--rounds 11] [--threads 2]
    python benchmarks/raster/run.py --device cuda [--out results.json]

On the CPU: `rasterize` from world vertices to `Fragments` (projection and allocation of the results included), without
and with a backward pass from random gradients of `bary` and `depth`; `rasterize_flow`, which goes straight to the flow,
beside `rasterize` and `mesh_flow` one after the other; `soft_silhouette` with its backward; `visibility`; and others
where they are installed: Embree (build of the tree plus one ray for each pixel of the body's box, on one thread, as its
Python binding runs), DRTK, PyTorch3D. Who is left out is named, with the reason. All run turn by turn, in an order
that changes, after two warm-ups; the table gives medians and minima, the JSON also quartiles. Absolute
times on a shared machine are upper estimates; ratios within a row are sound ("ratio": medians of the turns' ratios).

On a GPU: the Triton backend, by the device's clock and by the caller's, with and without a CUDA graph, beside the time
that its traffic takes at the measured speed of the memory; face indices are compared with the CPU's.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from liquidwarp.flow import mesh_flow, project_normalized, rasterize_flow, visibility
from liquidwarp.raster import rasterize, soft_silhouette
from liquidwarp.types import Camera

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1]))
from raster_body import capsule_man, turned
from raster_gpu import check_device, rows
from raster_rivals import rivals
from timing import check_summary, interleaved, machine, summary

SCHEMA = "liquidwarp-raster/2"
RATIOS = {
    "flow against rasterize": ("rasterize_flow", "rasterize"),
    "two calls against rasterize": ("rasterize, mesh_flow", "rasterize"),
    "embree against rasterize": ("embree", "rasterize"),
    "drtk against rasterize": ("drtk", "rasterize"),
}


def competitors(vertices: torch.Tensor, faces: torch.Tensor, camera: Camera, seed: int, with_torch: bool) -> dict:
    """Return our calls."""
    fragments = rasterize(vertices, faces, camera)
    xy, _ = project_normalized(camera, vertices)
    generator = torch.Generator().manual_seed(seed)
    pulled = [torch.randn(t.shape, generator=generator) for t in (fragments.bary, fragments.depth)]

    def with_backward(backend: str) -> None:
        points = vertices.clone().requires_grad_()
        result = rasterize(points, faces, camera, backend=backend)
        torch.autograd.backward([result.bary, result.depth], pulled)

    def silhouette() -> None:
        points = vertices.clone().requires_grad_()
        soft_silhouette(points, faces, camera, sigma=2.0).sum().backward()

    calls: dict[str, Callable[[], object]] = {
        "rasterize": lambda: rasterize(vertices, faces, camera),
        "rasterize_flow": lambda: rasterize_flow(vertices, faces, camera, xy),
        "rasterize, mesh_flow": lambda: mesh_flow(rasterize(vertices, faces, camera), faces, xy),
        "rasterize+bwd": lambda: with_backward("auto"),
        "silhouette+bwd": silhouette,
    }
    if len(vertices) == 1:
        calls["visibility"] = lambda: visibility(vertices, faces, camera)
    if with_torch:
        calls["torch"] = lambda: rasterize(vertices, faces, camera, backend="torch")
        calls["torch+bwd"] = lambda: with_backward("torch")
    return calls


def row(face_count: int, size: int, batch: int, arguments: argparse.Namespace) -> dict:
    """Time one size, batch and number of faces, print and return it."""
    body, faces = capsule_man(face_count)
    vertices, camera = turned(body, batch, arguments.seed), Camera.create(1.5 * size, (size, size))
    calls = competitors(vertices, faces, camera, arguments.seed, not arguments.no_torch)
    others, missing = rivals(vertices, faces, camera)
    times = interleaved(calls | others, arguments.rounds)
    print(f"{len(faces)} faces, {size} px, batch {batch}: median (min) ms")
    for name, t in times.items():
        print(f"  {name:22}{np.median(t):9.2f} ({min(t):.2f})")
    ratios = {}
    for name, (one, other) in RATIOS.items():
        if one in times:
            ratios[name] = summary([a / b for a, b in zip(times[one], times[other], strict=True)])
            print(f"  {name:32}{ratios[name]['median']:6.2f}x")
    for name, reason in missing.items():
        print(f"  {name}: left out, {reason}")
    measured = {name: summary(t) for name, t in times.items()}
    return {"faces": len(faces), "size": size, "batch": batch, "ms": measured, "ratio": ratios, "skipped": missing}


def check(results: dict) -> None:
    """Raise `ValueError` unless `results` follow the schema."""
    if results.get("schema") != SCHEMA or results.get("unit") not in ("ms", "us") or not results.get("rows"):
        raise ValueError(f"not a {SCHEMA} result")
    for found in results["rows"]:
        where = f"{found['faces']} faces, {found['size']} px, batch {found['batch']}"
        groups = found["us"].items() if results["unit"] == "us" else (("", found["ms"]), ("ratio", found["ratio"]))
        for name, times in groups:
            for kind, numbers in times.items():
                check_summary(f"{name} {kind} at {where}", numbers)
        if not all(isinstance(reason, str) for reason in found["skipped"].values()):
            raise ValueError(f"no reason for who was left out at {where}")


def main() -> None:
    """Time, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="write the results as JSON")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--sizes", type=int, nargs="+", default=[256, 512, 1024], help="on the CPU")
    parser.add_argument("--faces", type=int, nargs="+", default=[13776, 27420])
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8], help="on the CPU")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seed", type=int, default=0, help="of gradients and turns of the body")
    parser.add_argument("--threads", type=int, default=2, help="on the CPU")
    parser.add_argument("--no-torch", action="store_true", help="leave the slow tensor backend out")
    arguments = parser.parse_args()
    found: list[dict] = []
    if arguments.device == "cuda":
        check_device()
        for face_count in arguments.faces:
            found += rows(face_count, arguments.rounds, arguments.seed)
    else:
        torch.set_num_threads(arguments.threads)
        cases = [(f, s, b) for f in arguments.faces for s in arguments.sizes for b in arguments.batches]
        found = [row(*case, arguments) for case in cases]
    if arguments.out is not None:
        told = {"rounds": arguments.rounds, "threads": arguments.threads, "seed": arguments.seed}
        unit = "us" if arguments.device == "cuda" else "ms"
        device = torch.cuda.get_device_name() if arguments.device == "cuda" else "cpu"
        results = {"schema": SCHEMA, "unit": unit, "device": device, **told, "rows": found} | machine()
        check(results)
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
