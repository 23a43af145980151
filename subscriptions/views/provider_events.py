"""Where the mail provider of EMAIL_URL reports deliveries, bounces and complaints."""

import logging
from datetime import UTC, datetime
from typing import Any

from anymail.exceptions import AnymailWebhookValidationFailure
from anymail.signals import AnymailTrackingEvent, EventType
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.module_loading import import_string
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from newsroom.bounces import code_in
from subscriptions import reports
from subscriptions.models import MailEvent
from subscriptions.reports import Report

logger = logging.getLogger(__name__)

# What a provider dropped by its own list did not reach the reader either. Opens and clicks are not listened to.
KINDS = {
    EventType.DELIVERED: MailEvent.Kind.DELIVERED,
    EventType.DEFERRED: MailEvent.Kind.DEFERRED,
    EventType.BOUNCED: MailEvent.Kind.BOUNCED,
    EventType.REJECTED: MailEvent.Kind.BOUNCED,
    EventType.FAILED: MailEvent.Kind.BOUNCED,
    EventType.COMPLAINED: MailEvent.Kind.COMPLAINED,
}
# Where Mailgun keeps the code that others put into the server's words.
CODE_OF_ITS_OWN = ("event-data", "delivery-status", "enhanced-code")


@csrf_exempt
@require_http_methods(["POST", "HEAD"])
def provider_events(request: HttpRequest) -> HttpResponse:
    """Take in a provider's reports, which it signs or shows the secret for; anything else is refused.

    What is verified and is about no mail of ours is answered 200 too: a provider would only say it again.
    """
    provider = settings.MAIL_PROVIDER
    if provider is None or not settings.MAIL_WEBHOOK_SECRET:
        raise Http404
    if request.method == "HEAD":
        # Some providers ask once whether anybody is there.
        return HttpResponse()
    view = import_string(provider.webhook)()
    try:
        view.run_validators(request)
    except AnymailWebhookValidationFailure:
        logger.warning("A report that %s did not send was refused.", provider.title)
        return HttpResponse(status=400)
    try:
        events = view.parse_events(request)
    except (ValueError, KeyError, TypeError, AttributeError):
        logger.warning("A report of %s could not be read.", provider.title, exc_info=True)
        return HttpResponse(status=400)
    at = timezone.now()
    for event in events:
        _take(event, source=provider.scheme, at=at)
    return HttpResponse()


def _take(event: AnymailTrackingEvent, *, source: str, at: datetime) -> None:
    kind = KINDS.get(event.event_type)
    metadata: Any = event.metadata
    key = str(metadata.get("delivery", "")) if isinstance(metadata, dict) else ""
    happened_at = event.timestamp or at
    if timezone.is_naive(happened_at):
        happened_at = happened_at.replace(tzinfo=UTC)
    if event.event_type == EventType.UNSUBSCRIBED:
        reports.left_at_provider(key, happened_at=happened_at, at=at)
    elif kind is not None and key:
        code = _code_of(event)
        event_id = str(event.event_id or reports.event_id_of(key, kind, code, happened_at.isoformat()))
        report = Report(source, event_id, kind, key, happened_at, code)
        reports.take(report, at=at)


def _code_of(event: AnymailTrackingEvent) -> str:
    own: Any = event.esp_event
    for name in CODE_OF_ITS_OWN:
        own = own.get(name) if isinstance(own, dict) else None
    return code_in(f"{own or ''} {event.mta_response or ''} {event.description or ''}")
