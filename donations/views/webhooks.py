"""Where Stripe tells that something changed. What it says beyond that is not believed."""

import logging
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from donations import stripe_api, tasks
from donations.models import StripeEvent
from newsroom.waking import wake

logger = logging.getLogger(__name__)


@csrf_exempt
@require_POST
@transaction.non_atomic_requests
def stripe_webhook(request: HttpRequest) -> HttpResponse:
    """Store the event's ids and answer 200; a worker fetches the object.

    1. Verify the raw body's signature; a wrong one is the only reason for a 400. 2. Insert the ids, once however
    often it is delivered. 3. Wake a worker. Anything else that is verified is answered 200 too, because Stripe
    switches an endpoint off that answers errors to events it does not care for.
    """
    try:
        event = stripe_api.verified_event(request.body, request.headers.get("Stripe-Signature", ""))
    except stripe_api.BadSignature:
        logger.warning("A webhook without a valid signature was refused.")
        return HttpResponse(status=400)
    row = _row_of(event)
    # One statement: a duplicate, also a parallel one, conflicts with the unique id and inserts nothing.
    StripeEvent.objects.bulk_create([row], ignore_conflicts=True)
    stored = StripeEvent.objects.filter(stripe_id=row.stripe_id, state=StripeEvent.State.RECEIVED).first()
    if stored is not None:
        wake(tasks.process_event, stored.pk)
    return HttpResponse(status=200)


def _row_of(event: dict[str, Any]) -> StripeEvent:
    data = event.get("data")
    about = data.get("object") if isinstance(data, dict) else None
    object_id = about.get("id") if isinstance(about, dict) else None
    return StripeEvent(
        stripe_id=event["id"][:255],
        type=str(event.get("type") or "")[:120],
        object_id=str(object_id or "")[:255],
        created_at=stripe_api.time_of(int(event.get("created") or 0)),
        livemode=bool(event.get("livemode")),
        api_version=str(event.get("api_version") or "")[:40],
        account=str(event.get("account") or "")[:255],
    )
