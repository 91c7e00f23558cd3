"""Draws the picture of docs/view.md: the page of an episode, in the system's Chromium.

shopfloor run --orders 6 --seed 3 --out runs/picture
python scripts/view.py runs/picture docs/pictures/view.jpg
"""

from __future__ import annotations

import os
import shutil
import sys
import threading
from pathlib import Path

import uvicorn
from playwright.sync_api import sync_playwright

from shopfloor.view.find import find
from shopfloor.view.server import Http, configured

_EVENTS = 4
_SIZE = {"width": 1200, "height": 900}


def main(folder: Path, out: Path) -> None:
    """Serve a run, look at its first episode after a few events, and keep what is seen."""
    http = Http("127.0.0.1", 0)
    server = uvicorn.Server(configured(folder, http))
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("no Chromium here; install it: .ci/system chromium")
    with http.bind() as taken, sync_playwright() as playwright:
        thread = threading.Thread(target=server.run, args=([taken],))
        thread.start()
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        page = browser.new_page(viewport=_SIZE, color_scheme="light", locale="en-GB")
        page.goto(f"{http.url(taken)}/run/{find(folder).found[0].id}/episode/0")
        page.wait_for_load_state("networkidle")
        for _ in range(_EVENTS):
            page.keyboard.press("n")
        page.wait_for_load_state("networkidle")
        page.wait_for_timeout(500)
        page.screenshot(path=out, type="jpeg", quality=80)
        browser.close()
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
