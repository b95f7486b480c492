"""The nodes keep ComfyUI's contract, and the example workflows run, without ComfyUI."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from toy_people import ToyDetector, ToyPhoto, toy_photo

import liquidwarp as lw
from liquidwarp import InputError
from liquidwarp.demo import asset
from liquidwarp.guides import draw_guides
from liquidwarp.person import SourceState
from liquidwarp.testing import toy_body
from liquidwarp.types import BodyTrack

FOLDER = Path(__file__).parents[2] / "integrations"
SIZE = (96, 72)
ASSETS = ("woman_stripes.jpg", "man_jacket.jpg")
TYPES = {"IMAGE", "MASK", "AUDIO", "VIDEO", "FLOAT", "INT", "STRING", "LIQUIDWARP_PERSON", "LIQUIDWARP_MOTION"}


class PressedCancelError(Exception):
    """What ComfyUI raises where the user pressed Cancel."""


class Comfy:
    """A ComfyUI: its folders, what it was told, and whether Cancel was pressed."""

    def __init__(self, root: Path) -> None:
        self.input, self.output = root / "input", root / "output"
        self.input.mkdir()
        self.output.mkdir()
        self.steps: list[int] = []
        self.cancel_after: int | None = None

    def modules(self) -> dict[str, ModuleType]:
        comfy = self

        class ProgressBar:
            def __init__(self, total: int) -> None:
                assert total > 0

            def update(self, by: int) -> None:
                comfy.steps.append(by)

        def check() -> None:
            if self.cancel_after is not None and len(self.steps) >= self.cancel_after:
                raise PressedCancelError

        def save_path(prefix: str, folder: str) -> tuple[str, str, int, str, str]:
            sub, _, name = prefix.rpartition("/")
            place = Path(folder) / sub
            place.mkdir(parents=True, exist_ok=True)
            return str(place), name, 1 + len(list(place.glob(f"{name}_*"))), sub, prefix

        def module(name: str, **names: object) -> ModuleType:
            made = ModuleType(name)
            made.__dict__.update(names)
            return made

        types = SimpleNamespace(VideoComponents=SimpleNamespace)
        inputs = SimpleNamespace(VideoFromComponents=lambda parts: parts)
        made = [
            module("comfy"),
            module("comfy.model_management", throw_exception_if_processing_interrupted=check),
            module("comfy.utils", ProgressBar=ProgressBar),
            module("comfy_api"),
            module("comfy_api.latest", InputImpl=inputs, Types=types),
            module(
                "folder_paths",
                get_input_directory=lambda: str(self.input),
                get_output_directory=lambda: str(self.output),
                get_save_image_path=save_path,
            ),
        ]
        return {one.__name__: one for one in made}


@pytest.fixture(scope="module")
def photos() -> list[ToyPhoto]:
    body = toy_body()
    looks = [np.tile(np.uint8(color), (16, 1)) for color in ((200, 40, 40), (40, 60, 200))]
    people = [toy_photo(body, look, size=SIZE) for look in looks]
    return [*people, toy_photo(body, looks[1], size=SIZE, turn=0.3)]


@pytest.fixture(scope="module", autouse=True)
def small_body() -> Iterator[None]:
    """The toy body in place of the open one, and each photo learnt once: the nodes are tried here, not the fit."""
    known: dict[bytes, SourceState] = {}
    learn = lw.encode_source

    def learn_once(photo: np.ndarray, **options: Any) -> SourceState:
        key = photo.tobytes()
        if key not in known:
            known[key] = learn(photo, **options)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lw, "encode_source", learn_once)
        for name in ("source", "recover"):
            patch.setattr(import_module(f"liquidwarp.tasks.{name}"), "load_body", toy_body)
        yield


@pytest.fixture(scope="module")
def package() -> ModuleType:
    """The folder as ComfyUI loads it, one without VIDEO."""
    sys.path.insert(0, str(FOLDER))
    try:
        import comfyui
    finally:
        sys.path.pop(0)
    return comfyui


@pytest.fixture
def comfy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: ModuleType, photos: list[ToyPhoto]) -> Comfy:
    host = Comfy(tmp_path)
    for name, module in host.modules().items():
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(sys.modules["comfyui.watching"], "default_detector", lambda: Profiled(*photos))
    return host


class Profiled(ToyDetector):
    """A detector that says what it knows of itself, and does not follow."""

    profile = None

    def search(self, frame: np.ndarray) -> list:
        return []

    def follow(self, frame: np.ndarray, person: object) -> "Profiled":
        return self

    def next(self, frame: np.ndarray) -> object:
        return next(iter(self.detect(frame)), None)


def image(*photos: ToyPhoto) -> torch.Tensor:
    return torch.from_numpy(np.stack([photo.rgb for photo in photos]).astype(np.float32) / 255)


def node(package: ModuleType, kind: str) -> Callable[..., Any]:
    made = package.NODE_CLASS_MAPPINGS[kind]()
    return getattr(made, made.FUNCTION)


@pytest.fixture(scope="module")
def person(package: ModuleType, photos: list[ToyPhoto]) -> SourceState:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys.modules["comfyui.watching"], "default_detector", lambda: Profiled(*photos))
        learnt, background, mask = node(package, "LiquidwarpLearnPerson")(image(photos[0]), "photos", 0, 0.0)
    assert background.shape == (1, *SIZE, 3)
    assert mask.shape == (1, *SIZE)
    return learnt


@pytest.fixture(scope="module")
def motion(person: SourceState) -> BodyTrack:
    return replace(person.track[[0, 0]], fps=12.5)


def test_every_node_keeps_the_contract(package: ModuleType, comfy: Comfy) -> None:
    assert set(package.NODE_CLASS_MAPPINGS) == set(package.NODE_DISPLAY_NAME_MAPPINGS)
    for name, made in package.NODE_CLASS_MAPPINGS.items():
        assert callable(getattr(made, made.FUNCTION)), name
        assert made.CATEGORY.startswith("liquidwarp")
        assert made.DESCRIPTION
        assert isinstance(made.RETURN_TYPES, tuple)
        assert set(made.RETURN_TYPES) <= TYPES
        assert len(made.RETURN_TYPES) == len(made.RETURN_NAMES) == len(made.OUTPUT_TOOLTIPS)
        inputs = made.INPUT_TYPES()
        json.dumps(inputs)  # the page is told so
        assert set(inputs) <= {"required", "optional", "hidden"}
        assert "required" in inputs
        arguments = list(made.__dict__[made.FUNCTION].__annotations__)
        for key, (kind, told) in {**inputs["required"], **inputs.get("optional", {})}.items():
            assert key in arguments, f"{name} does not take {key}"
            assert told["tooltip"]
            if isinstance(kind, list):
                assert not kind or "default" not in told or told["default"] in kind
                assert all(isinstance(choice, str) for choice in kind)
            elif kind in ("INT", "FLOAT"):
                assert told["min"] <= told["default"] <= told["max"]
                assert isinstance(told["default"], int if kind == "INT" else float)
            else:
                assert kind in TYPES
    optional = package.NODE_CLASS_MAPPINGS["LiquidwarpRecoverMotion"].INPUT_TYPES()["optional"]
    assert "video" in optional, "this ComfyUI has videos"


def test_pictures_are_ours_to_the_last_level(
    package: ModuleType, comfy: Comfy, person: SourceState, motion: BodyTrack
) -> None:
    made = node(package, "LiquidwarpGuides")(person, motion, "copy", 64, "plain", "cpu")
    names = package.NODE_CLASS_MAPPINGS["LiquidwarpGuides"].RETURN_NAMES
    wanted = list(draw_guides(person, motion, camera="copy", size=64, background="plain"))
    assert comfy.steps == [1, 1]
    assert made[-1] == 12.5
    for name, stack in zip(names[:-1], made[:-1], strict=True):
        planes = np.stack([getattr(guides, name) for guides in wanted])
        planes = planes[..., 0] if name in ("mask", "invented") else planes
        assert stack.dtype == torch.float32
        assert np.array_equal((stack * 255).round().numpy(), planes), name
    images, mask, invented, fps, *video = node(package, "LiquidwarpImitate")(
        person, motion, "copy", 64, "plain", "surface", 0.0, "cpu"
    )
    assert torch.equal((images * 255).round(), (made[5] * 255).round()), "the first pass is what Imitate makes"
    assert torch.equal(invented, made[7])
    assert mask.shape == images.shape[:3]
    assert (fps, video) == (12.5, []), "loaded without videos there is no such output"


def test_green_and_pictures_behind(package: ModuleType, comfy: Comfy, person: SourceState) -> None:
    turn = node(package, "LiquidwarpTurn")
    rest = (person, 360.0, 2, 0.0, 0.0, "source", 25.0, 64)
    green = turn(*rest, "green", "surface", "cpu")[0]
    assert green[0, 0, 0].tolist() == [0, 1, 0]
    behind = torch.full((1, 8, 8, 3), 0.2)
    grey = turn(*rest, "green", "surface", "cpu", background_image=behind)[0]
    torch.testing.assert_close(grey[0, 0, 0], torch.full((3,), 0.2), atol=1 / 255, rtol=0)


def test_files_out_and_in(package: ModuleType, comfy: Comfy, person: SourceState) -> None:
    told = node(package, "LiquidwarpSavePerson")(person, "people/me")
    assert told["result"] == ("people/me_00001_.person",)
    (comfy.output / told["result"][0]).rename(comfy.input / "me.person")
    load = package.NODE_CLASS_MAPPINGS["LiquidwarpLoadPerson"]
    assert load.INPUT_TYPES()["required"]["file"][0] == ["me.person"]
    assert load.VALIDATE_INPUTS("me.person") is True
    read_it = SourceState.load
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SourceState, "load", staticmethod(lambda path: read_it(path, person.body)))
        (again,) = node(package, "LiquidwarpLoadPerson")("me.person")
    assert torch.equal(again.offsets, person.offsets)
    before = load.IS_CHANGED("me.person")
    assert before == load.IS_CHANGED("me.person")
    (comfy.input / "me.person").write_bytes(b"another")
    assert before != load.IS_CHANGED("me.person")
    open_body = replace(BodyTrack.load(asset("motion_truth.npz"))[:2], fps=12.5)
    for kind, name in (("bvh", "m_00001_.bvh"), ("track", "m_00002_.npz"), ("amass", "m_00003_.npz")):
        told = node(package, "LiquidwarpSaveMotion")(open_body, kind, "mixamo", "m")
        assert told["result"] == (name,)
        (comfy.output / name).rename(comfy.input / name)
        (comfy.output / name).touch()
        read, fps = node(package, "LiquidwarpLoadMotion")(name)
        assert (len(read), fps) == (2, 12.5)
    glb = node(package, "LiquidwarpExportGlb")(person, "vrm", "me")
    assert (comfy.output / glb["result"][0]).read_bytes()[:4] == b"glTF"
    assert glb["ui"]["3d"][0]["filename"] == "me_00001_.glb"


@pytest.mark.parametrize("name", ["../outside.person", "none.person", "/etc/passwd"])
def test_no_file_elsewhere_is_read(package: ModuleType, comfy: Comfy, name: str) -> None:
    (comfy.input.parent / "outside.person").write_bytes(b"secret")
    load = package.NODE_CLASS_MAPPINGS["LiquidwarpLoadPerson"]
    assert "no such file in ComfyUI's input folder" in load.VALIDATE_INPUTS(name)
    with pytest.raises(InputError, match="input folder"):
        load().load(name)


def test_cancel_ends_any_node(
    package: ModuleType, comfy: Comfy, person: SourceState, motion: BodyTrack, photos: list[ToyPhoto]
) -> None:
    comfy.cancel_after = 1
    with pytest.raises(PressedCancelError):
        node(package, "LiquidwarpImitate")(person, motion, "copy", 64, "plain", "surface", 0.0, "cpu")
    assert len(comfy.steps) <= 1
    comfy.steps.clear()
    with pytest.raises(PressedCancelError):
        node(package, "LiquidwarpRecoverMotion")(25.0, "quick", 0, 0.0, images=image(*photos[1:]))
    with pytest.raises(PressedCancelError):
        node(package, "LiquidwarpDress")(person, person, "upper")


def test_errors_are_words(package: ModuleType, comfy: Comfy, photos: list[ToyPhoto]) -> None:
    learn, recover = node(package, "LiquidwarpLearnPerson"), node(package, "LiquidwarpRecoverMotion")
    with pytest.raises(InputError, match="mask is 1 of 64x64, the pictures are 1 of 72x96"):
        learn(image(photos[0]), "photos", 0, 0.0, mask=torch.zeros(1, 64, 64))
    with pytest.raises(InputError, match="not with a clip"):
        learn(image(*photos), "clip", 0, 0.0, mask=torch.zeros(3, *SIZE))
    with pytest.raises(InputError, match="either images or a video"):
        recover(25.0, "quick", 0, 0.0)
    with pytest.raises(InputError, match="the frames"):
        recover(25.0, "quick", 0, 0.0, images=torch.zeros(2, *SIZE, 3))


@pytest.mark.slow
def test_a_mask_cuts_the_person_out(package: ModuleType, comfy: Comfy, photos: list[ToyPhoto]) -> None:
    half = photos[0].mask.copy()
    half[:, : SIZE[1] // 2] = 0
    _, _, mask = node(package, "LiquidwarpLearnPerson")(
        image(photos[0]), "photos", 0, 0.0, mask=torch.from_numpy(half)[None]
    )
    assert float(mask[0, :, : SIZE[1] // 2 - 4].sum()) < 0.02 * float(mask.sum())


# The examples.


def core(photos: list[ToyPhoto], saved: list[tuple[str, Any]]) -> dict[str, Callable[..., tuple]]:
    """ComfyUI's own nodes that the examples name."""
    people = dict(zip(ASSETS, photos[:2], strict=True))
    sound = {"waveform": torch.zeros(1, 1, 800), "sample_rate": 8000}

    def save(kind: str) -> Callable[..., tuple]:
        def run(**given: object) -> tuple:
            saved.append((kind, given))
            return ()

        return run

    return {
        "LoadImage": lambda image_name: (image(people[image_name]), torch.zeros(1, 64, 64)),
        "LoadVideo": lambda file: (SimpleNamespace(images=image(*photos[1:]), audio=sound, frame_rate=Fraction(25)),),
        "GetVideoComponents": lambda video: (video.images, video.audio, float(video.frame_rate)),
        "CreateVideo": lambda images, fps, audio=None: ((images, fps, audio),),
        "MaskToImage": lambda mask: (mask[..., None].expand(-1, -1, -1, 3),),
        "SaveVideo": save("video"),
        "SaveImage": save("image"),
    }


