"""What this package forgets, and when: rules of the one table of retention periods."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from donations import mine, reminders, stripe_api
from donations.models import CheckoutSession, Decline, Donation, Donor, DonorLink, LinkRequest, Payment, RecurringGift
from donations.reminder_words import KEPT_AFTER_END
from newsroom.registry import RetentionRule

BATCH = 500
LEFT = (Donation.State.ABANDONED, Donation.State.FAILED, Donation.State.STARTED)


def end_links(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete links to the donor's own page that are over, and requests for one that were never handled."""
    links = DonorLink.objects.filter(expires_at__lt=limit)
    requests = LinkRequest.objects.filter(requested_at__lt=limit)
    if is_dry_run:
        return links.count() + requests.count()
    return links.delete()[0] + requests.delete()[0]


def end_attempts(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Empty what abandoned attempts know of their reader."""
    left = Donation.objects.filter(state__in=LEFT, state_at__lt=limit, donor__isnull=True)
    named = left.exclude(email="", name="", note="")
    # What the other mode's key began cannot be asked about any more, as the sandbox's rows after going live.
    stranded = CheckoutSession.objects.filter(
        state__in=CheckoutSession.LIVE_STATES, expires_at__lt=at - timedelta(days=1)
    ).exclude(livemode=stripe_api.uses_live_mode())
    if is_dry_run:
        return named.count() + stranded.count()
    ended = stranded.update(state=CheckoutSession.State.EXPIRED, parameters={}, url="")
    return named.update(email="", name="", note="") + ended


def end_declines(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete refused charges: they are of use while an attack runs."""
    old = Decline.objects.filter(at__lt=limit)
    return old.count() if is_dry_run else old.delete()[0]


def end_reminders(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Delete reminders that ended, and those that nobody confirmed in time."""
    return reminders.count_old(at=at) if is_dry_run else reminders.forget_old(at=at).total


def end_donors(limit: datetime, at: datetime, is_dry_run: bool) -> int:
    """Empty the rows of donors who gave nothing for so long. The money stays without a person."""
    if is_dry_run:
        return _former_donors(limit).count()
    count, last_pk = 0, 0
    while pks := list(_former_donors(limit).filter(pk__gt=last_pk).order_by("pk").values_list("pk", flat=True)[:BATCH]):
        last_pk = pks[-1]
        with transaction.atomic():
            for donor in Donor.objects.select_for_update().filter(pk__in=pks).order_by("pk"):
                if _former_donors(limit).filter(pk=donor.pk).exists():
                    mine.forget_donor(donor, at=at)
                    count += 1
    return count


def _former_donors(limit: datetime) -> QuerySet[Donor]:
    own = Donation.objects.filter(donor=OuterRef("pk"))
    paid = Payment.objects.filter(donation__donor=OuterRef("pk"), created_at__gte=limit)
    living = RecurringGift.objects.filter(~Q(state=RecurringGift.State.ENDED), donation__donor=OuterRef("pk"))
    return Donor.objects.filter(
        ~Exists(own.filter(created_at__gte=limit)),
        ~Exists(paid),
        ~Exists(living),
        created_at__lt=limit,
        erased_at__isnull=True,
    )


RULES = [
    RetentionRule(
        "abandoned-attempts",
        _("Attempts to give that came to nothing"),
        _("Nothing was given, so nothing needs the address."),
        7,
        end_attempts,
    ),
    RetentionRule(
        "declines",
        _("Refused charges"),
        _("They are of use while somebody tries out stolen cards."),
        30,
        end_declines,
    ),
    RetentionRule(
        "reminders",
        _("Reminders that ended"),
        _("The form promises it to the reader. What was not confirmed goes sooner."),
        KEPT_AFTER_END.days,
        end_reminders,
        is_fixed=True,
    ),
    RetentionRule(
        "spent-links",
        _("Links to the donor's own page"),
        _("A link opens for a quarter of an hour."),
        1,
        end_links,
        is_fixed=True,
    ),
    RetentionRule(
        "former-donors",
        _("Names and addresses of donors"),
        _("They count from the last gift. Bookkeeping needs up to ten years; the money stays without a person."),
        10 * 365,
        end_donors,
    ),
]
