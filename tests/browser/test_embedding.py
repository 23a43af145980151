"""The sign-up form on another site, in a browser that runs no script: framed where staff allow it, and nowhere else."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from subscriptions import embedding
from subscriptions.models import EmbeddingHost, Newsletter
from tests.browser.house import House
from tests.browser.mails import link_in, mail_to
from tests.browser.paper import make_paper
from tests.mailbox import Mailbox


class Site:
    """Another site: one page on loopback, under another name than the house's, so that no cookie would be its own."""

    def __init__(self) -> None:
        site = self
        self.body = ""

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                page = f"<!doctype html><html lang=en><meta charset=utf-8><title>Partner</title>{site.body}"
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.end_headers()
                self.wfile.write(page.encode())

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        self.url = f"http://{self.host}/page"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.shutdown()
    site.server.server_close()


def test_another_site_shows_the_form_and_nothing_else(
    reader: Page, house: House, site: Site, mailbox: Mailbox, complaints: list[str]
) -> None:
    make_paper(articles=1)
    newsletter = Newsletter.objects.get()
    host = EmbeddingHost.objects.create(host=site.host)
    path = embedding.address_of(newsletter, host)

    # In a frame: the whole way to the mail, without leaving the other site.
    site.body = f'<iframe src="{house.url}{path}" width="400" height="700"></iframe>'
    reader.goto(site.url)
    frame = reader.frame_locator("iframe")
    frame.get_by_label("Your email address").fill("vera@example.org")
    frame.get_by_role("checkbox").check()
    assert (
        frame.get_by_role("link", name="Privacy Policy").evaluate(
            "link => link.target || document.querySelector('base').target"
        )
        == "_blank"
    )
    frame.get_by_role("button", name="Sign up").click()
    expect(frame.get_by_role("heading", level=1)).to_have_text("Now look into your mailbox")
    assert reader.url == site.url
    assert link_in(mail_to(mailbox, "vera@example.org"), r"/newsletter/confirm/\S+")
    assert reader.context.cookies() == []

    # As a form of the other site's own, which leads to our page.
    site.body = embedding.plain_form(newsletter, host, at=timezone.now()).replace(
        embedding.settings.SITE_URL, house.url
    )
    reader.goto(site.url)
    expect(reader.get_by_label("Leave this field empty")).to_be_hidden()
    reader.get_by_label("Your email address").fill("ada@example.org")
    reader.get_by_role("checkbox").check()
    reader.get_by_role("button", name="Sign up").click()
    expect(reader.get_by_role("heading", level=1)).to_have_text("Now look into your mailbox")
    assert mail_to(mailbox, "ada@example.org")
    assert complaints == []

    # Every other page, and the form on a site that nobody allowed, stay out of frames.
    EmbeddingHost.objects.update(host="elsewhere.example")
    elsewhere = embedding.address_of(newsletter, EmbeddingHost.objects.get())
    for refused in (elsewhere, newsletter.get_absolute_url()):
        site.body = f'<iframe src="{house.url}{refused}"></iframe>'
        reader.goto(site.url)
        expect(reader.frame_locator("iframe").get_by_label("Your email address")).to_have_count(0)
        reader.wait_for_load_state("networkidle")
        assert "frame-ancestors" in complaints.pop(0)
        complaints.clear()
