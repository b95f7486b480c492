"""What the pages promise is there: commands, options, names, links, messages; their examples run."""

import ast
import importlib
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, toy_photo

import liquidwarp
from liquidwarp.bodies import BODIES, load_body
from liquidwarp.media import open_video, read_provenance
from liquidwarp.options import make_parser
from liquidwarp.testing import toy_body

ROOT = Path(liquidwarp.__file__).parents[1]
DOCS = ROOT / "docs"
SHELVES = ("body_models", "datasets", "benchmarks", "integrations", "notebooks")
PAGES = [
    ROOT / "README.md",
    *sorted(DOCS.rglob("*.md")),
    *(page for shelf in SHELVES for page in sorted((ROOT / shelf).rglob("README.md"))),
]
MESSAGES = "| message | meaning |"
BUSY = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def fenced(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [block for found, block in blocks if found == language]


def lines_of(page: Path) -> list[str]:
    """Return the command lines of a page: fenced, or indented by four; lines that go on are joined."""
    indented = re.findall(r"^ {4}(python [^\n]*(?:\n {8,}[^\n]+)*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    blocks = [re.sub(r"\\\n\s*|\n {8,}", " ", block) for block in (*fenced(page, ""), *indented)]
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if line.startswith(("liquidwarp ", "python ", "torchrun "))]


def test_every_command_that_a_page_shows_is_one() -> None:
    count = 0
    for page in PAGES:
        for line in lines_of(page):
            words = shlex.split(line)
            if words[:1] == ["torchrun"]:
                words = ["liquidwarp", *words[words.index("liquidwarp.cli") + 1 :]]
            if words[:1] == ["liquidwarp"] and "..." not in words:
                make_parser().parse_args(words[1:])  # raises on what it does not know
                count += 1
    assert count > 40


def test_every_script_that_a_page_shows_has_these_options() -> None:
    count = 0
    for page in PAGES:
        for line in lines_of(page):
            found = re.match(r"python ((?:datasets|benchmarks|body_models|docs|integrations|notebooks)/\S+\.py)", line)
            if found:
                source = (ROOT / found[1]).read_text(encoding="utf-8")
                options = re.findall(r"(?<![\w-])(--?[a-z][a-z-]*)", line)
                lacking = [option for option in options if f'"{option}"' not in source]
                assert not lacking, f"{name(page)}: {found[1]} has no {lacking}"
                count += 1
    assert count > 10


@cache
def python_blocks() -> list[tuple[str, ast.Module]]:
    return [(name(page), ast.parse(block)) for page in PAGES for block in fenced(page, "python")]


def test_every_name_that_a_page_imports_is_there() -> None:
    assert len(python_blocks()) > 10
    for page, tree in python_blocks():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("liquidwarp"):
                module = importlib.import_module(str(node.module))
                lacking = [alias.name for alias in node.names if not hasattr(module, alias.name)]
                assert not lacking, f"{page}: {node.module} has no {lacking}"


def test_every_call_that_a_page_shows_takes_these_arguments() -> None:
    for page, tree in python_blocks():
        known = {
            alias.asname or alias.name: getattr(importlib.import_module(str(node.module)), alias.name)
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("liquidwarp")
            for alias in node.names
        }
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            called = called_function(call.func, known)
            if called is not None and not any(isinstance(argument, ast.Starred) for argument in call.args):
                keywords = {keyword.arg: None for keyword in call.keywords if keyword.arg}
                try:
                    inspect.signature(called).bind(*call.args, **keywords)
                except TypeError as error:
                    raise AssertionError(f"{page}: {ast.unparse(call)}: {error}") from error


def called_function(what: ast.expr, known: dict[str, Any]) -> Callable[..., Any] | None:
    """Return the function or class of ours that is called, if it is one."""
    if isinstance(what, ast.Name):
        return known.get(what.id) if callable(known.get(what.id)) else None
    if isinstance(what, ast.Attribute) and isinstance(what.value, ast.Name) and what.value.id == "lw":
        assert what.attr in liquidwarp.__all__, what.attr
        return getattr(liquidwarp, what.attr)
    return None


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the site and code hosts make them."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title.lower()).strip()) for title in titles}


def test_links_lead_somewhere() -> None:
    count = 0
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            if re.match(r"[a-z]+:", target):
                continue
            path, _, anchor = target.partition("#")
            there = (page.parent / path).resolve() if path else page
            assert there.exists(), f"{name(page)} links to {target}"
            assert not anchor or anchor in anchors(there), f"{name(page)} links to {target}"
            count += 1
    assert count > 40


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_page_has_gaps(page: Path) -> None:
    """Figures are filled in, and nothing is left to do."""
    assert not re.findall(r"@[A-Z]{2,}\b|\bTODO\b|\bTBD\b|XXX", page.read_text(encoding="utf-8"))


def test_the_figures_of_the_readme_are_those_of_the_benchmarks() -> None:
    """Overlap, SSIM and PSNR of the person on real clips, as in the table they are taken from."""
    table = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    rows = {row[1].strip(): row for row in (line.split("|")[1:] for line in table.splitlines() if "| cross |" in line)}
    value = {method: [float(cell.split()[0]) for cell in row[2:8]] for method, row in rows.items()}
    (_, ssim, psnr, _, overlap, _), gan, copy = value["surface"], value["gan"], value["copy the photo"]
    text = " ".join(text.split())
    assert (
        f"silhouette overlap {overlap:.2f}, SSIM within the person {ssim:.2f} (copying the photo: {copy[1]:.2f})"
        in text
    )
    assert f"PSNR within the person {psnr:.1f} dB ({copy[2]:.1f} dB)" in text
    assert f"with `--renderer gan` {gan[4]:.2f}, {gan[1]:.2f} and {gan[2]:.1f} dB" in text


@cache
def texts_of_the_package() -> str:
    """Return every string of the source, one a line, with `…` for what is put in."""
    found = []
    for path in sorted((ROOT / "liquidwarp").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(re.sub(r"%[sd]", "…", node.value))
            elif isinstance(node, ast.JoinedStr):
                found.append("".join(part.value if isinstance(part, ast.Constant) else "…" for part in node.values))
    return "\n".join(re.sub("…+", "…", text) for text in found)


@pytest.mark.parametrize("page", [page for page in PAGES if MESSAGES in page.read_text("utf-8")], ids=name)
def test_messages_are_quoted_as_they_are(page: Path) -> None:
    text = page.read_text(encoding="utf-8").split(MESSAGES)[1].split("\n\n")[0]
    messages = re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)
    assert len(messages) > 2
    for message in messages:
        assert re.sub("…+", "…", message) in texts_of_the_package(), message


def test_every_public_room_has_its_page() -> None:
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (DOCS / "api").glob("*.md"))
    rooms = [
        path.parent for path in (ROOT / "liquidwarp").glob("*/**/__init__.py") if "__all__" in path.read_text("utf-8")
    ]
    lacking = [
        module
        for module in (room.relative_to(ROOT).as_posix().replace("/", ".") for room in rooms)
        if f"::: {module}\n" not in pages
    ]
    assert not lacking, f"without a page in docs/api, named in mkdocs.yml: {lacking}"


