"""What stands before the page: who may ask, for what, and what a browser may fetch for it."""

import json
import os
import re
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; frame-src 'none'; object-src 'none'; base-uri 'self'; form-action 'self'; "
    "frame-ancestors 'none'"
)
_HEADERS = (
    (b"content-security-policy", _POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
_UPLOAD = "multipart/form-data"
_LARGEST_ORDER = 16 * 2**20  # bytes; files come as uploads
# What Gradio offers and the page does not use: fetching for others, other programs' pages, its own editor.
_CLOSED = re.compile(
    r"/(?:gradio_api/)?(?:proxy=|vibe|deep_link|mcp|dev/|process_recording|reload|runs|monitoring|startup-events)"
    r"|/file[=/]+\s*\w+:(?!\\)"
    r"|/(?:docs|redoc|openapi\.json)$",
    re.IGNORECASE,
)


class Doorkeeper:
    """Lets requests of the page itself through, and nothing else.

    Another site, open in the same browser, cannot ask: not by its own name for our address, nor across origins. The
    server fetches nothing for anybody, and a browser loads nothing for the page from elsewhere. An order names files
    that were uploaded, and no others: Gradio would copy any file of the server's, and fetch what has an address.

    Args:
        app: what is behind it.
        hosts: names by which the page may be asked for, without ports; empty for any.
        largest: bytes of a request's body.
        uploads: the folder of what was uploaded.
    """

    def __init__(self, app: App, hosts: Iterable[str], largest: int, uploads: Path) -> None:
        self._app, self._hosts, self._largest = app, frozenset(hosts), largest
        self._uploads = Path(os.path.realpath(uploads))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as ASGI has it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", ())}
        refusal = self._refusal(scope, headers)
        if refusal is not None:
            await _refuse(scope, send, *refusal)
            return
        changes = scope["type"] == "http" and scope["method"] not in ("GET", "HEAD")
        if changes and not headers.get(b"content-type", "").startswith(_UPLOAD):
            body = await _whole(receive, _LARGEST_ORDER)
            if body is None or not self._names_uploads_alone(body):
                await _refuse(scope, send, 403, "only what was uploaded may be named")
                return
            receive = _again(body, receive)
        came = 0

        async def bounded() -> MutableMapping[str, Any]:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            return message if came <= self._largest else {"type": "http.disconnect"}

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                given = [pair for pair in message.get("headers", ()) if pair[0].lower() not in dict(_HEADERS)]
                message = {**message, "headers": [*given, *_HEADERS]}
            await send(message)

        await self._app(scope, bounded, with_headers)

    def _names_uploads_alone(self, body: bytes) -> bool:
        """Return whether an order is JSON, and names no file but uploaded ones."""
        if not body:
            return True
        try:
            waiting = [json.loads(body)]
        except (ValueError, RecursionError):
            return False
        while waiting:
            value = waiting.pop()
            if isinstance(value, dict):
                if "path" in value and not self._is_upload(value["path"]):
                    return False
                waiting += value.values()
            elif isinstance(value, list):
                waiting += value
        return True

    def _is_upload(self, path: Any) -> bool:
        if not isinstance(path, str) or "\0" in path or not os.path.isabs(path):
            return False
        return Path(os.path.realpath(path)).is_relative_to(self._uploads) and os.path.isfile(path)

    def _refusal(self, scope: Scope, headers: dict[bytes, str]) -> tuple[int, str] | None:
        host = headers.get(b"host", "")
        if self._hosts and _bare(host) not in self._hosts:
            return 403, "this page is not asked for by that name"
        origin = headers.get(b"origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return 403, "another site may not ask"
        asked = unquote(unquote(scope.get("path", "")))
        if "\0" in asked or _CLOSED.search(asked):
            return 404, "there is nothing"
        length = headers.get(b"content-length", "0")
        if not length.isdigit() or int(length) > self._largest:
            return 413, f"more than {self._largest >> 20} MB; give a smaller file"
        return None


def _bare(host: str) -> str:
    """Return a host without its port."""
    return host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0].lower()


async def _whole(receive: Receive, largest: int) -> bytes | None:
    """Return the body of a request; None where it is too large or breaks off."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > largest:
            return None
        more = message.get("more_body", False)
    return b"".join(parts)


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives a body that was read, and then what comes after it."""
    given = False

    async def give() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return give


async def _refuse(scope: Scope, send: Send, status: int, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send(
        {
            "type": "http.response.start",
            "status": status,
            "headers": [(b"content-type", b"text/plain; charset=utf-8"), *_HEADERS],
        }
    )
    await send({"type": "http.response.body", "body": why.encode()})
