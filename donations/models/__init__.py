from donations.models.amounts import AmountRule, Currency, Frequency, LanguageCurrency, Method, PaymentMethodRule
from donations.models.appeals import Appeal, appeal_for_article
from donations.models.donors import Donor, StripeCustomer
from donations.models.gifts import CheckoutSession, Donation, RecurringGift
from donations.models.payments import Decline, Dispute, Payment, Refund
from donations.models.reminders import Reminder, ReminderChoice, ReminderGift, Span
from donations.models.stripe_events import StripeEvent, StripeObject
from donations.models.terms import GivingTerms, current_terms

__all__ = [
    "AmountRule",
    "Appeal",
    "CheckoutSession",
    "Currency",
    "Decline",
    "Dispute",
    "Donation",
    "Donor",
    "Frequency",
    "GivingTerms",
    "LanguageCurrency",
    "Method",
    "Payment",
    "PaymentMethodRule",
    "RecurringGift",
    "Refund",
    "Reminder",
    "ReminderChoice",
    "ReminderGift",
    "Span",
    "StripeCustomer",
    "StripeEvent",
    "StripeObject",
    "appeal_for_article",
    "current_terms",
]
