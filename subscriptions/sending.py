"""A worker's share of an issue: claim a window, send it, write what came of it, and again."""

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.errors import MessageError
from enum import StrEnum
from uuid import UUID

from django.conf import settings
from django.db import InterfaceError, OperationalError, connection
from django.utils import timezone
from django.utils.translation import gettext as _

from newsroom.bounces import code_in, return_path
from newsroom.history import entries_of
from subscriptions import claims, issues, reports
from subscriptions.bookkeeping import Bookkeeper
from subscriptions.clock import steady
from subscriptions.messages import IssueMessage, message_of
from subscriptions.models import Issue
from subscriptions.rates import Limits
from subscriptions.transports import Envelope, Letter, Outcome, Transport, TransportDown, Verdict
from subscriptions.transports.http import HttpTransport
from subscriptions.transports.smtp import SmtpTransport, server_from_settings
from subscriptions.unsubscribing import token

logger = logging.getLogger(__name__)

# How long a worker stays with one issue before other tasks have their turn.
TURN_SECONDS = 20.0
# Time for a window to be sent, over and above the wait for its last answer.
WINDOW_SECONDS = 120.0
# A mail server that refuses nearly everybody at once refuses the issue or the house, and not its readers.
SUSPICIOUS_REFUSALS = 20
SUSPICIOUS_SHARE = 0.9
# From so many on, such a share is not held against the readers.
DOUBTFUL_REFUSALS = 5
# While the database is away, what is known of a window is kept this long to be written down.
RECORD_FOR_SECONDS = 120.0
# Every token is as long as any other.
ANY_LINK = UUID(int=0)
# What `email` and the codecs raise about words and addresses that no mail can carry.
UNWRITABLE = (ValueError, IndexError, MessageError)


class Stop(StrEnum):
    """Why a worker left an issue."""

    NOTHING_DUE = "nothing due"
    TURN_IS_OVER = "turn is over"
    # The next message may leave only after a while: the next tick looks again.
    RATE = "rate"
    NO_PLACE = "enough workers"
    TRANSPORT_DOWN = "transport down"
    PAUSED = "paused"


@dataclass
class Turn:
    """What one worker did in one turn."""

    stop: Stop
    accepted: int = 0
    refused: int = 0
    others: int = 0
    # What the server said when it last refused the sender, and when it last refused a reader.
    blocked_by: str = ""
    refused_by: str = ""

    # Address → code, of the readers whom the server refused; weighed at the turn's end.
    refusals: dict[str, str] = field(default_factory=dict)

    def count(self, held: claims.Claim, outcomes: Sequence[Outcome]) -> None:
        addresses = {delivery.delivery_id: delivery.email for delivery in held.deliveries}
        for outcome in outcomes:
            if outcome.verdict is Verdict.ACCEPTED:
                self.accepted += 1
            elif outcome.verdict is Verdict.REFUSED:
                self.refused += 1
                self.refused_by = f"{outcome.code} {outcome.reply}"
                self.refusals[addresses[outcome.delivery_id]] = code_in(outcome.reply)
            else:
                self.others += 1
                if outcome.verdict is Verdict.BLOCKED:
                    self.blocked_by = f"{outcome.code} {outcome.reply}"


def send_issue(
    issue_id: int,
    *,
    seconds: float = TURN_SECONDS,
    window_seconds: float = WINDOW_SECONDS,
    transport: Transport | None = None,
) -> Turn:
    """Send what is due of an issue for one turn, unless enough workers are at it; end the issue when it is through."""
    with _place(issue_id) as has_place:
        if not has_place:
            return Turn(Stop.NO_PLACE)
        issue = Issue.objects.running().select_related("newsletter", "rendering").filter(pk=issue_id).first()
        if issue is None:
            return Turn(Stop.NOTHING_DUE)
        carrier = transport or configured_transport()
        try:
            lease = timedelta(seconds=window_seconds + carrier.longest_silence)
            turn = _take_turn(issue, carrier, lease=lease, until=steady() + seconds)
        finally:
            if transport is None:
                carrier.close()
    if turn.stop is Stop.NOTHING_DUE:
        issues.finish(issue, at=timezone.now())
    return turn


def configured_transport() -> Transport:
    """Return the way to the mail server or the provider of EMAIL_URL."""
    if settings.MAIL_PROVIDER is not None:
        return HttpTransport(settings.MAIL_PROVIDER)
    return SmtpTransport(server_from_settings(), connections=settings.SENDING_CONNECTIONS)


