"""The SMTP side: every message to anybody is accepted and kept."""

from aiosmtpd.smtp import SMTP, Envelope, Session

from sandbox.mail.maildir import Inbox

HOSTNAME = "mail.sandbox"
# Gmail and most others refuse more than 25 MB.
SIZE_LIMIT = 25 * 1024 * 1024


class Catcher:
    """Puts what arrives into an inbox. The names of its methods are aiosmtpd's."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        # Commands are read one by one from a buffer, so a client may send several before it reads an answer (RFC 2920).
        return [*responses[:-1], "250-PIPELINING", responses[-1]]

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.original_content or b""
        self.inbox.deliver(content, sender=envelope.mail_from or "", recipients=envelope.rcpt_tos)
        return "250 Kept"


def protocol(inbox: Inbox) -> SMTP:
    """Return the protocol of one connection. Call it inside a running event loop."""
    return SMTP(Catcher(inbox), hostname=HOSTNAME, data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True)
