"""A message built from prepared bytes says the same as one built slowly; its headers are what providers ask for."""

import email
import email.policy
import re
from email.message import EmailMessage
from uuid import UUID

import pytest
from django.conf import settings as project
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from subscriptions import issues, rendering
from subscriptions.messages import TOKEN_MARKER, IssueMessage, Words
from subscriptions.models import Issue, Newsletter
from subscriptions.transfer_encoding import Slot, encode
from tests.subscriptions.factories import NOW
from tests.subscriptions.issue_factories import make_issue, make_sending_issue, make_stories

SITE_URL = project.SITE_URL
UUID_1 = UUID("12345678123456781234567812345678")
TOKEN = "k1." + "Az9_-" * 8 + "xyz"

# Letters of several scripts, characters that encodings stumble over, and long lines without a blank.
LETTERS = st.sampled_from(
    [
        "a",
        "Z",
        " ",
        "  ",
        "\t",
        ".",
        "=",
        "\n",
        "\n\n",
        "\r\n",
        "\n.",
        "From ",
        "ж",
        "Ё",
        "ø",
        "😀",
        "ן",
        "‏",
        "=20",
        "x" * 120,
    ]
)
TEXTS = st.lists(LETTERS | st.just(TOKEN_MARKER), max_size=80).map("".join)


@given(text=TEXTS, length=st.integers(1, 70))
@settings(max_examples=300, deadline=None)
def test_encoded_once_and_filled_decodes_to_the_filled_text(text: str, length: int) -> None:
    value = ("t" + "oken_-9.~" * 8)[:length].rstrip(".") or "t"

    name, segments = encode(text, marker=TOKEN_MARKER, value_length=len(value))
    wire = b"".join(one.fill(value.encode()) if isinstance(one, Slot) else one for one in segments)

    part = email.message_from_bytes(
        f"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: {name}\r\n\r\n".encode() + wire
    )
    decoded = part.get_payload(decode=True)
    expected = text.replace("\r\n", "\n").replace(TOKEN_MARKER, value)
    expected = expected if expected.endswith("\n") else expected + "\n"
    assert isinstance(decoded, bytes)
    assert decoded.decode() == expected.replace("\n", "\r\n")
    assert wire.isascii()
    assert all(len(line) <= 76 for line in wire.split(b"\r\n"))
    assert b"\r\n." not in b"\r\n" + wire
    assert b"\n" not in wire.replace(b"\r\n", b"")


@pytest.fixture
def issue(newsletter: Newsletter) -> Issue:
    return make_issue(newsletter=newsletter)


@given(subject=TEXTS, html=TEXTS, text=TEXTS)
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_quick_way_equals_the_slow_way(issue: Issue, subject: str, html: str, text: str) -> None:
    subject = subject.replace(TOKEN_MARKER, "").strip() or "A subject"
    quick = IssueMessage(
        issue=issue, words=Words(subject=subject, text=text, html=html), date=NOW, token_length=len(TOKEN)
    ).to_reader(address="reader@example.org", token=TOKEN, delivery_uuid=UUID_1)

    slow = EmailMessage()
    slow["Subject"] = " ".join(subject.split())
    slow["To"] = "reader@example.org"
    slow.set_content(text.replace(TOKEN_MARKER, TOKEN))
    slow.add_alternative(html.replace(TOKEN_MARKER, TOKEN), subtype="html")
    parsed = _parsed(quick)

    assert str(parsed["Subject"]).split() == str(slow["Subject"]).split()
    assert str(parsed["To"]) == str(slow["To"])
    assert [part.get_content_type() for part in parsed.walk()] == [part.get_content_type() for part in slow.walk()]
    for kind in ("plain", "html"):
        assert _words(parsed, kind) == _words(slow, kind)
    assert not parsed.defects