def test_every_page_stands_in_the_site() -> None:
    listed = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    site = [name(page).removeprefix("docs/") for page in PAGES if page != ROOT / "README.md"]
    lacking = [page for page in site if f": {page}\n" not in listed]
    assert not lacking, f"add to nav in mkdocs.yml: {lacking}"


def test_the_reference_has_every_public_name() -> None:
    page = (DOCS / "api/liquidwarp.md").read_text(encoding="utf-8")
    shown = [path.split(".")[-1] for path in re.findall(r"^::: (\S+)$", page, re.MULTILINE)]
    assert sorted(shown) == sorted(public for public in liquidwarp.__all__ if public != "__version__")


def test_the_readme_names_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    choices = next(action.choices for action in make_parser()._actions if isinstance(action.choices, dict))
    assert not [command for command in choices if f"| `{command}` |" not in text]


def test_the_architecture_names_every_room() -> None:
    text = (DOCS / "architecture.md").read_text(encoding="utf-8")
    rooms = {path.stem if path.is_file() else path.name for path in (ROOT / "liquidwarp").iterdir()}
    rooms = {room for room in rooms if not room.startswith(("_", ".")) and room not in ("py", "demo_assets")}
    assert not [room for room in sorted(rooms) if f"`{room}`" not in text]


@pytest.mark.parametrize(("file", "most"), [("overview.jpg", 256_000), ("moving.webp", 400_000)])
def test_the_pictures_of_the_readme_are_small_and_marked(file: str, most: int) -> None:
    picture = DOCS / "pictures" / file
    assert picture.stat().st_size < most
    assert "Synthetic media" in str(read_provenance(picture))