def execute(package: ModuleType, workflow: dict[str, Any], own: dict[str, Callable[..., tuple]]) -> None:
    """Run a workflow as the API takes it, in the order that its links ask for; small, so that it is quick."""
    done: dict[str, tuple] = {}

    def result(number: str) -> tuple:
        if number not in done:
            kind, inputs = workflow[number]["class_type"], dict(workflow[number]["inputs"])
            for name, value in inputs.items():
                inputs[name] = result(value[0])[value[1]] if isinstance(value, list) else value
            inputs |= {name: small for name, small in (("size", 64), ("frames", 2)) if name in inputs}
            if kind == "LoadImage":
                inputs = {"image_name": inputs["image"]}
            made = own[kind](**inputs) if kind in own else node(package, kind)(**inputs)
            done[number] = made["result"] if isinstance(made, dict) else made
        return done[number]

    for number in workflow:
        result(number)


@pytest.mark.parametrize("name", ["imitate", pytest.param("dress_and_turn", marks=pytest.mark.slow), "guides"])
def test_an_example_runs(package: ModuleType, comfy: Comfy, photos: list[ToyPhoto], name: str) -> None:
    saved: list[tuple[str, Any]] = []
    workflow = json.loads((FOLDER / "comfyui" / "examples" / f"{name}_api.json").read_text())
    execute(package, workflow, core(photos, saved))
    if name == "guides":
        assert [given["filename_prefix"].split("/")[1] for _, given in saved] == [
            *("skeleton", "depth", "normal", "parts", "first_pass", "mask", "invented")
        ]
        assert all(given["images"].shape == (2, 64, 48, 3) and bool(given["images"].any()) for _, given in saved)
        return
    ((_, given),) = saved
    images, fps, audio = given["video"]
    assert images.shape == (2, 64, 48, 3)
    assert fps == 25.0
    assert (audio is not None) == (name == "imitate")
    assert len(list(comfy.output.glob("liquidwarp/*.glb"))) == (name == "dress_and_turn")