def test_headers_are_what_mailbox_providers_ask_for(issue: Issue) -> None:
    message = _parsed(_message(issue))

    assert str(message["List-Unsubscribe"]) == f"<{SITE_URL}/newsletter/unsubscribe/{TOKEN}/>"
    assert str(message["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert str(message["List-Id"]) == f'"{issue.newsletter.name}" <{issue.newsletter.list_id}>'
    assert str(message["List-Post"]) == "NO"
    for name in ("List-Help", "List-Archive", "List-Owner"):
        assert re.fullmatch(r"<(http://|mailto:)\S+>", str(message[name]))
    campaign, slug, kind, sender = str(message["Feedback-ID"]).split(":")
    assert (campaign, slug, kind) == ("20261120", "friday", "newsletter")
    assert 5 <= len(sender) <= 15
    assert str(message["Message-ID"]) == f"<{UUID_1.hex}@meridian.example>"
    assert str(message["Auto-Submitted"]) == "auto-generated"
    assert str(message["From"]) == "The Meridian <friday@meridian.example>"
    assert all(len(message.get_all(name, [])) == 1 for name in ("From", "To", "Subject", "Date", "Message-ID"))


def test_cyrillic_names_and_subjects_arrive_whole(newsletter: Newsletter) -> None:
    newsletter.sender_name, newsletter.name = "Редакция «Меридиана»", "Пятничное письмо"
    issue = make_issue(
        newsletter=newsletter, subject="Мост, пчёлы и очень длинная тема, которая не помещается в одну строку 😀"
    )
    raw = _message(issue)

    message = _parsed(raw)

    assert str(message["Subject"]) == issue.subject
    assert str(message["From"]) == "Редакция «Меридиана» <friday@meridian.example>"
    assert raw.isascii()
    assert str(message["List-Id"]) == f"<{newsletter.list_id}>"


def test_a_line_break_in_a_subject_or_name_begins_no_header(newsletter: Newsletter) -> None:
    newsletter.sender_name = "The Meridian\r\nBcc: everyone@example.org"
    newsletter.name = "Friday\r\nX-Evil: 1"
    issue = make_issue(newsletter=newsletter, subject="Hello\r\nX-Evil: 1\n\n<script>")

    message = _parsed(_message(issue))

    assert message["X-Evil"] is None
    assert message["Bcc"] is None
    assert str(message["Subject"]) == "Hello X-Evil: 1 <script>"


def test_the_mail_needs_no_other_host_and_no_script(issue: Issue) -> None:
    html = rendering.render(issue, at=NOW).mail_html

    assert "<script" not in html
    assert "<img" not in html
    assert set(re.findall(r'(?:href|src)="(https?://[^/"]+)', html)) == {SITE_URL}
    assert re.search(r'<html lang="en" dir="ltr"', html)
    assert html.index("color-scheme") < html.index("<body")


def test_outlook_and_dark_programs_find_what_is_for_them(newsletter: Newsletter) -> None:
    """Outlook for Windows knows no &apos; and no greatest width; a dark look must outweigh the styles in the text."""
    articles = make_stories(count=1, headline='The bees\' "bridge"', standfirst="It isn't long.")
    html = rendering.render(make_issue(newsletter=newsletter, articles=articles, letter="Don't."), at=NOW).mail_html

    assert "&apos;" not in html
    opening, closing = re.findall(r"<!--\[if mso\]>(.*?)<!\[endif\]-->", html)
    assert opening.startswith("<table") and closing.endswith("</table>")
    (dark,) = re.findall(r"@media \(prefers-color-scheme: dark\) \{(.*?)\n\}", html, re.DOTALL)
    rules = re.findall(r"([^{}]+)\{([^{}]*)\}", dark)
    assert {"a, .kicker", ".story, .whole blockquote"} <= {" ".join(selector.split()) for selector, _style in rules}
    for selector, style in rules:
        assert all("!important" in one for one in style.split(";") if one.strip()), selector


def test_text_of_editors_is_shown_and_never_markup(newsletter: Newsletter) -> None:
    articles = make_stories(count=1, headline="Bees & <b>bridges</b>", standfirst="Less than <5 %.")
    issue = make_issue(
        newsletter=newsletter, articles=articles, letter="Dear <i>reader</i>,\n\nsee http://example.org/a/ ."
    )

    rendered = rendering.render(issue, at=NOW)

    assert "<b>bridges" not in rendered.mail_html
    assert "<i>reader" not in rendered.mail_html
    assert "Bees & <b>bridges</b>" in rendered.mail_text
    assert "Less than <5 %." in rendered.mail_text
    assert "&amp;" not in rendered.mail_text


def test_the_text_part_reads_from_top_to_bottom(issue: Issue) -> None:
    text = rendering.render(issue, at=NOW).mail_text

    first = issue.picks.in_order().select_related("article")[0].article
    lines = text.splitlines()
    assert lines[0] == issue.newsletter.name
    assert lines.index("this is the letter.") < lines.index(first.headline)
    assert f"{SITE_URL}{first.get_absolute_url()}" in lines
    assert "\n\n\n" not in text


def test_right_to_left_letters_say_so(newsletter: Newsletter) -> None:
    newsletter.language = "ar"
    issue = make_issue(newsletter=newsletter)

    assert '<html lang="ar" dir="rtl"' in rendering.render(issue, at=NOW).mail_html


@pytest.mark.parametrize("page", ["issues/", "issues/2026-11-20/", "preview/"])
def test_pages_of_issues_open_without_cookie_or_script(client: Client, newsletter: Newsletter, page: str) -> None:
    make_sending_issue(newsletter=newsletter)

    response = client.get(f"/newsletter/friday/{page}")

    assert response.status_code == 200
    assert not response.cookies
    html = response.content.decode()
    assert "The week in seven stories" in html
    assert "<script" not in html
    assert TOKEN_MARKER not in html


def test_a_draft_is_not_in_the_archive_and_its_letter_stays_private(client: Client, newsletter: Newsletter) -> None:
    newsletter.intro = "What we are."
    newsletter.save()
    make_issue(newsletter=newsletter, assembled_at=NOW, letter="Not for everyone yet.")

    assert client.get("/newsletter/friday/issues/2026-11-20/").status_code == 404
    assert client.get("/newsletter/friday/issues/2026-99-99/").status_code == 404
    sample = client.get("/newsletter/friday/preview/").content.decode()
    assert "What we are." in sample
    assert "Not for everyone yet." not in sample


def test_a_sample_shows_no_working_words(client: Client, newsletter: Newsletter) -> None:
    issue = make_issue(newsletter=newsletter, assembled_at=NOW, subject="Working title", preheader="Half a thought")
    pick = issue.picks.in_order()[0]
    pick.headline, pick.blurb = "Is he guilty?", "Ask the lawyers first."
    pick.save()

    sample = client.get("/newsletter/friday/preview/").content.decode()

    assert "<h1>The Friday Letter</h1>" in sample
    assert pick.article.headline in sample
    assert pick.article.standfirst in sample
    for words in ("Working title", "Half a thought", "Is he guilty?", "Ask the lawyers first."):
        assert words not in sample


@pytest.mark.parametrize("state", [Issue.State.HELD, Issue.State.CANCELLED])
def test_an_issue_that_was_stopped_is_no_sample(client: Client, newsletter: Newsletter, state: str) -> None:
    issue = make_issue(newsletter=newsletter, assembled_at=NOW)
    stop = {Issue.State.HELD: issues.hold, Issue.State.CANCELLED: issues.cancel}[Issue.State(state)]
    stop(issue, by=None, at=NOW, reason="The lead story is wrong.")

    sample = client.get("/newsletter/friday/preview/").content.decode()

    assert issue.picks.in_order()[0].article.headline not in sample


def _message(issue: Issue) -> bytes:
    rendered = rendering.render(issue, at=NOW)
    words = Words(subject=rendered.subject, text=rendered.mail_text, html=rendered.mail_html)
    message = IssueMessage(issue=issue, words=words, date=NOW, token_length=len(TOKEN))
    return message.to_reader(address="reader@example.org", token=TOKEN, delivery_uuid=UUID_1)


def _parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def _words(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = str(part.get_content()).replace("\r\n", "\n")
    return content if content.endswith("\n") else content + "\n"


@given(html=TEXTS, text=TEXTS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_message_that_says_so_has_no_line_that_begins_with_a_dot(issue: Issue, html: str, text: str) -> None:
    message = IssueMessage(
        issue=issue, words=Words(subject="A subject", text=text, html=html), date=NOW, token_length=len(TOKEN)
    )

    wire = message.to_reader(address=".reader@example.org", token=TOKEN, delivery_uuid=UUID_1)

    assert message.is_dotless
    assert b"\r\n." not in wire
    assert wire.endswith(b"\r\n")
