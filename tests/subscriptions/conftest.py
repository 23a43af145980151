"""What a reader does, step by step, through the pages and the mails."""

import re
from collections.abc import Callable
from email.message import EmailMessage
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from subscriptions.models import Newsletter
from tests.subscriptions.factories import make_newsletter, make_policy


@pytest.fixture
def newsletter(db: None) -> Newsletter:
    """A newsletter that readers can sign up for, because a Privacy Policy is in force."""
    make_policy(version="2026-1")
    return make_newsletter(name="The Friday Letter", slug="friday")


@pytest.fixture
def sign_up(
    client: Client,
    run_queue: Callable[[], int],
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Callable[..., Any]:
    """Fill in the form of the newsletter's page, send it, and let the worker do what follows."""

    def send(newsletter: Newsletter, **fields: str) -> Any:
        page = client.get(f"/newsletter/{newsletter.slug}/").content.decode()
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page))
        values = {**hidden, "consent": "yes", **fields}
        with django_capture_on_commit_callbacks(execute=True):
            response = client.post(f"/newsletter/{newsletter.slug}/sign-up/", values)
        run_queue()
        return response

    return send


@pytest.fixture
def sign_up_and_get_mail(
    sign_up: Callable[..., Any], send_mail_now: Callable[[], list[EmailMessage]]
) -> Callable[..., Any]:
    def send(newsletter: Newsletter, **fields: str) -> EmailMessage:
        sign_up(newsletter, **fields)
        return send_mail_now()[-1]

    return send


def link_in(mail: EmailMessage, word: str) -> str:
    """Return the path of the link in a mail's text whose address holds a word."""
    text = mail.get_body(("plain",))
    assert text is not None
    (path,) = re.findall(rf"https?://[^/\s]+(/\S*{word}\S*)", text.get_content())
    return str(path)