def test_examples_are_as_they_are_made_and_page_and_api_say_the_same(package: ModuleType, comfy: Comfy) -> None:
    from comfyui import make_examples

    texts = make_examples.written()
    there = {path.name: path.read_text() for path in (FOLDER / "comfyui" / "examples").iterdir()}
    assert texts == there, "run integrations/comfyui/make_examples.py"
    for name in make_examples.WORKFLOWS:
        page, api = json.loads(texts[f"{name}.json"]), json.loads(texts[f"{name}_api.json"])
        assert as_api(page, package, make_examples.CORE) == api


def as_api(page: dict[str, Any], package: ModuleType, core_nodes: dict[str, tuple]) -> dict[str, Any]:
    """Turn a workflow of the page into one of the API as the page does: widgets in their order, then links."""
    links = {link[0]: [str(link[1]), link[2]] for link in page["links"]}
    for number, source, slot, target, place, kind in page["links"]:
        nodes = {one["id"]: one for one in page["nodes"]}
        assert number in nodes[source]["outputs"][slot]["links"]
        assert nodes[target]["inputs"][place]["link"] == number
        assert nodes[source]["outputs"][slot]["type"] == nodes[target]["inputs"][place]["type"] == kind
    found = {}
    for one in page["nodes"]:
        if one["type"] in core_nodes:
            wanted = core_nodes[one["type"]][0]
        else:
            told = package.NODE_CLASS_MAPPINGS[one["type"]].INPUT_TYPES()
            wanted = {key: pair[0] for key, pair in {**told["required"], **told.get("optional", {})}.items()}
        values = iter(one["widgets_values"])
        widgets = {
            key: next(values)
            for key, kind in wanted.items()
            if isinstance(kind, list) or kind in ("INT", "FLOAT", "STRING")
        }
        linked = {slot["name"]: links[slot["link"]] for slot in one["inputs"] if slot["link"] is not None}
        found[str(one["id"])] = {"class_type": one["type"], "inputs": widgets | linked}
    return found


def test_a_newer_comfyui_gets_videos(
    comfy: Comfy, person: SourceState, motion: BodyTrack, photos: list[ToyPhoto], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("comfyui")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(FOLDER)
    import comfyui

    monkeypatch.setattr(sys.modules["comfyui.watching"], "default_detector", lambda: Profiled(*photos))
    imitate = comfyui.NODE_CLASS_MAPPINGS["LiquidwarpImitate"]
    assert imitate.RETURN_TYPES[-1] == "VIDEO"
    sound = {"waveform": torch.zeros(1, 1, 8), "sample_rate": 8000}
    made = imitate().imitate(person, motion, "copy", 64, "plain", "surface", 0.0, "cpu", audio=sound)
    assert made[-1].images is made[0]
    assert (made[-1].audio, made[-1].frame_rate) == (sound, Fraction(25, 2))
    clip = SimpleNamespace(
        get_components=lambda: SimpleNamespace(images=image(*photos[1:]), audio=sound, frame_rate=Fraction(30))
    )
    recovered, fps, heard = node(comfyui, "LiquidwarpRecoverMotion")(25.0, "quick", 0, 0.0, video=clip)
    assert (len(recovered), recovered.fps, fps, heard) == (2, 30.0, 30.0, sound)