def _take_turn(issue: Issue, transport: Transport, *, lease: timedelta, until: float) -> Turn:
    """Send window after window. While one is on the wire, the one before is written down and the next is claimed.

    So a worker holds two windows at most, and claims no more before the outcomes of the first are written.
    """
    turn = Turn(Stop.TURN_IS_OVER)
    try:
        # Before anything is claimed, so that an issue that cannot be written puts nobody's delivery in doubt.
        message = message_of(issue, issue.rendering, token_length=len(token(ANY_LINK)))
        shift = _Shift(issue, transport, message, turn, lease=lease, until=until)
    except UNWRITABLE as error:
        _pause_unwritable(issue, error)
        turn.stop = Stop.PAUSED
        return turn
    try:
        window = shift.take_next()
        while window is not None:
            try:
                outcomes = shift.send(window)
            except TransportDown as error:
                logger.warning("Issue %s waits for the mail server: %s", issue.pk, error)
                _give_back(window.held)
                turn.stop = Stop.TRANSPORT_DOWN
                break
            turn.count(window.held, outcomes)
            shift.limits.learn(window.held.deliveries, outcomes, at=timezone.now())
            if reason := _alarming(issue, turn):
                turn.refusals.clear()
                _pause(issue, reason)
                turn.stop = Stop.PAUSED
                break
            window = shift.take_next()
    finally:
        shift.end()
    _settle(issue, turn, shift.limits)
    return turn


@dataclass(frozen=True)
class _Window:
    held: claims.Claim
    envelopes: list[Envelope]


class _Shift:
    """The windows that a worker has in its hands during a turn: the one on the wire, and those before and after.

    The one before is written down and the one after is claimed and addressed by the bookkeeper, in this order.
    """

    def __init__(
        self, issue: Issue, transport: Transport, message: IssueMessage, turn: Turn, *, lease: timedelta, until: float
    ) -> None:
        self.issue = issue
        self.transport = transport
        self.message = message
        self.letter = message.letter() if transport.merges else None
        self.turn = turn
        self.lease = lease
        self.until = until
        self.limits = Limits(timezone.now())
        self._after = 0
        self._books = Bookkeeper()
        self._writing: list[Future[None]] = []
        self._following: Future[_Window | Stop] | None = None

    def take_next(self) -> _Window | None:
        """Return the window that was made ready meanwhile, or make one ready; or say in the turn why there is none."""
        self._await_written(only_done=True)
        following, self._following = self._following, None
        found = following.result() if following is not None else Stop.TURN_IS_OVER
        if found is Stop.TURN_IS_OVER or found is Stop.NOTHING_DUE:
            # Nothing was due a moment ago; since then something may have been put back.
            self._await_written()
            found = self._make_ready(waits=True)
        if isinstance(found, _Window):
            return found
        self.turn.stop = found
        return None

    def send(self, window: _Window) -> list[Outcome]:
        """Send a window and write outcomes as they come, while the next window is made ready.

        Nothing goes on the wire later than the lease's end less the longest wait for an answer, so the outcome of
        everything sent is known while the lease still stands.
        """
        held, everything = window.held, list[Outcome]()
        if self._books.is_apart:
            self._following = self._books.do(self._foresee)
        for outcomes in self.transport.send(window.envelopes, deadline=held.deadline - self.transport.longest_silence):
            everything += outcomes
            self._writing.append(self._books.do(_write, held, outcomes))
        # Only good news waits: what else there is, is judged before the next window begins.
        if any(outcome.verdict is not Verdict.ACCEPTED for outcome in everything):
            self._await_written()
        return everything

    def end(self) -> None:
        """Write down what is known, and give back what was claimed and not begun."""
        try:
            following = self._following.result() if self._following is not None else None
            if isinstance(following, _Window):
                _give_back(following.held)
            self._await_written()
        finally:
            self._books.close()

    def _foresee(self) -> "_Window | Stop":
        """Make the next window ready. The one that is on the wire must not suffer when that fails."""
        try:
            return self._make_ready(waits=False)
        except (OperationalError, InterfaceError) as error:
            logger.warning("The next window waits for the database (%s).", type(error).__name__)
            connection.close()
            return Stop.TURN_IS_OVER

    def _make_ready(self, *, waits: bool) -> "_Window | Stop":
        """Claim and address what comes next, or return why there is nothing. It `waits` for the rate."""
        while steady() < self.until and (
            size := self.limits.window(self.transport.window, until=self.until if waits else steady())
        ):
            at = timezone.now()
            held = claims.claim(self.issue.pk, limit=size, lease=self.lease, at=at, after=self._after)
            if held.is_empty:
                if not self._after:
                    return Stop.NOTHING_DUE
                # Those put back behind the cursor have their turn before the issue counts as done.
                self._after = 0
                continue
            self._after = held.last_id
            with _given_back(held):
                if later := self.limits.postponed(held.deliveries, at=at):
                    claims.postpone(held, later)
                    held = held.without(later)
            if held.deliveries:
                return self._addressed(held)
        return Stop.TURN_IS_OVER

    def _addressed(self, held: claims.Claim) -> "_Window | Stop":
        try:
            with _given_back(held):
                return _Window(held, _envelopes(self.message, held, self.letter))
        except UNWRITABLE as error:
            _pause_unwritable(self.issue, error)
            return Stop.PAUSED

    def _await_written(self, *, only_done: bool = False) -> None:
        """Raise what went wrong while outcomes were written."""
        done = [writing for writing in self._writing if writing.done() or not only_done]
        self._writing = [writing for writing in self._writing if writing not in done]
        for writing in done:
            writing.result()


