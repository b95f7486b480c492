"""The page as it is served: nothing asked of the network, no file given that is not the asker's."""

import http.client
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from liquidwarp.web.examples import photo_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WITHOUT_NETWORK = """
import socket
def refused(*arguments, **_):
    raise AssertionError(f"the network is asked: {arguments}")
for name in ("getaddrinfo", "gethostbyname", "create_connection"):
    setattr(socket, name, refused)
socket.socket.connect = socket.socket.connect_ex = refused
import tempfile
from pathlib import Path
from liquidwarp.web.jobs import Jobs
from liquidwarp.web.server import make_app, own_folder
if __name__ == "__main__":
    with own_folder() as folder:
        jobs = Jobs(folder / "jobs", "toy_work")
        app = make_app(jobs, folder / "gradio")
        assert app is not None
        jobs.close()
    assert not folder.exists()
"""


def test_building_the_page_asks_the_network_for_nothing(tmp_path: Path) -> None:
    pytest.importorskip("gradio")
    script = tmp_path / "without_network.py"
    script.write_text(WITHOUT_NETWORK)
    path = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    subprocess.run([sys.executable, str(script)], check=True, env={**os.environ, "PYTHONPATH": path})


class Asker:
    """Speaks to the page as a browser's tab does.

    Args:
        address: of the page.
    """

    def __init__(self, address: str) -> None:
        self.address, self.tab = address, uuid.uuid4().hex
        self.config: dict[str, Any] = json.loads(self.get("/config")[1])

    def get(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Ask for a path as it is written: nothing is put right on the way."""
        connection = http.client.HTTPConnection(urlsplit(self.address).netloc, timeout=120)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def upload(self, name: str, data: bytes) -> str:
        """Upload a file; return where the server says that it lies."""
        border = uuid.uuid4().hex
        head = f'--{border}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
        body = head.encode("utf-8", "surrogateescape") + data + f"\r\n--{border}--\r\n".encode()
        kind = {"Content-Type": f"multipart/form-data; boundary={border}"}
        request = urllib.request.Request(f"{self.address}/gradio_api/upload", body, kind)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return str(json.load(answer)[0])

    def turn(self, path: str, name: str = "me.jpg") -> list[dict[str, Any]]:
        """Hand a photo to *Turn*; return all that is told."""
        photo = next(part["id"] for part in self.config["components"] if part["props"].get("elem_id") == "turn-photo")
        number = next(
            each["id"] for each in self.config["dependencies"] if [photo, "input"] in map(list, each["targets"])
        )
        given = {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}
        order = {"data": [given], "fn_index": number, "session_hash": self.tab, "event_data": None, "trigger_id": photo}
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(f"{self.address}/gradio_api/queue/join", json.dumps(order).encode(), kind)
        with urllib.request.urlopen(request, timeout=120):
            pass
        return list(self._told())

    def _told(self) -> Iterator[dict[str, Any]]:
        with urllib.request.urlopen(
            f"{self.address}/gradio_api/queue/data?session_hash={self.tab}", timeout=600
        ) as stream:
            for line in stream:
                if line.startswith(b"data:"):
                    message = json.loads(line[5:])
                    yield message
                    if message["msg"] in ("process_completed", "close_stream"):
                        return


UPWARDS = ["..", "%2e%2e", "%252e%252e", "..%2f..", "....//", "..\\", "%c0%ae%c0%ae", ".%00."]
PLACES = [
    "/results/",
    "/examples/",
    "/gradio_api/file=",
    "/file=",
    "/gradio_api/file/",
    "/static/",
    "/assets/",
    "/theme/",
]
PLACES += ["/svelte/", "/gradio_api/component_server/", "/custom_component/x/y/z/", "/gradio_api/stream/a/b/1/c."]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE"]


def test_no_file_of_the_server_can_be_read(address: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("what nobody may read")
    asker = Asker(address)
    deep = "/".join
    places = [str(secret), quote(str(secret), safe=""), "/etc/passwd", "etc/passwd", f"file://{secret}", "C:\\x"]
    places += [deep([up] * 12) + str(secret) for up in UPWARDS]
    places += [deep([up] * 12) + "/etc/passwd" for up in UPWARDS]
    places += [f"0123456789abcdef0123456789abcdef/{place}" for place in ("..", "../me.person", "%2e%2e/x", "a/../b")]
    count = 0
    for place, path in product(PLACES, places):
        for method in METHODS if place == "/results/" else METHODS[:1]:
            status, body = asker.get(f"{place}{path}".replace(" ", "%20"), method)
            assert b"nobody may read" not in body, (place, path)
            assert b"root:" not in body, (place, path)
            assert status not in (500, 502), (place, path, body[:200])
            count += 1
    assert count > 250
    assert asker.get("/", headers={"Origin": "http://evil.example"})[0] == 403
    assert asker.get("/config")[0] == 200


def test_forged_paths_and_hostile_files_are_refused_in_words(address: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.jpg"
    secret.write_bytes(photo_of("woman_checks").read_bytes())
    asker = Asker(address)
    for path in (str(secret), "/etc/passwd", "http://127.0.0.1:1/x.jpg", "../../../etc/passwd", ""):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            asker.turn(path)
    hostile = {
        "../../../../tmp/evil.jpg": b"\xff\xd8\xff\xe0" + bytes(2000),
        "a" * 300 + ".jpg": b"GIF89a" + b"\xff" * 100,
        "x.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "x.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(/etc/passwd) run",
        "empty.png": b"",
        "x.person": b"PK\x03\x04" + bytes(500),
        "bomb.png": _bomb(),
    }
    before = set(tmp_path.parents[1].rglob("evil*"))
    for name, data in hostile.items():
        path = asker.upload(name, data)
        assert "liquidwarp-web-" in path
        assert ".." not in path
        told = json.dumps(asker.turn(path, name))
        assert "turn.glb" not in told, name
    assert set(tmp_path.parents[1].rglob("evil*")) - before <= {
        path for path in tmp_path.parents[1].rglob("evil*") if "liquidwarp-web-" in str(path)
    }
    assert asker.get("/config")[0] == 200


def _bomb() -> bytes:
    """Return a PNG that claims 30,000 x 30,000 pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 1, 0, 0, 0, 0)
    packed = zlib.compress(bytes(3751 * 30_000), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")