def run_blocks(page: Path, wanted: str, space: dict[str, Any]) -> dict[str, Any]:
    """Run the first Python block of a page that holds `wanted`; return its names."""
    block = next(block for block in fenced(page, "python") if wanted in block)
    exec(compile(block, name(page), "exec"), space)
    return space


def test_the_example_of_a_detector_runs() -> None:
    body = toy_body()
    from liquidwarp.bodies.landmarks import COCO
    from liquidwarp.detect import Detector, detect_people
    from liquidwarp.geometry import default_camera, project
    from liquidwarp.raster import rasterize

    orient, pose = body.expand_pose(torch.zeros(1, 22, 3))
    betas, place, camera = torch.zeros(body.num_betas), torch.tensor([[0.0, 0.1, 3.2]]), default_camera((64, 48))
    vertices = body.vertices(body.identity(betas), orient, pose, place)
    mask = rasterize(vertices, body.topology.faces, camera).mask[0].numpy()
    points = project(camera, body.landmarks(COCO, betas, orient, pose, place)[0])[:, :2].numpy()
    seen = np.concatenate([points, np.ones((len(COCO), 1))], 1)
    small = np.concatenate([points / 2, np.ones((len(COCO), 1))], 1)
    made = run_blocks(DOCS / "howto/swap-the-detector.md", "class MyDetector", {})
    detector = made["MyDetector"](lambda frame: [(small, mask), (seen, mask)])
    assert isinstance(detector, Detector)
    picture = np.where(mask[..., None], 200, 60).astype(np.uint8).repeat(3, -1)
    largest, other = detect_people(picture, detector=detector)
    assert np.ptp(largest.image[:, 1]) > np.ptp(other.image[:, 1])
    motion = liquidwarp.recover(picture, detector=detector, body=body)
    assert (motion.body, motion.detector, len(motion)) == ("toy", "my-network-1.0", 1)


