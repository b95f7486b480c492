"""Who may ask, for what."""

import asyncio
import json
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest

from liquidwarp.web.gate import Doorkeeper

HOSTS = ("127.0.0.1", "localhost", "::1")


async def behind(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
    """Answer with the length of what came."""
    came, more = 0, True
    while more:
        message = await receive()
        came += len(message.get("body", b""))
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"referrer-policy", b"origin")]})
    await send({"type": "http.response.body", "body": str(came).encode()})


def ask(
    path: str = "/",
    headers: dict[str, str] | None = None,
    body: tuple[bytes, ...] = (b"",),
    hosts: Any = HOSTS,
    method: str = "GET",
    uploads: Path = Path("/nowhere"),
) -> tuple[int, dict[bytes, bytes], bytes]:
    """Return status, headers and body of an answer."""
    sent: list[MutableMapping[str, Any]] = []
    parts = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    parts[-1]["more_body"] = False
    waiting = iter(parts)

    async def receive() -> MutableMapping[str, Any]:
        return next(waiting)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    given = {"host": "127.0.0.1:7860"} | (headers or {})
    scope = {
        "type": "http",
        "path": path,
        "method": method,
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(Doorkeeper(behind, hosts, 1000, uploads)(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "localhost:7860"}, 200),
        ({"host": "[::1]:7860"}, 200),
        ({"origin": "http://127.0.0.1:7860"}, 200),
        ({"host": "evil.example:7860"}, 403),  # a name of theirs for our address
        ({"host": "127.0.0.1.evil.example"}, 403),
        ({"host": ""}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:7860.evil.example"}, 403),
        ({"content-length": "1001"}, 413),
        ({"content-length": "-1"}, 413),
    ],
)
def test_only_the_page_itself_may_ask(headers: dict[str, str], status: int) -> None:
    assert ask(headers=headers)[0] == status


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/proxy=http://169.254.169.254/",
        "/proxy=https://evil.example/",
        "/gradio_api/file=http://169.254.169.254/latest",
        "/gradio_api/file/https://evil.example/x",
        "/gradio_api/file=HTTPS://evil.example/x",
        "/gradio_api/file%3Dhttp%3A//evil.example",
        "/gradio_api/file%253Dhttp%253A//evil.example",
        "/gradio_api/file=file:///etc/passwd",
        "/gradio_api/vibe-code/",
        "/gradio_api/mcp/sse",
        "/gradio_api/process_recording",
        "/docs",
        "/openapi.json",
        "/results/\0/x",
    ],
)
def test_what_the_page_does_not_use_is_not_there(path: str) -> None:
    assert ask(path)[0] == 404


@pytest.mark.parametrize(
    "path", ["/", "/results/0a/out.mp4", "/gradio_api/file=/tmp/x/photo.jpg", "/gradio_api/upload"]
)
def test_what_it_uses_is(path: str) -> None:
    assert ask(path)[0] == 200


def test_nothing_is_fetched_from_elsewhere() -> None:
    status, headers, body = ask(body=(b"a" * 400, b"b" * 400))
    assert (status, body) == (200, b"800")
    policy = headers[b"content-security-policy"].decode()
    assert "default-src 'self'" in policy
    assert "http" not in policy
    assert "*" not in policy
    assert headers[b"referrer-policy"] == b"no-referrer"


def test_a_body_without_a_length_is_bounded_too() -> None:
    assert ask(body=(b"a" * 900, b"b" * 900))[2] == b"900"


def test_a_page_for_everybody_has_many_names() -> None:
    assert ask(headers={"host": "studio.local"}, hosts=())[0] == 200
    assert ask(headers={"host": "studio.local", "origin": "http://evil.example"}, hosts=())[0] == 403


def order(path: Any) -> bytes:
    return json.dumps({"data": [None, [{"deep": {"path": path, "meta": {"_type": "gradio.FileData"}}}]]}).encode()


def test_an_order_names_what_was_uploaded_and_no_other_file(tmp_path: Path) -> None:
    uploads, secret = tmp_path / "uploads", tmp_path / "secret.jpg"
    uploads.mkdir()
    photo = uploads / "me.jpg"
    for file in (secret, photo):
        file.write_bytes(b"data")
    (uploads / "link.jpg").symlink_to(secret)

    def asked(body: bytes, kind: str = "application/json") -> int:
        return ask("/gradio_api/queue/join", {"content-type": kind}, (body,), method="POST", uploads=uploads)[0]

    assert asked(order(str(photo))) == asked(b"") == asked(b'{"data": ["a path", 1]}') == 200
    others = [
        secret,
        uploads / "link.jpg",
        uploads / ".." / "secret.jpg",
        uploads / "missing.jpg",
        uploads,
        "me.jpg",
        "",
    ]
    for path in [*map(str, others), "http://169.254.169.254/x.jpg", "file:///etc/passwd", None, 7, f"{photo}\0"]:
        assert asked(order(path)) == 403, path
    assert asked(order(str(secret)), "text/plain") == 403
    assert asked(b"no json") == asked(b"[" * 100_000) == 403
    assert asked(b"anything", "multipart/form-data; boundary=x") == 200
