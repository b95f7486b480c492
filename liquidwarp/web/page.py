"""The page: five tabs over one queue."""

from importlib import resources

import gradio as gr

from liquidwarp.web.desk import Desks
from liquidwarp.web.jobs import Jobs
from liquidwarp.web.tab_dress import dress_tab
from liquidwarp.web.tab_fix import fix_tab
from liquidwarp.web.tab_imitate import imitate_tab
from liquidwarp.web.tab_live import live_tab
from liquidwarp.web.tab_turn import turn_tab

CSS = (resources.files("liquidwarp") / "web" / "static" / "page.css").read_text(encoding="utf-8")
"""How the page looks."""

_KEEP = 24 * 3600  # seconds that uploads are kept, at most
_TABS = {
    "Imitate": imitate_tab,
    "Turn": turn_tab,
    "Dress": dress_tab,
    "Fix": fix_tab,
    "Live": live_tab,
}


def make_page(jobs: Jobs) -> gr.Blocks:
    """Lay the page out.

    Args:
        jobs: the queue that does the work.
    """
    desks = Desks(jobs)

    def leave(request: gr.Request) -> None:
        desks.leave(request.session_hash or "")

    with gr.Blocks(title="liquidwarp", analytics_enabled=False, delete_cache=(600, _KEEP)) as page:
        gr.Markdown("# liquidwarp\nOne photo in motion. Everything stays on this machine.")
        with gr.Tabs():
            for name, tab in _TABS.items():
                with gr.Tab(name):
                    tab(desks)
        page.unload(leave)
    page.has_launched = True  # or Gradio looks at no path that it is given
    page.queue(default_concurrency_limit=None, api_open=False)
    return page