def test_the_example_of_a_device_runs(
    encoded: liquidwarp.SourceState, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(liquidwarp, "encode_source", lambda path: encoded, raising=False)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    tasks = run_blocks(DOCS / "howto/run-on-a-device.md", "write_video", {})
    assert sum(1 for _ in open_video(tmp_path / "out.mp4")) == 24
    assert tasks["front"].image.device.type == "cpu"
    made = run_blocks(DOCS / "howto/run-on-a-device.md", "render_on_device", {})
    height, width = encoded.track.camera.size
    assert made["picture"].shape == (3, height, width)
    assert made["drawn"].alpha.mean() > 0.05
    assert made["flow"].valid.any()
    colors, shown = made["warped"][0], made["flow"].valid[0] & (made["drawn"].alpha > 0.99)
    assert float((colors - made["picture"])[:, shown].abs().median()) < 0.1, "both show the photo's colours"


def test_the_example_of_a_body_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy = toy_body()
    surface, skeleton, marks = toy._surface, toy._skeleton, toy._landmarks
    np.savez(
        tmp_path / "my_body.npz",
        vertices=surface.mean.numpy(),
        shapes=surface.basis.numpy(),
        faces=toy.topology.faces.numpy(),
        parts=toy.topology.vertex_part.numpy(),
        joints=skeleton.mean.numpy(),
        joint_shapes=skeleton.basis.numpy(),
        joint_names=np.array(toy.joint_names),
        parents=np.array(toy.parents),
        canonical=np.array(toy._canonical),
        weights=toy._weights.dense.numpy(),
        landmark_names=np.array(marks.names),
        landmark_joints=np.array(marks.joints),
        landmarks=marks.points.mean.numpy(),
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("liquidwarp.bodies.build.BODIES", dict(BODIES))
    monkeypatch.setattr("liquidwarp.bodies.BODIES", importlib.import_module("liquidwarp.bodies.build").BODIES)
    run_blocks(DOCS / "howto/add-a-body.md", "def my_body", {})
    mine = load_body("mine")
    assert mine.name == "mine"
    assert isinstance(mine, type(toy))
    track = liquidwarp.retarget(liquidwarp.BodyTrack.load(ROOT / "liquidwarp/demo_assets/motion_truth.npz")[:2], mine)
    assert track.body == "mine"
    betas = torch.tensor([0.5, 0, 0, 0])
    pose = toy.expand_pose(torch.full((1, 22, 3), 0.1))
    ours, theirs = (body.vertices(body.identity(betas), *pose, torch.zeros(1, 3)) for body in (mine, toy))
    assert torch.equal(ours, theirs)
    assert toy.landmark_names == mine.landmark_names


@pytest.mark.slow
def test_the_examples_of_losses_run(monkeypatch: pytest.MonkeyPatch) -> None:
    page, recover, body = DOCS / "howto/change-a-loss-of-the-fit.md", liquidwarp.recover, toy_body()
    seen = waving_person(12)

    def recovered(source: str, **options: Any) -> liquidwarp.BodyTrack:
        assert source == "dance.mp4"
        return recover(seen, body=body, **options)

    def joints(track: liquidwarp.BodyTrack, *names: str) -> list[torch.Tensor]:
        rest = body.rest_joints(track.betas)
        turn, shift = body.transforms(rest, track.global_orient, track.body_pose)
        places = (turn @ rest[:, :, None])[..., 0] + shift + track.transl[:, None]
        return [places[:, body.canonical(name)] for name in names]

    usual = recover(seen, body=body)
    monkeypatch.setattr(liquidwarp, "recover", recovered)
    calm = run_blocks(page, "motion=100.0", {})["calm"]
    assert calm.body_pose.diff(dim=0).abs().mean() < 0.9 * usual.body_pose.diff(dim=0).abs().mean()
    vague = run_blocks(page, "landmark_sigma", {})["motion"]
    assert (vague.body_pose - usual.body_pose).abs().max() > 0.01
    clap = run_blocks(page, "hands_together", {})["motion"]
    left, right = joints(clap, "left_wrist", "right_wrist")
    assert (left - right).norm(dim=-1).max() < 0.05
    floor = run_blocks(page, "above_the_floor", {})
    heels = ("left_heel", "right_heel")
    before, after = (
        body.landmarks(heels, track.betas, track.global_orient, track.body_pose, track.transl)[..., 1].max()
        for track in (usual, floor["motion"])
    )
    assert before > floor["FLOOR"] + 0.03
    assert after < floor["FLOOR"] + 0.015
    loud = run_blocks(page, "still_where_it_is_quiet", {"FRAMES": 12})["motion"]
    assert len(loud) == 12
    high = run_blocks(page, "class HeadHeight", {})["motion"]
    assert joints(high, "head")[0][:, 1].abs().max() < 0.05


def waving_person(frames: int) -> liquidwarp.Keypoints:
    """Return landmarks of a toy person who waves, seen from two and a half metres."""
    from liquidwarp.bodies.landmarks import MEDIAPIPE
    from liquidwarp.geometry import default_camera, project

    body = toy_body()
    vectors = torch.zeros(frames, 22, 3)
    time = torch.arange(frames) / frames
    for side in (16, 17):  # shoulders
        vectors[:, side, 2] = (1 if side == 16 else -1) * (0.9 + 0.3 * torch.sin(12.6 * time))
    orient, pose = body.expand_pose(vectors)
    place = torch.tensor([[0.0, 0.0, 2.5]]).repeat(frames, 1)
    points = body.landmarks(MEDIAPIPE, torch.zeros(body.num_betas), orient, pose, place)
    hips = points[:, [MEDIAPIPE.index("left_hip"), MEDIAPIPE.index("right_hip")]].mean(dim=1, keepdim=True)
    size, everywhere = (256, 256), torch.ones(frames, len(MEDIAPIPE))
    jitter = torch.randn(frames, len(MEDIAPIPE), 2, generator=torch.Generator().manual_seed(0))
    image = project(default_camera(size), points)[..., :2] + jitter
    present = torch.ones(frames, dtype=torch.bool)
    return liquidwarp.Keypoints(MEDIAPIPE, image, everywhere, points - hips, present, size, 24.0, "drawn")


def test_the_example_of_a_method_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = importlib.import_module("liquidwarp.methods.registry")
    monkeypatch.setattr(registry, "METHODS", dict(registry.METHODS))
    body, page = toy_body(), DOCS / "howto/add-a-method.md"
    photo = toy_photo(body, np.tile(np.array((200, 40, 40), np.uint8), (16, 1)), size=(64, 48))
    person = liquidwarp.encode_source(photo.rgb, body=body, detector=ToyDetector(photo))
    space = run_blocks(page, "class TrailMethod", {})
    run_blocks(page, "register(MethodEntry", space)
    assert isinstance(space["half"], space["TrailMethod"])
    plain = list(liquidwarp.novel_view(person, frames=3))
    first, second, third = liquidwarp.novel_view(person, frames=3, method=space["half"])
    assert torch.equal(first.image, plain[0].image)
    empty = plain[1].alpha == 0
    trail = 0.5 * first.image + 0.5 * plain[1].image
    torch.testing.assert_close(second.image[:, empty], trail[:, empty])
    named = list(liquidwarp.novel_view(person, frames=3, method="trail:fading=0.5"))
    assert torch.equal(named[2].image, third.image)


def test_the_examples_of_rasteriser_and_flow_run() -> None:
    page = DOCS / "howto/rasteriser-and-flow-alone.md"
    space: dict[str, Any] = {}
    for block in fenced(page, "python"):
        exec(compile(block, name(page), "exec"), space)
    valid, there = space["flow"].valid, space["seen_there"].mask
    assert valid.sum() > 0.4 * there.sum()
    assert not valid[~there].any()
    assert space["difference"] < 0.01, "the warped picture is what the other camera sees"
    assert not space["moved"].movedim(1, -1)[~valid].any()
    assert space["shift"].detach()[:2].norm() < 0.05, "the ball is back where its mask is, 0.36 m away"


@pytest.mark.slow
def test_the_python_of_the_readme_runs_as_it_stands(tmp_path: Path) -> None:
    (code,) = fenced(ROOT / "README.md", "python")
    assert len([line for line in code.splitlines() if line.strip()]) <= 12
    (tmp_path / "program.py").write_text(code)
    (tmp_path / "work/liquidwarp").mkdir(parents=True)
    (tmp_path / "work/liquidwarp/demo_assets").symlink_to(ROOT / "liquidwarp/demo_assets")
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:liquidwarp", "../program.py"],
        cwd=tmp_path / "work",
        env={**os.environ, **BUSY},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert sum(1 for _ in open_video(tmp_path / "work/imitation.mp4")) == 100
    assert sum(1 for _ in open_video(tmp_path / "work/turn.mp4")) == 90
    assert (tmp_path / "work/dancing.glb").read_bytes()[:4] == b"glTF"
    assert len(liquidwarp.read_motion(tmp_path / "work/dance.npz")) == 100


@pytest.mark.slow
def test_the_site_builds_without_warnings(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    site = tmp_path / "site"
    page = (site / "api/liquidwarp.html").read_text(encoding="utf-8")
    assert not [public for public in liquidwarp.__all__ if public not in page and public != "__version__"]
    sources = r"<(?:script|img)[^>]* src=\"([^\"]+)"
    styles = r"<link[^>]* rel=\"(?:stylesheet|shortcut icon)\"[^>]* href=\"([^\"]+)"
    pages = [html.read_text(encoding="utf-8") for html in site.rglob("*.html")]
    loaded = {link for page in pages for kind in (sources, styles) for link in re.findall(kind, page)}
    assert len(loaded) > 5
    assert not [link for link in loaded if re.match(r"(https?:)?//", link)]
