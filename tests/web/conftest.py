"""A page that is served, and a browser before it; both are left out where they are not installed."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "outputs" / "web"
_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_DRAWN = ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"]
_CAMERA = ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream"]


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the page in a process of its own, as the command does; at the end nothing of it may be left."""
    pytest.importorskip("gradio")
    folder = tmp_path_factory.mktemp("served")
    command = "import sys; from liquidwarp.cli import main; sys.exit(main(['web', '--no-browser', '--port', '0']))"
    server = subprocess.Popen(
        [sys.executable, "-c", command],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(folder)},
    )
    assert server.stdout is not None
    found = re.match(r"(http://127\.0\.0\.1:\d+)/", server.stdout.readline())
    assert found is not None
    yield found[1]
    server.send_signal(signal.SIGINT)
    assert server.wait(60) in (0, 130)
    server.stdout.close()
    assert list(folder.glob("liquidwarp-web-*")) == []


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """Start a browser that has a camera of its own making; while it runs, no other event loop can."""
    playwright = pytest.importorskip("playwright.sync_api")
    if _CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=_CHROMIUM, args=[*_DRAWN, *_CAMERA])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, address: str) -> Iterator[Any]:
    """Open the page; nothing may be asked of anybody else, and no script may fail."""
    context = chromium.new_context(viewport={"width": 1280, "height": 1000}, permissions=["camera"])
    page = context.new_page()
    elsewhere: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: elsewhere.append(request.url) if not ours(request.url, address) else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("#imitate-go", timeout=60_000)
    yield page
    context.close()
    assert elsewhere == []
    assert faults == []


def ours(url: str, address: str) -> bool:
    """Return whether something is asked of the page's own server, or of nobody."""
    return url.startswith((f"{address}/", "data:", "blob:"))


@pytest.fixture
def picture(page: Any, request: pytest.FixtureRequest) -> Any:
    """Return what keeps a picture of the page under a test's name."""
    PICTURES.mkdir(parents=True, exist_ok=True)

    def keep(what: str) -> None:
        page.screenshot(path=PICTURES / f"{request.node.name}_{what}.png", full_page=True)

    return keep
