"""What the staff dashboard shows of subscribers."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db.models import CharField, Count, F, Func, Q, Value
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from newsroom.charts import bars
from newsroom.registry import Panel
from subscriptions.models import Consent, Delivery, MailEvent, PrivacyPolicy, SignupRequest, Subscription

WEEK = timedelta(days=7)
WEEKS_SHOWN = 12
PROVIDERS_SHOWN = 8
# A domain with fewer readers may name one.
NOBODYS_OWN = 20


def subscribers_panel(at: datetime) -> Panel:
    """Count what readers did within seven days. The ledger's index by time keeps it from reading the whole table."""
    subscriptions_url = reverse("admin:subscriptions_subscription_changelist")
    state = Subscription.State
    active = Subscription.objects.active().count()
    waiting = Subscription.objects.filter(state=state.PENDING).count()
    week = Consent.objects.filter(at__gt=at - WEEK, at__lte=at, purpose__startswith="newsletter:")
    confirmed = week.filter(action=Consent.Action.CONFIRMED).count()
    withdrawn = week.filter(action=Consent.Action.WITHDRAWN).count()
    ledger_url = reverse("admin:subscriptions_consent_changelist")
    notes = []
    if PrivacyPolicy.objects.in_force(at) is None:
        notes.append(_("No Privacy Policy is in force, so nobody can sign up."))
    late = SignupRequest.objects.filter(requested_at__lt=at - timedelta(minutes=15)).count()
    if late:
        notes.append(_("%(count)s sign-ups wait for longer than a quarter of an hour.") % {"count": late})
    return Panel(
        title=_("Subscribers"),
        lines=[
            (_("active subscriptions"), f"{active:,}", f"{subscriptions_url}?state__exact=active"),
            (_("waiting for confirmation"), f"{waiting:,}", f"{subscriptions_url}?state__exact=pending"),
            (_("confirmed this week"), f"{confirmed:,}", f"{ledger_url}?action__exact=confirmed"),
            (_("ended this week"), f"{withdrawn:,}", f"{ledger_url}?action__exact=withdrawn"),
        ],
        note=" ".join(notes),
        charts=[
            bars(_("Confirmed, week by week"), list(_by_week(at, Consent.Action.CONFIRMED))),
            bars(_("Ended, week by week"), list(_by_week(at, Consent.Action.WITHDRAWN))),
        ],
        permission="subscriptions.view_subscriber",
    )


def delivery_panel(at: datetime) -> Panel:
    """Return how this week's newsletters fared with each large mailbox provider, by the domains of addresses.

    A domain with few readers could be a person's own, so those stand together.
    """
    since = at - WEEK
    domain = Func(
        F("subscription__subscriber__email"), Value("@"), Value(2), function="split_part", output_field=CharField()
    )
    sent = Delivery.objects.filter(issue__send_at__gt=since, issue__send_at__lte=at, subscription__isnull=False)
    states: dict[str, Counter[str]] = defaultdict(Counter)
    for row in sent.annotate(domain=domain).values("domain", "state").annotate(number=Count("pk")).order_by():
        states[row["domain"]][row["state"]] += row["number"]
    large = sorted((name for name in states if states[name].total() >= NOBODYS_OWN), key=lambda n: -states[n].total())
    shown = large[:PROVIDERS_SHOWN]
    lines = [_line(name, states[name]) for name in shown]
    others = sum((states[name] for name in states if name not in shown), Counter[str]())
    if others:
        lines.append(_line(_("all others"), others))
    events = MailEvent.objects.filter(received_at__gt=since, received_at__lte=at, delivery__isnull=False)
    url = reverse("admin:subscriptions_mailevent_changelist")
    kinds = dict(events.order_by().values_list("kind").annotate(number=Count("pk")))
    lines += [
        (str(kind.label), f"{kinds.get(kind.value, 0):,}", f"{url}?kind__exact={kind.value}")
        for kind in (MailEvent.Kind.BOUNCED, MailEvent.Kind.COMPLAINED)
    ]
    note = "" if states else _("No issue went out within seven days.")
    return Panel(title=_("Delivery"), lines=lines, note=note, permission="subscriptions.view_delivery")


def _line(name: str, states: Counter[str]) -> tuple[str, str, str]:
    url = reverse("admin:subscriptions_delivery_changelist")
    state = Delivery.State
    tried = states[state.ACCEPTED] + states[state.REFUSED] + states[state.UNKNOWN]
    share = states[state.ACCEPTED] / tried if tried else 0.0
    words = _("%(share)s accepted of %(number)s") % {"share": f"{share:.1%}", "number": f"{tried:,}"}
    return name, words, f"{url}?state__exact={state.REFUSED}"


def _by_week(at: datetime, action: Consent.Action) -> Iterator[tuple[str, int, str]]:
    """Yield the day on which each of the last weeks began, and how many did this in it, the oldest first."""
    begins = [at - WEEK * (weeks_ago + 1) for weeks_ago in reversed(range(WEEKS_SHOWN))]
    weeks = {
        f"week_{place}": Count("position", filter=Q(at__gt=begin, at__lte=begin + WEEK))
        for place, begin in enumerate(begins)
    }
    did = Consent.objects.filter(at__gt=begins[0], at__lte=at, purpose__startswith="newsletter:", action=action)
    for begin, count in zip(begins, did.aggregate(**weeks).values(), strict=True):
        yield date_format(begin, "j M"), count, f"{count:,}"
