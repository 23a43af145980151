"""The tables of the package, one module for each subject."""

from subscriptions.models.consents import Consent, ConsentHead
from subscriptions.models.deliveries import Delivery, DeliveryTally, MailEvent
from subscriptions.models.issues import Issue, IssueRendering, Pick
from subscriptions.models.newsletters import Newsletter, NewsletterHoliday
from subscriptions.models.policies import PolicyText, PrivacyPolicy
from subscriptions.models.subscribers import (
    SignupRequest,
    Subscriber,
    Subscription,
    UnsubscribeReason,
)

__all__ = [
    "Consent",
    "ConsentHead",
    "Delivery",
    "DeliveryTally",
    "Issue",
    "IssueRendering",
    "MailEvent",
    "Newsletter",
    "NewsletterHoliday",
    "Pick",
    "PolicyText",
    "PrivacyPolicy",
    "SignupRequest",
    "Subscriber",
    "Subscription",
    "UnsubscribeReason",
]
