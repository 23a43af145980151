"""The transport to a mail provider's HTTP interface: one call for a whole window, merged by the provider.

The issue travels once; each reader adds a token, a header and the delivery's key. What the provider says is read for
each recipient by itself. A call that came to no answer leaves its whole window unknown, so nothing is called twice.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from anymail.backends.base import AnymailBaseBackend
from django.core.mail import EmailMultiAlternatives

from newsroom import provider_api
from newsroom.provider_api import HouseRefused, MailRefused, NoAnswer, ProviderAnswered, ProviderDown
from newsroom.providers import Provider
from newsroom.smtp import Outcome as Kind
from subscriptions.clock import steady
from subscriptions.transports import Envelope, Letter, Outcome, TransportDown, Verdict

logger = logging.getLogger(__name__)

VERDICTS = {
    Kind.ACCEPTED: Verdict.ACCEPTED,
    Kind.REFUSED: Verdict.REFUSED,
    Kind.TEMPORARY: Verdict.DEFERRED,
    Kind.UNKNOWN: Verdict.UNKNOWN,
}
# The name of the reader's token in the provider's own placeholders.
FIELD = "token"
# An invisible character that keeps what an author wrote from being read as one of those placeholders.
WORD_JOINER = "\u2060"
# Single readers refused one after the other, with nobody taken, before the letter and not the readers are to blame.
MOST_REFUSED_ALONE = 10
# How often a provider that asks for patience is waited for; then the next minute's tick asks again.
MOST_WAITS = 3


class HttpTransport:
    merges = True

    def __init__(self, provider: Provider) -> None:
        self.provider = provider
        self.window = provider.batch
        self._backend: AnymailBaseBackend | None = None
        self._letter: tuple[Letter, str, str, str] | None = None

    @property
    def longest_silence(self) -> float:
        # The wait for the connection, for the last byte to be taken and for the answer.
        connect, read = provider_api.TIMEOUT
        return connect + 2 * read

    def send(self, envelopes: Sequence[Envelope], *, deadline: float) -> Iterator[list[Outcome]]:
        """Call the provider once for everybody, and for parts only where it refuses the whole for one of them.

        Raises TransportDown when the provider takes nothing at the moment and nothing was said about anybody.
        """
        waiting = [list(envelopes)] if envelopes else []
        refused: list[Outcome] = []
        has_said = False
        while waiting:
            batch = waiting.pop()
            try:
                outcomes = self._call(batch, deadline)
            except MailRefused as error:
                if len(batch) > 1:
                    # The provider names nobody, so the ones at fault are found by halves.
                    middle = len(batch) // 2
                    waiting += [batch[middle:], batch[:middle]]
                    continue
                refused.append(Outcome(batch[0].delivery_id, Verdict.REFUSED, error.code, error.words))
                if not has_said and len(envelopes) > 1 and len(refused) >= min(MOST_REFUSED_ALONE, len(envelopes)):
                    yield _all(Verdict.BLOCKED, envelopes, error)
                    return
            except HouseRefused as error:
                yield refused + _all(Verdict.BLOCKED, chain(batch, *waiting), error)
                return
            except ProviderDown as error:
                if not has_said and not refused:
                    raise TransportDown(str(error)) from error
                yield refused + _all(Verdict.UNTOUCHED, chain(batch, *waiting), error)
                return
            else:
                has_said = True
                yield outcomes
        if refused:
            yield refused

    def close(self) -> None:
        if self._backend is not None:
            self._backend.close()
            self._backend = None

    def _call(self, batch: list[Envelope], deadline: float) -> list[Outcome]:
        message = self._message(batch)
        if self._backend is None:
            self._backend = provider_api.open_provider(self.provider)
        patience = MOST_WAITS
        while True:
            if steady() >= deadline:
                raise ProviderDown("the lease is over")
            try:
                statuses = provider_api.post(self._backend, message, provider=self.provider)
            except ProviderDown as error:
                patience -= 1
                if patience < 0 or not provider_api.wait_for(error, until=deadline, clock=steady):
                    raise
                continue
            except NoAnswer as error:
                logger.warning("%s deliveries have no answer from the provider: %s", len(batch), error.code)
                return _all(Verdict.UNKNOWN, batch, error)
            return [
                Outcome(
                    one.delivery_id,
                    VERDICTS[provider_api.outcome_of(statuses.get(one.recipient))],
                    reply=provider_api.word_of(statuses.get(one.recipient)),
                )
                for one in batch
            ]

    def _message(self, batch: list[Envelope]) -> EmailMultiAlternatives:
        letter = batch[0].letter
        assert letter is not None  # noqa: S101 - sending gives a letter to a transport that merges.
        subject, text, html = self._merged(letter)
        message = EmailMultiAlternatives(
            subject, text, letter.sender, [one.recipient for one in batch], headers=letter.headers
        )
        message.attach_alternative(html, "text/html")
        # Any of the three makes it a batch: without one, all readers would see one another's addresses.
        message.merge_data = {one.recipient: {FIELD: one.token} for one in batch}  # type: ignore[attr-defined]
        message.merge_metadata = {one.recipient: {"delivery": one.key} for one in batch}  # type: ignore[attr-defined]
        headers = letter.personal_headers
        if self.provider.replaces_headers:
            headers = {**letter.headers, **headers}
        message.merge_headers = {  # type: ignore[attr-defined]
            one.recipient: {name: value.replace(letter.marker, one.token) for name, value in headers.items()}
            for one in batch
        }
        return message

    def _merged(self, letter: Letter) -> tuple[str, str, str]:
        """Return subject, text and HTML with the provider's placeholder at each token, worked out once for a letter."""
        if self._letter is None or self._letter[0] is not letter:
            subject, text, html = (
                self._with_placeholder(part, letter) for part in (letter.subject, letter.text, letter.html)
            )
            self._letter = (letter, subject, text, html)
        return self._letter[1:]

    def _with_placeholder(self, text: str, letter: Letter) -> str:
        for opener in self.provider.openers:
            text = text.replace(opener, opener[0] + WORD_JOINER + opener[1:])
        return text.replace(letter.marker, self.provider.placeholder.format(name=FIELD))


def _all(verdict: Verdict, envelopes: Iterable[Envelope], error: ProviderAnswered) -> list[Outcome]:
    return [Outcome(one.delivery_id, verdict, error.code, error.words) for one in envelopes]
