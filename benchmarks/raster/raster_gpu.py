"""Timing on a GPU: the device's own time and the caller's, with and without a CUDA graph."""

import time
from collections.abc import Callable

import numpy as np
import torch
from raster_body import capsule_man, turned
from raster_rivals import rivals
from timing import summary

from liquidwarp.flow import project_normalized, rasterize_flow
from liquidwarp.raster import rasterize
from liquidwarp.types import Camera

CASES = ((256, 1), (512, 1), (512, 8), (1024, 1), (1024, 8), (2048, 1))  # pixels along a side, batch
REPEATS = 20  # calls between two readings of the device's clock
CLEAR, ATOMIC, READ = 8, 32, 8  # bytes: of a key, of a fragment's atomic minimum, of a key again
FRAGMENTS = 2.06  # of a covered pixel: front, back and folds of a closed body
ANSWER = {"rasterize": 20, "rasterize_flow": 13}  # bytes written per pixel


def check_device() -> None:
    """Raise `SystemExit` where there is no GPU."""
    if not torch.cuda.is_available():
        raise SystemExit(
            "--device cuda: PyTorch finds no CUDA device here; run it on a machine with an NVIDIA GPU "
            "and a CUDA build of PyTorch, or leave --device out to time the CPU"
        )


def rows(face_count: int, rounds: int, seed: int) -> list[dict]:
    """Return a row per case."""
    bandwidth = copied_bytes_per_second()
    return [row(face_count, size, batch, rounds, seed, bandwidth) for size, batch in CASES]


def row(face_count: int, size: int, batch: int, rounds: int, seed: int, bandwidth: float) -> dict:
    """Time one case, print it and return it."""
    body, faces = capsule_man(face_count)
    on_cpu = turned(body, batch, seed)
    camera = Camera.create(1.5 * size, (size, size))
    near = camera.to("cuda")
    vertices, triangles = on_cpu.cuda(), faces.cuda()
    covered = rasterize(on_cpu, faces, camera).face_index
    found = rasterize(vertices, triangles, near, backend="triton").face_index.cpu()
    calls = competitors(vertices, triangles, near, seed)
    others, missing = rivals(vertices, triangles, near)
    times = timed(calls | others, rounds)
    floors = {name: 1e6 * traffic(covered, written) / bandwidth for name, written in ANSWER.items()}
    differing = int((found != covered).sum())
    print(f"{len(faces)} faces, {size} px, batch {batch}")
    print(f"  {differing} of {covered.numel()} face indices differ from the CPU's")
    for name, kinds in times.items():
        floor = f", floor {floors[name]:.1f}" if name in floors else ""
        print(f"  {name:22}" + ", ".join(f"{kind} {t['median']:.1f} us" for kind, t in kinds.items()) + floor)
    for name, reason in missing.items():
        print(f"  {name}: left out, {reason}")
    return {
        "faces": len(faces),
        "size": size,
        "batch": batch,
        "us": times,
        "floor_us": floors,
        "skipped": missing,
        "differing": differing,
    }


def competitors(vertices: torch.Tensor, faces: torch.Tensor, camera: Camera, seed: int) -> dict[str, Callable]:
    """Return our calls."""
    generator = torch.Generator("cuda").manual_seed(seed)
    xy, _ = project_normalized(camera, vertices)
    shape = (len(vertices), *camera.size)
    pulled = [
        torch.randn(*shape, 3, generator=generator, device="cuda"),
        torch.randn(shape, generator=generator, device="cuda"),
    ]

    def with_backward() -> None:
        points = vertices.clone().requires_grad_()
        made = rasterize(points, faces, camera, backend="triton")
        torch.autograd.backward([made.bary, made.depth], pulled)

    return {
        "rasterize": lambda: rasterize(vertices, faces, camera, backend="triton"),
        "rasterize_flow": lambda: rasterize_flow(vertices, faces, camera, xy, backend="triton"),
        "rasterize+bwd": with_backward,
        "torch": lambda: rasterize(vertices, faces, camera, backend="torch"),
    }


def timed(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, dict[str, float]]]:
    """Time calls turn by turn: `gpu` (between events), `wall` (synchronised), and the same of a `graph`."""
    graphs = {name: graph for name, call in calls.items() if (graph := graph_of(call)) is not None}
    found: dict[str, dict[str, list[float]]] = {name: {"gpu": [], "wall": []} for name in calls}
    for name in graphs:
        found[name] |= {"graph gpu": [], "graph wall": []}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name]["gpu"].append(on_device(call))
            found[name]["wall"].append(on_wall(call))
            if name in graphs:
                found[name]["graph gpu"].append(on_device(graphs[name].replay))
                found[name]["graph wall"].append(on_wall(graphs[name].replay))
    return {name: {kind: summary(t) for kind, t in kinds.items()} for name, kinds in found.items()}


def graph_of(call: Callable[[], object]) -> torch.cuda.CUDAGraph | None:
    """Return a graph of the call, warmed up, or None where it waits for the device in between."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(side)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    try:
        with torch.cuda.graph(graph):
            call()
    except RuntimeError as error:
        torch.cuda.synchronize()
        print(f"  no CUDA graph: {str(error).splitlines()[0]}")
        return None
    return graph


def on_device(call: Callable[[], object]) -> float:
    """Return microseconds of the device's clock per call, of several that follow each other."""
    begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    torch.cuda.synchronize()
    begin.record()
    for _ in range(REPEATS):
        call()
    end.record()
    torch.cuda.synchronize()
    return 1e3 * float(begin.elapsed_time(end)) / REPEATS


def on_wall(call: Callable[[], object]) -> float:
    """Return microseconds until the answer of one call is there."""
    torch.cuda.synchronize()
    begin = time.perf_counter()
    call()
    torch.cuda.synchronize()
    return 1e6 * (time.perf_counter() - begin)


def traffic(covered: torch.Tensor, written: int) -> float:
    """Return the bytes that cannot be avoided: clear, atomics and read of the keys, and what is written."""
    pixels, seen = covered.numel(), int((covered >= 0).sum())
    return pixels * (CLEAR + READ + written) + FRAGMENTS * seen * ATOMIC


def copied_bytes_per_second() -> float:
    """Return the memory's speed, read and written, by copying a large block."""
    block = torch.empty(1 << 28, dtype=torch.float32, device="cuda")
    other = torch.empty_like(block)
    micros = float(np.median([on_device(lambda: other.copy_(block)) for _ in range(5)]))
    return 2 * block.numel() * 4 / (micros * 1e-6)
