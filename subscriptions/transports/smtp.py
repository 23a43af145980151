"""The SMTP transport: several pipelined connections, driven by one thread.

Messages arrive as finished bytes, so that a single process is bound by the server and not by Python. A thread per
connection would only take turns at the interpreter's lock.
"""

import logging
import select
import selectors
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence

from django.conf import settings

from subscriptions.clock import steady
from subscriptions.transports import Envelope, Outcome, TransportDown, Verdict
from subscriptions.transports.smtp_session import SessionLost, SmtpServer, SmtpSession, Timeouts

logger = logging.getLogger(__name__)

# Outcomes do not wait for a slow neighbour: what is known is handed on this often, and the unknown window stays small.
REPORT_EVERY_SECONDS = 1.0
# How often an envelope may move to another connection before the try counts against it.
MOST_MOVES = 2


def server_from_settings() -> SmtpServer:
    """Return the server of EMAIL_URL."""
    security = "tls" if settings.EMAIL_USE_SSL else "starttls" if settings.EMAIL_USE_TLS else ""
    return SmtpServer(
        host=settings.EMAIL_HOST,
        port=settings.EMAIL_PORT,
        security=security,
        username=settings.EMAIL_HOST_USER,
        password=settings.EMAIL_HOST_PASSWORD,
        local_name=settings.SITE_HOST or "localhost",
    )


class SmtpTransport:
    # While one window is on the wire the next is claimed, so that a worker that is killed leaves 100 at most.
    window = 50
    merges = False

    def __init__(self, server: SmtpServer, *, connections: int = 8, timeouts: Timeouts | None = None) -> None:
        self.server = server
        self.connections = connections
        self.timeouts = timeouts or Timeouts()
        self._sessions: list[SmtpSession] = []

    @property
    def longest_silence(self) -> float:
        return self.timeouts.longest

    def send(self, envelopes: Sequence[Envelope], *, deadline: float) -> Iterator[list[Outcome]]:
        """Send each envelope once and yield outcomes as they come. Raises TransportDown before anything was said."""
        if not envelopes:
            return
        self._prepare(min(self.connections, len(envelopes)))
        window = _Window(envelopes, deadline, self._sessions)
        try:
            yield from window.run(self._replacement)
        finally:
            window.drop_busy()
            self._sessions = window.sessions

    def close(self) -> None:
        for session in self._sessions:
            session.quit()
        self._sessions = []

    def _prepare(self, wanted: int) -> None:
        """Throw away connections that the server has closed since, and open as many as are missing."""
        alive = []
        for session in self._sessions:
            # An idle server has nothing to say but goodbye.
            if _is_readable(session):
                session.abort()
            else:
                alive.append(session)
        self._sessions = alive
        failures = 0
        while len(self._sessions) < wanted:
            try:
                self._sessions.append(SmtpSession(self.server, self.timeouts))
            except TransportDown:
                failures += 1
                if failures > 1 and not self._sessions:
                    raise
                if failures > 1:
                    # A server that allows fewer connections than wanted gets fewer.
                    return

    def _replacement(self) -> SmtpSession | None:
        try:
            return SmtpSession(self.server, self.timeouts)
        except TransportDown as error:
            logger.warning("No new connection to the mail server: %s", error)
            return None


def _is_readable(session: SmtpSession) -> bool:
    poll = select.poll()
    poll.register(session.socket, select.POLLIN)
    return bool(poll.poll(0))


