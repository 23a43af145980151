"""One call to the mail provider of EMAIL_URL, through Anymail, with what is known afterwards.

What a failure means depends on how far the call had gone, so each kind has an exception of its own: only one of them
leaves open whether the mail was taken over.
"""

import re
import time
from collections.abc import Callable, Iterable

from anymail.backends.base import AnymailBaseBackend, BasePayload
from anymail.exceptions import AnymailError
from anymail.message import AnymailRecipientStatus
from anymail.utils import EmailAddress, concat_lists, parse_address_list
from django.core.mail import EmailMultiAlternatives
from django.utils.module_loading import import_string
from requests import exceptions as requests_exceptions
from urllib3 import exceptions as urllib3_exceptions

from newsroom.providers import Provider
from newsroom.smtp import Answer, Outcome

# Seconds for the connection, and for each wait for bytes of the answer.
TIMEOUT = (10.0, 60.0)
ADDRESS = re.compile(r"[^\s<>\"',;:]+@[^\s<>\"',;:]+")
# Codes by which a server says that it did nothing, and may be asked again (RFC 9110 section 15, RFC 6585 section 4).
LATER = {408, 425, 429, 503}
# Codes by which it says that this very message or one of its recipients is at fault.
FAULTY = {400, 413, 422}
REFUSED = {"invalid", "rejected"}


# An address that stands on the wire as it is written: RFC 5322's dot-atoms on both sides.
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
PLAIN = re.compile(rf"({ATOM}(?:\.{ATOM})*)@([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)")


class PlainAddress(EmailAddress):
    """An address without a name that needs no quoting, as nearly all are: read and written without a parser."""

    def __init__(self, username: str, domain: str) -> None:
        self._display_name, self._username, self._domain = "", username, domain

    def format(self, **_options: object) -> str:
        return self.addr_spec

    @property
    def addr_spec(self) -> str:
        return f"{self._username}@{self._domain}"


def recipients(addresses: Iterable[str]) -> list[EmailAddress]:
    """Return recipients for Anymail, whose own way of reading each by `email`'s parser costs more than all the rest."""
    found: list[EmailAddress] = []
    for address in addresses:
        if plain := PLAIN.fullmatch(str(address)):
            found.append(PlainAddress(plain[1], plain[2]))
        else:
            found += parse_address_list([address], field="to")
    return found


BasePayload.base_message_attrs = tuple(
    ("to", concat_lists, recipients) if attribute[0] == "to" else attribute
    for attribute in BasePayload.base_message_attrs
)


class ProviderAnswered(Exception):
    """The provider did not take the mail over as it is. `words` hold no address."""

    def __init__(self, words: str, *, code: int = 0, retry_after: float = 0.0) -> None:
        super().__init__(f"{code or ''} {words}".strip())
        self.words = words
        self.code = code
        self.retry_after = retry_after


class ProviderDown(ProviderAnswered):
    """Nothing was taken over; the same call may be made again later."""


class HouseRefused(ProviderAnswered):
    """The provider refuses the account or the sender and not a recipient."""


class MailRefused(ProviderAnswered):
    """Nothing was taken over, because of the message or of at least one of its recipients."""


class NoAnswer(ProviderAnswered):
    """The call was made and what became of it is not known."""


def open_provider(provider: Provider) -> AnymailBaseBackend:
    """Return a backend whose connection is kept open until it is closed."""
    backend_class: Callable[..., AnymailBaseBackend] = import_string(provider.backend)
    # Partial refusals are read from the statuses, one by one, so a whole refusal need not be an exception either.
    backend = backend_class(timeout=TIMEOUT, ignore_recipient_status=True)
    backend.open()
    return backend


def post(
    backend: AnymailBaseBackend, message: EmailMultiAlternatives, *, provider: Provider
) -> dict[str, AnymailRecipientStatus]:
    """Hand one message over and return a status for each address. Raises a ProviderAnswered."""
    if provider.can_stop_tracking:
        message.track_opens = message.track_clicks = False  # type: ignore[attr-defined] # Anymail's attributes.
    try:
        backend.send_messages([message])
    except AnymailError as error:
        raise _known_of(error) from error
    return dict(message.anymail_status.recipients)  # type: ignore[attr-defined]


def _known_of(error: AnymailError) -> ProviderAnswered:
    response = error.response
    if response is None:
        cause = error.__cause__
        if not isinstance(cause, requests_exceptions.RequestException):
            # Anymail did not even call: the message has something that this provider cannot carry.
            return MailRefused(_without_addresses(str(error)))
        kind = ProviderDown if _was_never_sent(cause) else NoAnswer
        return kind(type(cause).__name__)
    code = int(response.status_code)
    words = _without_addresses(response.text)
    if code in LATER:
        return ProviderDown(words, code=code, retry_after=_seconds(response.headers.get("Retry-After", "")))
    if code in FAULTY:
        return MailRefused(words, code=code)
    if 400 <= code < 500:
        return HouseRefused(words, code=code)
    # A gateway's error, or an answer that nobody understands, may have come after the mail was taken over.
    return NoAnswer(words, code=code)


def _was_never_sent(error: requests_exceptions.RequestException) -> bool:
    if isinstance(error, requests_exceptions.ConnectTimeout):
        return True
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    never = (urllib3_exceptions.NewConnectionError, urllib3_exceptions.ConnectTimeoutError, urllib3_exceptions.SSLError)
    return isinstance(reason, never)


def _seconds(text: str) -> float:
    return float(text) if text.strip().isdigit() else 0.0


def _without_addresses(text: str) -> str:
    return ADDRESS.sub("<address>", " ".join(text.split()))[:200]


def send_one(message: EmailMultiAlternatives, *, key: str, provider: Provider) -> Answer:
    """Offer one message to its one recipient. `key` comes back in the provider's reports about it."""
    (recipient,) = message.to
    # A batch of one: the recipient's metadata has its own place there with every provider.
    message.merge_metadata = {recipient: {"delivery": key}}  # type: ignore[attr-defined]
    backend = open_provider(provider)
    try:
        status = post(backend, message, provider=provider).get(recipient)
    except MailRefused as error:
        return Answer(Outcome.REFUSED, error.code, error.words)
    except (ProviderDown, HouseRefused) as error:
        return Answer(Outcome.TEMPORARY, error.code, error.words)
    except NoAnswer as error:
        return Answer(Outcome.UNKNOWN, error.code, error.words)
    finally:
        backend.close()
    return Answer(outcome_of(status), text=word_of(status))


def outcome_of(status: AnymailRecipientStatus | None) -> Outcome:
    word = word_of(status)
    if word in {"sent", "queued"}:
        return Outcome.ACCEPTED
    if word in REFUSED:
        return Outcome.REFUSED
    return Outcome.TEMPORARY if word == "failed" else Outcome.UNKNOWN


def word_of(status: AnymailRecipientStatus | None) -> str:
    return "" if status is None else str(status.status or "")


def wait_for(error: ProviderDown, *, until: float, clock: Callable[[], float], most: float = 30.0) -> bool:
    """Wait as long as a provider asks for, and say whether another call may be made. One that is away asks nothing."""
    if not error.code:
        return False
    pause = min(most, error.retry_after or 1.0)
    if clock() + pause >= until:
        return False
    time.sleep(pause)
    return True
