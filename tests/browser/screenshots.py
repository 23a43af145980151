"""Pictures of pages for people: in CI they are kept beside the report of the run."""

import os
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page

# `SCREENSHOTS=1` writes to `.screenshots` in the checkout; any other value is the folder itself.
_WANTED = os.environ.get("SCREENSHOTS", "")
FOLDER = None if not _WANTED else Path(__file__).parents[2] / ".screenshots" if _WANTED == "1" else Path(_WANTED)
# Each width and each scheme once: four pictures of every page would take CI minutes and show little more.
LOOKS: tuple[tuple[int, Literal["light", "dark"]], ...] = ((360, "light"), (1280, "dark"))


def photograph(page: Page, name: str, *, is_whole: bool = True) -> None:
    """Keep the page narrow and light, wide and dark, where pictures are wanted. The page is as it was afterwards."""
    if FOLDER is None:
        return
    FOLDER.mkdir(parents=True, exist_ok=True)
    before = page.viewport_size
    for width, scheme in LOOKS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        # The admin's links would still be fading from one colour to the other.
        path = FOLDER / f"{name}-{width}-{scheme}.png"
        page.screenshot(path=path, full_page=is_whole, animations="disabled")
    page.emulate_media(color_scheme="light")
    if before is not None:
        page.set_viewport_size(before)
