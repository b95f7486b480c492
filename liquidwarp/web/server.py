"""`liquidwarp web`: the page is served, on this machine alone unless told otherwise."""

import os
import re
import socket
import tempfile
import threading
import webbrowser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from liquidwarp.errors import InputError
from liquidwarp.web.jobs import Jobs
from liquidwarp.web.uploads import LARGEST_FILE

if TYPE_CHECKING:
    from fastapi import FastAPI

_LOCAL = ("127.0.0.1", "localhost", "::1")
_EVERYWHERE = ("0.0.0.0", "::", "")
_FILE = re.compile(r"[a-z0-9_]{1,40}\.[a-z0-9]{1,12}")
_MORE = 2**20  # bytes of a request around a file
_MISSING = "the page needs Gradio; pip install 'liquidwarp[web]' adds it"
_AROUND = ("GRADIO_ANALYTICS_ENABLED", "GRADIO_TEMP_DIR", "HF_HUB_DISABLE_TELEMETRY", "GRADIO_RUN_HISTORY")


def serve(*, host: str = "127.0.0.1", port: int = 7860, browser: bool = True) -> None:
    """Serve the page until Ctrl-C.

    Args:
        host: address to listen at; others than this machine's let other machines in, without a password.
        port: to listen at; 0 chooses one that is free.
        browser: open the page.

    Raises:
        InputError: Gradio is not installed, or the address cannot be listened at.
    """
    try:
        import uvicorn
    except ImportError as error:
        raise InputError(_MISSING) from error
    listening = _listen(host, port)
    address = f"http://{_named(host)}:{listening.getsockname()[1]}/"
    with own_folder() as folder:
        jobs = Jobs(folder / "jobs")
        try:
            app = make_app(jobs, folder / "gradio", host=host)
            server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, server_header=False))
            print(f"{address} (Ctrl-C ends it)", flush=True)
            if browser:
                threading.Timer(0.5, webbrowser.open, [address]).start()
            server.run(sockets=[listening])
        finally:
            jobs.close()
            listening.close()


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder for all that is uploaded and made, which goes when the server does, and tell Gradio of it."""
    before = {name: os.environ.get(name) for name in _AROUND}
    with tempfile.TemporaryDirectory(prefix="liquidwarp-web-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        for part in ("jobs", "gradio"):
            (folder / part).mkdir(mode=0o700)
        settings = ("False", str(folder / "gradio"), "1", "False")
        os.environ.update(zip(_AROUND, settings, strict=True))
        try:
            yield folder
        finally:
            for name, value in before.items():
                os.environ.pop(name)
                if value is not None:
                    os.environ[name] = value


def make_app(jobs: Jobs, uploads: Path, *, host: str = "127.0.0.1") -> "FastAPI":
    """Return the web application.

    Args:
        jobs: the queue.
        uploads: Gradio's folder.
        host: where it will be listened at.

    Raises:
        InputError: Gradio is not installed.
    """
    try:
        import gradio
        from fastapi import FastAPI, HTTPException
        from fastapi.responses import FileResponse
    except ImportError as error:
        raise InputError(_MISSING) from error
    from liquidwarp.web.examples import file_of
    from liquidwarp.web.gate import Doorkeeper
    from liquidwarp.web.page import CSS, make_page

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    hosts = () if host in _EVERYWHERE else (*_LOCAL, host) if host in _LOCAL else (host,)
    app.add_middleware(Doorkeeper, hosts=hosts, largest=LARGEST_FILE + _MORE, uploads=uploads)

    @app.get("/results/{job}/{name}")
    def result(job: str, name: str, save: str = "") -> FileResponse:
        """Give a file that a job made; nobody can guess a job's name."""
        folder = jobs.folder_of(job)
        if folder is None or not _FILE.fullmatch(name) or not (folder / name).is_file():
            raise HTTPException(404)
        return FileResponse(folder / name, filename=name if save else None, headers={"cache-control": "no-store"})

    @app.get("/examples/{name}")
    def example(name: str) -> FileResponse:
        """Give a file that comes with the page."""
        path = file_of(name)
        if path is None:
            raise HTTPException(404)
        return FileResponse(path)

    return gradio.mount_gradio_app(
        app,
        make_page(jobs),
        path="/",
        allowed_paths=[],
        blocked_paths=[str(Path.home())] if not uploads.is_relative_to(Path.home()) else [],
        max_file_size=LARGEST_FILE,
        show_error=False,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        css=CSS,
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen()  # who comes before the server is ready waits
    except (OSError, OverflowError) as error:
        listening.close()
        cause = getattr(error, "strerror", None) or error
        raise InputError(f"--host {host} --port {port}: {cause}; give another --port, or --port 0") from error
    return listening


def _named(host: str) -> str:
    shown = "127.0.0.1" if host in _EVERYWHERE else host
    return f"[{shown}]" if ":" in shown else shown
