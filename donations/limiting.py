"""Limits on starting a payment, before Stripe hears of it, against people who try stolen cards."""

from django.http import HttpRequest

from newsroom.addresses import address_hash
from newsroom.limits import allow, network_of

# One household, office or mobile network gives a few times an hour; a script tries hundreds of cards.
PER_NETWORK = "20/hour"
PER_ADDRESS = "8/hour"
PER_ATTEMPT = "12/hour"
# The whole site, and every reader whose network tells nothing about them (an onion service, a proxy on this machine).
TOGETHER = "3000/hour"
PER_ANONYMOUS_NETWORK = "600/hour"

ANONYMOUS_NETWORKS = ("127.", "::", "10.", "192.168.", "unknown")


def may_start_payment(request: HttpRequest, *, email: str, attempt: str) -> bool:
    """Count one try to reach Stripe's page, and say whether it is within every limit.

    All limits are counted, so that a try that one of them refuses still weighs in the others.
    """
    network = network_of(request)
    per_network = PER_ANONYMOUS_NETWORK if network.startswith(ANONYMOUS_NETWORKS) else PER_NETWORK
    answers = [
        allow("give.attempt", attempt, rate=PER_ATTEMPT),
        allow("give.address", address_hash(email), rate=PER_ADDRESS),
        allow("give.network", network, rate=per_network),
        allow("give.together", rate=TOGETHER),
    ]
    return all(answers)
