"""Ten thousand hostile sign-ups: each is answered, none is shown as it came, and none is kept as it came."""

import random
from datetime import UTC, datetime
from html.parser import HTMLParser

from django.test import Client

from subscriptions.forms import SignupForm
from subscriptions.models import Newsletter, SignupRequest
from subscriptions.statements import newsletter_statement
from tests.subscriptions.sign_ups import fields

# Where an address that is a program would be run.
RUNS = {"href", "src", "action", "formaction", "data"}


class Markup(HTMLParser):
    """Collects what would act in a browser: scripts, event handlers and addresses that run."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.active += [
            name
            for name, value in attrs
            if name.startswith("on") or (name in RUNS and (value or "").strip().startswith("javascript:"))
        ]
        if tag in {"script", "iframe", "object", "embed", "svg", "base"}:
            self.active.append(tag)


def test_markup_that_acts_would_be_noticed() -> None:
    markup = Markup()
    markup.feed('<p onclick="x()"><a href="javascript:x()">a</a><script>x()</script></p>')
    assert markup.active == ["onclick", "href", "script"]


PIECES = [
    *"<>\"'&;\x00\r\n%{}[]@.=,()\\/ +-_aZ0é\u202e\u200bпр",
    "lena", "example.org", "@example.org", "@", "..", "--", "xn--", "lena@example.org", "\r\nBcc: all@example.org",
    "=cmd|",
    "<script>alert(1)</script>", "' onfocus=x ", "javascript:", "{{7*7}}", "{% load %}", "/../", "//evil.example",
    "yes",
    "[127.0.0.1]", '"quoted string"', "x" * 300, "\ud7ff", "\U0001f600", "пример.рф", "%0d%0a", "../../etc/passwd",
]  # fmt: skip
INPUTS, THROUGH_THE_DOOR = 10_000, 200


def _hostile(chance: random.Random) -> str:
    """Return a text of pieces; every third one is near an address, which is where the trouble is."""
    text = "".join(chance.choices(PIECES, k=chance.randrange(8)))
    return f"lena{text[:2]}@{chance.choice(['', chance.choice(PIECES)])}example.org" if chance.random() < 0.3 else text


def _check(email: str, page: str) -> None:
    assert email.isascii()
    assert email == email.lower()
    assert not set(email) & set("\r\n\x00<> ")
    assert not page or page.startswith("/")
    assert "\x00" not in page


def test_ten_thousand_hostile_inputs_pass_the_form_only_as_what_is_harmless(newsletter: Newsletter) -> None:
    statement = newsletter_statement(newsletter, at=datetime.now(UTC))
    assert statement is not None
    chance = random.Random(35)
    # One form that is filled in again and again: to copy its fields for each input takes longer than to judge it.
    form = SignupForm({}, statement=statement)
    taken = 0
    for _number in range(INPUTS):
        email, page, website = _hostile(chance), _hostile(chance), _hostile(chance)
        proof = statement.fingerprint if chance.random() < 0.9 else _hostile(chance)
        form.data = {
            "email": email,
            "consent": "yes",
            "page": page,
            "website": website,
            "statement": proof,
            "sure": email,
        }
        form.full_clean()
        if form.is_valid():
            taken += 1
            _check(form.cleaned_data["email"], form.cleaned_data["page"])
    assert INPUTS / 100 < taken < INPUTS / 2


def test_hostile_input_is_answered_and_never_reflected_raw(newsletter: Newsletter, client: Client) -> None:
    proof = fields(newsletter)["statement"]
    chance = random.Random(36)
    for number in range(THROUGH_THE_DOOR):
        sent = {"email": _hostile(chance), "page": _hostile(chance), "website": chance.choice(["", _hostile(chance)])}
        sent["statement"] = proof if number % 3 else _hostile(chance)
        response = client.post("/newsletter/friday/sign-up/", {**sent, "consent": chance.choice(["", "yes"])})
        assert response.status_code in {303, 422}, sent
        markup = Markup()
        markup.feed(response.content.decode())
        assert markup.active == [], sent
    for request in SignupRequest.objects.all():
        _check(request.email, request.page)
        assert request.page.startswith("/")
