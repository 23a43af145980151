"""What arrives over SMTP, parsed as a mailbox parses it: scripts, emoji, long lines, words that would be headers."""

import re
from email.message import EmailMessage

import pytest
from django.conf import settings

from subscriptions import sending
from subscriptions.models import Newsletter
from tests.mailbox import Mailbox
from tests.newsroom.factories import make_article
from tests.subscriptions.factories import make_subscription
from tests.subscriptions.issue_factories import make_sending_issue

pytestmark = pytest.mark.django_db

LONG_SUBJECT = "Мост, пчёлы 🐝 и очень длинная тема " * 5
FAMILY = "👩‍👩‍👧‍👦"


def arrive(newsletter: Newsletter, smtp: Mailbox, *, body: str = "", **words: str) -> EmailMessage:
    newsletter.save()
    make_subscription(newsletter=newsletter, email="vera@example.org")
    article = make_article(headline="Пчёлы & мост", standfirst="Меньше <5 %.", body=body or "<p>Текст.</p>")
    sending.send_issue(make_sending_issue(newsletter=newsletter, articles=[article], **words).pk)
    (message,) = smtp.messages
    return message


def part(message: EmailMessage, kind: str) -> str:
    found = message.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_cyrillic_and_emoji_arrive_whole_in_every_place(newsletter: Newsletter, smtp: Mailbox) -> None:
    newsletter.sender_name, newsletter.name = "Редакция «Меридиана» 🌍", "Пятничное письмо"
    newsletter.language = "ru"

    message = arrive(
        newsletter, smtp, subject=LONG_SUBJECT, preheader=f"Семья {FAMILY}", letter=f"Доброе утро, {FAMILY}!"
    )

    assert str(message["Subject"]) == LONG_SUBJECT.strip()
    assert str(message["From"]) == "Редакция «Меридиана» 🌍 <friday@meridian.example>"
    assert f"Доброе утро, {FAMILY}!" in part(message, "plain")
    assert f"Доброе утро, {FAMILY}!" in part(message, "html")
    assert "Меньше <5 %." in part(message, "plain")
    assert '<html lang="ru" dir="ltr"' in part(message, "html")
    assert not message.defects


def test_long_lines_and_lone_dots_arrive_as_they_were_written(newsletter: Newsletter, smtp: Mailbox) -> None:
    long_word = "https://example.org/" + "a" * 2_000
    letter = f".\n\nFrom here on\n\n{long_word}\n\n..two\n\nпоследняя"

    message = arrive(newsletter, smtp, letter=letter)

    text = part(message, "plain").replace("\r\n", "\n")
    assert letter in text
    assert long_word in part(message, "html")
    raw = message.as_bytes()
    assert max(len(line) for line in raw.splitlines()) <= 998


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_words_of_staff_begin_no_header(newsletter: Newsletter, smtp: Mailbox, ending: str) -> None:
    newsletter.sender_name = f"The Meridian{ending}Bcc: all@example.org"
    newsletter.name = f"Friday{ending}X-Evil: 1"

    message = arrive(newsletter, smtp, subject=f"Hello{ending}Bcc: all@example.org{ending}{ending}<script>")

    assert (message["Bcc"], message["X-Evil"]) == (None, None)
    assert str(message["Subject"]) == "Hello Bcc: all@example.org <script>"
    assert smtp.messages[0]["To"] == "vera@example.org"
    for name in (
        "From",
        "Subject",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "List-Id",
        "Feedback-ID",
        "Message-ID",
    ):
        assert len(message.get_all(name, [])) == 1, name


def test_all_headers_for_providers_arrive(newsletter: Newsletter, smtp: Mailbox) -> None:
    message = arrive(newsletter, smtp)

    unsubscribe = str(message["List-Unsubscribe"])
    assert re.fullmatch(rf"<{re.escape(settings.SITE_URL)}/newsletter/unsubscribe/[A-Za-z0-9._-]+/>", unsubscribe)
    assert str(message["List-Unsubscribe-Post"]) == "List-Unsubscribe=One-Click"
    assert str(message["List-Id"]).endswith(f"<{newsletter.list_id}>")
    assert str(message["List-Post"]) == "NO"
    for name in ("List-Help", "List-Owner", "List-Archive", "Feedback-ID", "Auto-Submitted", "Date", "Reply-To"):
        assert message[name], name
    assert [one.get_content_type() for one in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert unsubscribe.strip("<>") in part(message, "plain")
    assert unsubscribe.strip("<>") in part(message, "html")


def test_a_mail_right_to_left_says_so_where_programs_strip_its_root(newsletter: Newsletter, smtp: Mailbox) -> None:
    newsletter.language = "ar"

    html = part(arrive(newsletter, smtp, subject="الجسر", letter="صباح الخير"), "html")

    assert '<html lang="ar" dir="rtl"' in html
    assert re.search(r'<body lang="ar" dir="rtl"', html)
    assert re.search(r'<table[^>]* dir="rtl"', html)
    assert not re.search(r"(text-align|float):\s*(left|right)", html)


def test_the_mail_is_light_and_asks_no_other_host(newsletter: Newsletter, smtp: Mailbox) -> None:
    newsletter.shows_full_text = True
    body = (
        '<p>a <a href="https://elsewhere.example/">link</a></p><img src="https://spy.example/x.gif"><style>p{}</style>'
    )

    html = part(arrive(newsletter, smtp, body=body), "html")

    assert "spy.example" not in html
    assert not re.search(r"<(script|link|img|iframe|form|video|svg)\b", html)
    assert "@import" not in html
    assert "url(" not in html
    assert len(html.encode()) < 16_000
