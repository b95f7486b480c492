"""Each tab in a real Chromium, used as a person would; pictures of it are kept in outputs/web."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from liquidwarp.web.examples import photo_of

pytestmark = pytest.mark.slow

LONG = 240_000  # milliseconds: machines are busy


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("photos") / "me.jpg"
    image = Image.open(photo_of("man_jacket"))
    image.thumbnail((384, 384))
    image.save(path, quality=95)
    return path


def tab(page: Any, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def panel(page: Any) -> Any:
    return page.locator("[role=tabpanel]:visible")


def test_imitate(page: Any, picture: Any, photo: Path, tmp_path: Path) -> None:
    result = page.locator(".lw-wiper video.over")
    assert result.get_attribute("src") == "/examples/woman_stripes_step.mp4"  # there before the first click
    page.wait_for_function("document.querySelector('.lw-wiper video.over').readyState >= 2", timeout=LONG)
    picture("ready")
    page.get_by_label("Turns").check()
    page.wait_for_function("document.querySelector('.lw-wiper video.over').src.endsWith('stripes_spin.mp4')")
    panel(page).locator("input[type=file]").first.set_input_files(photo)
    page.get_by_label("Waves").check()
    page.get_by_role("button", name="More: size").click()
    page.get_by_label("Longer side, pixels").first.click()
    page.get_by_role("option", name="384").click()
    page.locator("#imitate-go").click()
    page.locator(".lw-wiper .stage[data-state=preview]").wait_for(timeout=LONG)
    picture("under_way")
    page.get_by_role("link", name="MP4").wait_for(timeout=LONG)
    page.wait_for_function("document.querySelector('.lw-wiper video.under').readyState >= 2", timeout=LONG)
    assert "/results/" in result.get_attribute("src")
    page.get_by_label("Border between").fill("30")
    page.get_by_role("button", name="Play", exact=True).first.click()
    picture("done")
    assert "--size 384" in page.get_by_role("region", name="The same as a command line").inner_text()
    assert "lw.imitate(person, motion, size=384)" in page.get_by_role("region", name="The same as Python").inner_text()
    for name, start in (("MP4", b"ftyp"), ("me.person", b""), ("motion file", b"PK")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        data = Path(download.value.path()).read_bytes()
        assert start in data[:16]
    for button, file, start in (
        ("Make Transparent WebM", "transparent.webm", b"\x1aE\xdf\xa3"),
        ("Make PNG sequence", "frames.zip", b"PK"),
        ("Make GLB", "person.glb", b"glTF"),
        ("Make BVH", "motion.bvh", b"HIERARCHY"),
    ):
        panel(page).get_by_role("button", name=button).click()
        link = page.get_by_role("link", name=file)
        link.wait_for(timeout=LONG)
        with page.expect_download() as download:
            link.click()
        assert Path(download.value.path()).read_bytes().startswith(start)


def test_cancel_and_mistakes(page: Any, picture: Any, tmp_path: Path) -> None:
    page.locator("#imitate-go").click()
    page.locator(".lw-status progress").first.wait_for(timeout=LONG)
    page.locator("#imitate-stop").click()
    page.get_by_text("Cancelled; everything of it is removed.").wait_for(timeout=LONG)
    nobody = tmp_path / "nobody.png"
    Image.new("RGB", (128, 96), (90, 140, 200)).save(nobody)
    tab(page, "Turn")
    panel(page).locator("input[type=file]").first.set_input_files(nobody)
    alert = page.get_by_role("alert")
    alert.wait_for(timeout=LONG)
    assert "photo.png" in alert.inner_text()
    assert "/" not in alert.inner_text().replace("http://", "")
    picture("mistake")


def test_turn(page: Any, picture: Any, photo: Path) -> None:
    tab(page, "Turn")
    panel(page).locator("input[type=file]").first.set_input_files(photo)
    view = panel(page).locator(".lw-view canvas")
    panel(page).locator(".lw-view canvas[data-state=shown]").wait_for(timeout=LONG)
    picture("front")
    front = view.screenshot()
    box = view.bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 330, box["y"] + 200, steps=5)
    page.mouse.up()
    page.wait_for_function("Math.abs(document.querySelector('.lw-turn canvas').dataset.yaw - 74) < 2")
    assert view.screenshot() != front
    picture("side")
    view.focus()
    page.keyboard.press("c")
    assert panel(page).get_by_role("button", name="Coverage").get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("document.querySelector('.lw-turn canvas').dataset.yaw < 70")
    picture("coverage")


def test_dress(page: Any, picture: Any) -> None:
    tab(page, "Dress")
    page.locator("#dress-go").click()
    panel(page).locator(".lw-picture img[alt='the first person, dressed']").wait_for(timeout=LONG)
    picture("dressed")
    page.locator("#dress-table").click()
    panel(page).locator(".lw-picture img[alt^=everybody]").wait_for(timeout=LONG)
    picture("table")


def settled(handle: Any) -> dict[str, float]:
    """Return the place of something that no longer moves: pictures that load push what is below them."""
    before = None
    for _ in range(50):
        handle.scroll_into_view_if_needed()
        now = handle.bounding_box()
        if now == before:
            return now
        before = now
        handle.page.wait_for_timeout(200)
    raise AssertionError("it never comes to rest")


def test_fix(page: Any, picture: Any) -> None:
    tab(page, "Fix")
    panel(page).get_by_label("Man in a jacket").check()
    wrist = panel(page).get_by_role("button", name="left wrist")
    wrist.wait_for(timeout=LONG)
    box = settled(wrist)
    before = float(wrist.get_attribute("data-y"))
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 25, y - 60, steps=4)
    page.mouse.up()
    assert float(wrist.get_attribute("data-y")) < before - 20
    panel(page).get_by_role("button", name="right wrist").press("Shift+ArrowUp")
    picture("dragged")
    page.locator("#fix-go").click()
    panel(page).locator(".lw-picture img").wait_for(timeout=LONG)
    panel(page).locator(".lw-view canvas[data-state=shown]").wait_for(timeout=LONG)
    picture("fixed")
    assert "moved" in wrist.get_attribute("class")


def test_live(page: Any, picture: Any) -> None:
    tab(page, "Live")
    page.locator("#live-go").click()
    panel(page).get_by_text("waiting for the camera").wait_for(timeout=LONG)
    camera = page.locator("#live-camera")
    camera.get_by_role("button").first.click()
    page.wait_for_timeout(1500)
    camera.get_by_role("button", name="Record").or_(camera.locator("button[aria-label='capture photo']")).first.click()
    panel(page).locator(".lw-picture img[alt=live]").wait_for(timeout=LONG)
    picture("live")
    page.locator("#live-stop").click()
    panel(page).get_by_text("Done in").wait_for(timeout=LONG)


def test_everything_has_a_name_and_can_be_reached_by_keyboard(page: Any, picture: Any) -> None:
    page.set_viewport_size({"width": 640, "height": 500})  # what is left of 1280 at 200 %
    for name in ("Imitate", "Turn", "Dress", "Fix", "Live"):
        tab(page, name)
        page.wait_for_timeout(300)
        assert page.evaluate(_WITHOUT_NAME) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 641
        picture(name.lower())
    tab(page, "Imitate")
    page.get_by_role("tab", name="Imitate").focus()
    reached = set()
    for _ in range(80):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.innerText"))
    assert {"imitate-go", "imitate-stop"} <= reached


_WITHOUT_NAME = """() => [...document.querySelectorAll("button, input, select, textarea, video, canvas, [role=tab]")]
  .filter((part) => part.offsetParent && part.type !== "file")
  .filter((part) => !(part.getAttribute("aria-label") || part.title || part.innerText.trim() || part.labels?.length
    || part.getAttribute("aria-labelledby")))
  .map((part) => part.outerHTML.slice(0, 200))"""
