"""The Triton kernels compile for a GPU, which needs none: what the interpreter forgives, the compiler does not."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import sys
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from liquidwarp.raster import triton_backend, triton_backward

real, orthographic = sys.argv[1], sys.argv[2] == "orthographic"
face = dict(NEAR=1e-3, ORTHOGRAPHIC=orthographic, FACES=32, PIXELS=16)
pixel = dict(ORTHOGRAPHIC=orthographic, BLOCK=256)
whole = ["i32"] * 8
for kernel, types, constants in (
    (triton_backend._draw_faces, ["*i64", real, "*i32", *whole[:4]], dict(CULL=True, **face)),
    (triton_backend._resolve_pixels, ["*i64", real, "*i32", "*i32", real, real, *whole[:4]], pixel),
    (
        triton_backend._resolve_flows,
        ["*i64", real, "*i32", "*fp32", "*u8", "*i32", "*fp32", "*u8", *whole],
        dict(ALL_VISIBLE=False, **pixel),
    ),
    (triton_backward._pull_faces, [real, "*i32", "*i32", *[real] * 4, "*fp64", *whole[:4]], face),
    (triton_backward._add_corners, ["*fp64", "*i64", "*i64", real, *whole[:2]], dict(VERTICES=128)),
):
    names, given = kernel.arg_names, iter(types)
    signature = {name: "constexpr" if name in constants else next(given) for name in names}
    source = ASTSource(kernel, signature, {(names.index(name),): value for name, value in constants.items()})
    made = triton.compile(source, target=GPUTarget("cuda", 90, 32), options={"enable_fp_fusion": False})
    assert "fma.rn.f64" not in made.asm["ptx"], kernel  # a fused multiply-add would change face indices
    print(kernel.__name__, len(made.asm["cubin"]))
"""


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.parametrize(("real", "camera"), [("*fp32", "pinhole"), ("*fp64", "orthographic")])
def test_every_kernel_compiles(real: str, camera: str, tmp_path: Path) -> None:
    script = tmp_path / "compile.py"
    script.write_text(SCRIPT)
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    environment |= {"TRITON_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(script), real, camera], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5