def _settle(issue: Issue, turn: Turn, limits: Limits) -> None:
    """Say whether the next turn waits for the rate, and weigh the refusals."""
    if turn.stop is Stop.TURN_IS_OVER and limits.next_in > TURN_SECONDS:
        turn.stop = Stop.RATE
    _hold_against_readers(issue, turn)


def _alarming(issue: Issue, turn: Turn) -> str:
    """Return why the issue should stop, or '' when all is well.

    The answers of the last hour are judged, whichever worker or turn had them: at a slow rate a turn holds a handful,
    which shows nothing.
    """
    if turn.blocked_by:
        return _("The mail server refuses the sender: %(reply)s") % {"reply": turn.blocked_by}
    if not turn.refused:
        return ""
    accepted, refused = claims.answers_since(issue, _judged_since(issue))
    if refused >= SUSPICIOUS_REFUSALS and refused >= SUSPICIOUS_SHARE * (accepted + refused):
        return _("The mail server refuses nearly everyone: %(reply)s") % {"reply": turn.refused_by}
    return ""


def _judged_since(issue: Issue) -> datetime:
    """Return since when answers are judged: an hour ago, or since an editor said to go on."""
    resumed_at = entries_of(issue).filter(action="issue.resumed").values_list("at", flat=True).first()
    hour_ago = timezone.now() - timedelta(hours=1)
    return hour_ago if resumed_at is None else max(hour_ago, resumed_at)


def _hold_against_readers(issue: Issue, turn: Turn) -> None:
    """Count refusals as bounces, unless so many were refused that the house and not the readers seem to be meant."""
    if not turn.refusals:
        return
    accepted, refused = claims.answers_since(issue, _judged_since(issue))
    if refused >= DOUBTFUL_REFUSALS and refused >= SUSPICIOUS_SHARE * (accepted + refused):
        return
    for address, code in turn.refusals.items():
        reports.failed(address, status_code=code, at=timezone.now())


def _give_back(held: claims.Claim) -> None:
    _write(held, [Outcome(one.delivery_id, Verdict.UNTOUCHED) for one in held.deliveries])


@contextmanager
def _given_back(held: claims.Claim) -> Iterator[None]:
    """Give the claim back when something fails while nothing of it has been sent: it would become unknown otherwise."""
    try:
        yield
    except Exception:
        _give_back(held)
        raise


def _pause_unwritable(issue: Issue, error: Exception) -> None:
    logger.error("No mail of issue %s can be written.", issue.pk, exc_info=error)
    reason = _("A mail of this issue cannot be written: %(error)s") % {"error": error}
    _pause(issue, reason)


def _pause(issue: Issue, reason: str) -> None:
    """Pause the issue, unless it has ended since: then there is nothing to pause."""
    with suppress(issues.StepRefused):
        issues.pause(issue, by=None, at=timezone.now(), reason=reason)


def _envelopes(message: IssueMessage, held: claims.Claim, letter: Letter | None = None) -> list[Envelope]:
    """Address a window: to finished bytes, or, with a letter that the transport merges, to each reader's token."""
    return [
        Envelope(
            delivery_id=delivery.delivery_id,
            sender=return_path(message.sender, key=delivery.uuid.hex),
            recipient=delivery.email,
            message=b""
            if letter
            else message.to_reader(address=delivery.email, token=token(delivery.link_id), delivery_uuid=delivery.uuid),
            key=delivery.uuid.hex,
            letter=letter,
            token=token(delivery.link_id) if letter else "",
            is_dotless=message.is_dotless,
        )
        for delivery in held.deliveries
    ]


def _write(held: claims.Claim, outcomes: list[Outcome]) -> None:
    """Write outcomes down, and try again while the database is away: what is lost here becomes unknown."""
    give_up_at = steady() + RECORD_FOR_SECONDS
    outcomes = sorted(outcomes, key=lambda outcome: outcome.delivery_id)
    while True:
        try:
            claims.record(held, outcomes, at=timezone.now())
        except (OperationalError, InterfaceError) as error:
            if steady() >= give_up_at or connection.in_atomic_block:
                raise
            logger.warning("Outcomes of %s deliveries wait for the database (%s).", len(outcomes), type(error).__name__)
            connection.close()
            time.sleep(1)
        else:
            return


@contextmanager
def _place(issue_id: int) -> Iterator[bool]:
    """Hold one of the issue's places for workers, so that ticks and re-wakings do not heap up workers.

    The lock belongs to the database session and goes with it, whatever becomes of the worker. It only bounds how many
    work at once: the claims alone keep them apart.
    """
    keys = [(issue_id << 8) | number for number in range(settings.SENDING_WORKERS)]
    held: int | None = None
    with connection.cursor() as cursor:
        for key in keys:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended('subscriptions.sending', %s))", [key])
            (is_ours,) = cursor.fetchone()
            if is_ours:
                held = key
                break
    try:
        yield held is not None
    finally:
        if held is not None and connection.connection is not None and not connection.connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(hashtextextended('subscriptions.sending', %s))", [held])
