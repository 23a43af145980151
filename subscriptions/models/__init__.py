"""The tables of the package, one module for each subject."""

from subscriptions.models.consents import Consent, ConsentCheckpoint, ConsentHead
from subscriptions.models.deliveries import Delivery, DeliveryTally, EventCount, MailEvent, ReasonTally
from subscriptions.models.embedding import EmbeddingHost
from subscriptions.models.imports import ImportChunk, ImportRow, SubscriberImport
from subscriptions.models.issues import Issue, IssueRendering, Pick
from subscriptions.models.limits import SendingLimit
from subscriptions.models.mirrors import Mirror
from subscriptions.models.newsletters import Newsletter, NewsletterHoliday
from subscriptions.models.policies import PolicyText, PrivacyPolicy
from subscriptions.models.previews import PreviewLink
from subscriptions.models.renewals import ConsentRenewal, RenewalRequest
from subscriptions.models.retention import RetentionPeriod
from subscriptions.models.segments import Segment
from subscriptions.models.subscribers import (
    SignupRequest,
    Subscriber,
    Subscription,
    UnsubscribeReason,
)
from subscriptions.models.visits import AddressChange, Erasure, ReaderVisit

__all__ = [
    "AddressChange",
    "Consent",
    "ConsentCheckpoint",
    "ConsentHead",
    "ConsentRenewal",
    "Delivery",
    "DeliveryTally",
    "EmbeddingHost",
    "Erasure",
    "EventCount",
    "ImportChunk",
    "ImportRow",
    "Issue",
    "IssueRendering",
    "MailEvent",
    "Mirror",
    "Newsletter",
    "NewsletterHoliday",
    "Pick",
    "PolicyText",
    "PreviewLink",
    "PrivacyPolicy",
    "ReaderVisit",
    "ReasonTally",
    "RenewalRequest",
    "RetentionPeriod",
    "Segment",
    "SendingLimit",
    "SignupRequest",
    "Subscriber",
    "SubscriberImport",
    "Subscription",
    "UnsubscribeReason",
]
