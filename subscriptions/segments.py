"""Who belongs to a segment: one query, for counts and for the statement that prepares an issue."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from newsroom import registry
from subscriptions.models import Consent, Newsletter, Segment, Subscription


def members(segment: Segment, subscriptions: QuerySet[Subscription] | None = None) -> QuerySet[Subscription]:
    """Keep the subscriptions that belong to a segment, whatever their state. Days are those of UTC."""
    kept = Subscription.objects.all() if subscriptions is None else subscriptions
    if segment.newsletter_id is not None:
        kept = kept.filter(newsletter=segment.newsletter_id)
    if segment.language:
        kept = kept.filter(subscriber__language=segment.language)
    if segment.signed_up_from is not None:
        kept = kept.filter(confirmed_at__gte=_midnight(segment.signed_up_from))
    if segment.signed_up_until is not None:
        kept = kept.filter(confirmed_at__lt=_midnight(segment.signed_up_until + timedelta(days=1)))
    if segment.source:
        first = Consent.objects.filter(
            subject=OuterRef("subscriber__subject"),
            purpose=Concat(Value("newsletter:"), OuterRef("newsletter__slug")),
            action=Consent.Action.GRANTED,
        ).order_by("position")
        kept = kept.filter(Exists(first)).alias(way_in=Subquery(first.values("method")[:1]))
        kept = kept.filter(way_in=segment.source)
    if segment.donors != Segment.Donors.ANY:
        kept = _by_donors(kept, are_wanted=segment.donors == Segment.Donors.ONLY)
    return kept


def count(segment: Segment, newsletter: Newsletter | None = None, *, at: datetime) -> int:
    """Count whom an issue sent at a moment would reach; without a newsletter, of all newsletters together."""
    mailable = Subscription.objects.mailable(at)
    return members(segment, mailable if newsletter is None else mailable.filter(newsletter=newsletter)).count()


def as_sql(segment: Segment, *, newsletter_id: int) -> tuple[str, dict[str, Any]]:
    """Return the query of a segment's subscriptions of one newsletter, for a statement with named parameters."""
    query = members(segment, Subscription.objects.filter(newsletter=newsletter_id)).values("pk").query
    sql, values = query.sql_with_params()
    names = [f"segment_{number}" for number in range(len(values))]
    # Percent signs that stand for themselves are doubled in both styles, and filling in the names would halve them.
    text = sql.replace("%%", "%%%%") % tuple(f"%({name})s" for name in names)
    return text, dict(zip(names, values, strict=True))


def of_newsletter(newsletter: Newsletter) -> QuerySet[Segment]:
    """Return the segments to which an issue of a newsletter may go."""
    return (
        Segment.objects.filter(newsletter__isnull=True)
        .union(Segment.objects.filter(newsletter=newsletter))
        .order_by("name")
    )


def _by_donors(kept: QuerySet[Subscription], *, are_wanted: bool) -> QuerySet[Subscription]:
    for addresses in registry.donor_addresses:
        gave = Exists(addresses().filter(email=OuterRef("subscriber__email")))
        kept = kept.filter(gave) if are_wanted else kept.filter(~gave)
    return kept


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)
