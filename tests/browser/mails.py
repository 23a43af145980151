"""Reading the mails that arrived, as a mail program does."""

import re
from email.message import EmailMessage

from tests.browser.waiting import wait_for
from tests.mailbox import Mailbox


def mail_to(mailbox: Mailbox, address: str, *, subject: str = "") -> EmailMessage:
    """Wait for a mail to an address whose subject holds some words, and return the newest."""

    def found() -> list[EmailMessage]:
        return [mail for mail in mailbox.to(address) if subject in str(mail["Subject"])]

    return wait_for(found, f"a mail to {address} about {subject!r}")[-1]


def text_of(mail: EmailMessage) -> str:
    return _part(mail, "plain")


def html_of(mail: EmailMessage) -> str:
    return _part(mail, "html")


def link_in(mail: EmailMessage, path: str) -> str:
    """Return the one link in a mail's text whose path and query match a pattern."""
    (link,) = set(re.findall(rf"https?://[^/\s]+{path}(?=\s)", text_of(mail)))
    return str(link)


def one_click_link(mail: EmailMessage) -> str:
    """Return the address that a mail program posts to (RFC 8058)."""
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (link,) = re.findall(r"<(https?://[^>]+)>", mail["List-Unsubscribe"])
    return str(link)


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None, f"The mail has no {kind} part."
    return str(part.get_content())
