"""Limits on starting a payment, before Stripe hears of it, against people who try stolen cards."""

from django.http import HttpRequest

from donations.models import Donor
from newsroom.addresses import address_hash
from newsroom.limits import allow, is_shared, network_of

# One household, office or mobile network gives a few times an hour; a script tries hundreds of cards.
PER_NETWORK = "20/hour"
PER_ADDRESS = "8/hour"
PER_ATTEMPT = "12/hour"
# Everybody whose network tells something about them; and, as much again, everybody else: who comes by the onion
# service, from Tor's exits and other shared networks. Whoever tries cards from there cannot shut out the others.
TOGETHER = "3000/hour"
# A donor changes a card once in some years.
CARDS_PER_DONOR = "6/hour"


def may_start_payment(request: HttpRequest, *, email: str, attempt: str) -> bool:
    """Count one try to reach Stripe's page, and say whether it is within every limit.

    All limits are counted, so that a try that one of them refuses still weighs in the others.
    """
    answers = [
        allow("give.attempt", attempt, rate=PER_ATTEMPT),
        allow("give.address", address_hash(email), rate=PER_ADDRESS),
        *_of_network(request),
    ]
    return all(answers)


def may_change_card(request: HttpRequest, *, donor: Donor) -> bool:
    """Count one visit to the page where a donor's card is changed, which tries cards as well."""
    return all([allow("card.donor", str(donor.pk), rate=CARDS_PER_DONOR), *_of_network(request)])


def _of_network(request: HttpRequest) -> list[bool]:
    network = network_of(request)
    if is_shared(network):
        return [allow("give.shared", rate=TOGETHER)]
    return [allow("give.network", network, rate=PER_NETWORK), allow("give.together", rate=TOGETHER)]
