"""Take the pictures of the staff's screens from a running sandbox: `python docs/screenshots/take.py [NAME …]`.

All of them, or those that are named; each narrow and wide, light and dark, as small PNG files in
`docs/screenshots/staff/`. Start `make run` before it.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FOLDER = Path(__file__).resolve().parent / "staff"
PROJECT = FOLDER.parent.parent.parent
sys.path.insert(0, str(PROJECT))

from sandbox.environment import read_values  # noqa: E402 - found only once the project's folder is on the path.

SIZES = {"narrow": (360, 780), "wide": (1280, 900)}
SCREENS = {
    "dashboard": "/admin/",
    "articles": "/admin/newsroom/article/",
    "article": "/admin/newsroom/article/",
    "issues": "/admin/subscriptions/issue/",
    "desk": "/admin/subscriptions/issue/",
    "subscribers": "/admin/subscriptions/subscriber/",
    "payments": "/admin/donations/payment/",
    "income": "/admin/donations/income/",
    "staff": "/admin/newsroom/staffmember/",
    "history": "/admin/newsroom/historyentry/",
    "access": "/admin/account/",
    "factors": "/admin/account/factors/",
}
# The page of the first row of the list that says this.
OPENED = {"article": "", "desk": "The Friday Letter"}
# The pages with the most to see are worth more than their first screen.
WHOLE = {"dashboard", "desk"}


def main() -> None:
    values = read_values(PROJECT / ".sandbox" / "environment")
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(f"{values['SITE_URL']}/admin/")
        keep_all(page, "log-in")
        page.fill("#id_login", values["STAFF_LOGIN"])
        page.fill("#id_password", values["STAFF_PASSWORD"])
        page.click("text=Log in >> nth=-1")
        page.wait_for_url("**/admin/")
        for name in sys.argv[1:] or SCREENS:
            path = SCREENS[name]
            page.goto(values["SITE_URL"] + path)
            if name in OPENED:
                page.locator("#result_list tbody tr", has_text=OPENED[name]).first.locator("th a").click()
                page.wait_for_load_state("networkidle")
            keep_all(page, name)
        browser.close()


def keep_all(page: Page, name: str) -> None:
    for size, (width, height) in SIZES.items():
        page.set_viewport_size({"width": width, "height": height})
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
            shot = page.screenshot(full_page=name in WHOLE, animations="disabled")
            # Sixteen colours and their shades are all that such a page has.
            small = Image.open(io.BytesIO(shot)).convert("RGB").quantize(48)
            small.save(FOLDER / f"{name}-{size}-{scheme}.png", optimize=True)


if __name__ == "__main__":
    main()