class _Window:
    """One call of `send`: the envelopes that wait, the connections they travel on, and the outcomes so far."""

    def __init__(self, envelopes: Sequence[Envelope], deadline: float, sessions: list[SmtpSession]) -> None:
        self.deadline = deadline
        self.sessions = list(sessions)
        self._waiting = deque(envelopes)
        self._unsettled = {envelope.delivery_id for envelope in envelopes}
        self._moves: Counter[int] = Counter()
        self._outcomes: list[Outcome] = []
        # Losing every connection twice over means that the server is going away, not that one message is bad.
        self._replacements_left = 2 * len(sessions) + 2

    def run(self, open_another: Callable[[], SmtpSession | None]) -> Iterator[list[Outcome]]:
        reported_at = steady()
        with selectors.DefaultSelector() as selector:
            for session in self.sessions:
                selector.register(session.socket, selectors.EVENT_READ, session)
            while self._feed(selector, open_another):
                patience = self._patience()
                for key, _mask in selector.select(patience):
                    self._serve(selector, key.data)
                if patience < REPORT_EVERY_SECONDS:
                    self._drop_silent(selector)
                if self._outcomes and steady() - reported_at >= REPORT_EVERY_SECONDS:
                    yield self._take_outcomes()
                    reported_at = steady()
        self._outcomes += [Outcome(envelope.delivery_id, Verdict.UNTOUCHED) for envelope in self._waiting]
        self._waiting.clear()
        if forgotten := self._unsettled - {outcome.delivery_id for outcome in self._outcomes}:
            logger.error("The outcome of %s envelopes was lost on the way.", len(forgotten))
            self._outcomes += [Outcome(pk, Verdict.UNKNOWN, 0, "lost track") for pk in sorted(forgotten)]
        if self._outcomes:
            yield self._take_outcomes()

    def drop_busy(self) -> None:
        """Close what still has something under way; that is so only when the caller stopped listening."""
        for session in self.sessions:
            if not session.is_idle:
                session.abort()
        self.sessions = [session for session in self.sessions if session.is_idle]

    def _feed(self, selector: selectors.BaseSelector, open_another: Callable[[], SmtpSession | None]) -> bool:
        """Give each idle connection an envelope, and say whether anything is under way."""
        while self._waiting and not self.sessions and self._replacements_left > 0 and steady() < self.deadline:
            self._replacements_left -= 1
            session = open_another()
            if session is None:
                self._replacements_left = 0
                break
            self.sessions.append(session)
            selector.register(session.socket, selectors.EVENT_READ, session)
        # A busy session takes its next envelope by itself, and is written to when it is served.
        for session in [session for session in self.sessions if session.is_idle]:
            while session.is_idle and (envelope := self._next_envelope()) is not None:
                session.offer(envelope)
                self._collect(session)
            self._write(selector, session)
        if any(not session.is_idle for session in self.sessions):
            return True
        # With no connection left, or the lease over, what waits stays untouched.
        can_go_on = self._replacements_left > 0 and steady() < self.deadline
        return bool(self._waiting) and not self.sessions and can_go_on and self._feed(selector, open_another)

    def _next_envelope(self) -> Envelope | None:
        if not self._waiting or steady() >= self.deadline:
            return None
        return self._waiting.popleft()

    def _serve(self, selector: selectors.BaseSelector, session: SmtpSession) -> None:
        try:
            session.read(self.deadline, self._next_envelope)
        except SessionLost as lost:
            self._lose(selector, session, str(lost))
            return
        self._collect(session)
        self._write(selector, session)

    def _write(self, selector: selectors.BaseSelector, session: SmtpSession) -> None:
        try:
            if session.wants_to_write:
                session.write(self.deadline)
        except SessionLost as lost:
            self._lose(selector, session, str(lost))
            return
        if session.wants_to_write is not session.waits_for_room:
            session.waits_for_room = session.wants_to_write
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if session.waits_for_room else 0)
            selector.modify(session.socket, events, session)

    def _patience(self) -> float:
        """Return how long to wait for the sockets: until a report is due or the least patient server is given up."""
        busy = [session.patience_ends_at() for session in self.sessions if not session.is_idle]
        until = min(busy, default=steady()) - steady()
        return max(0.0, min(until, REPORT_EVERY_SECONDS))

    def _drop_silent(self, selector: selectors.BaseSelector) -> None:
        now = steady()
        for session in list(self.sessions):
            if not session.is_idle and now >= session.patience_ends_at():
                self._lose(selector, session, "no answer in time")

    def _lose(self, selector: selectors.BaseSelector, session: SmtpSession, reason: str) -> None:
        selector.unregister(session.socket)
        self.sessions.remove(session)
        session.lose(reason)
        self._collect(session)

    def _collect(self, session: SmtpSession) -> None:
        self._outcomes += session.settled
        session.settled = []
        for envelope in session.returned:
            self._moves[envelope.delivery_id] += 1
            if self._moves[envelope.delivery_id] > MOST_MOVES:
                self._outcomes.append(Outcome(envelope.delivery_id, Verdict.DEFERRED, 0, "connections kept breaking"))
            else:
                self._waiting.appendleft(envelope)
        session.returned = []

    def _take_outcomes(self) -> list[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        self._unsettled.difference_update(outcome.delivery_id for outcome in outcomes)
        return outcomes
