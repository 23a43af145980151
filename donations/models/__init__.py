from donations.models.amounts import AmountRule, Currency, Frequency, LanguageCurrency, Method, PaymentMethodRule
from donations.models.appeals import Appeal, appeal_for_article
from donations.models.campaigns import Campaign
from donations.models.donors import Donor, StripeCustomer
from donations.models.gifts import CheckoutSession, Donation, RecurringGift
from donations.models.income import Income
from donations.models.links import DonorLink, LinkRequest
from donations.models.payments import Decline, Dispute, Payment, Refund
from donations.models.reminders import Reminder, ReminderChoice, ReminderGift, Span
from donations.models.safety import SafetyReturn
from donations.models.statements import TaxProfile, YearlyStatement, current_tax_profile
from donations.models.stripe_events import StripeEvent, StripeObject
from donations.models.terms import GivingTerms, current_terms

__all__ = [
    "AmountRule",
    "Appeal",
    "Campaign",
    "CheckoutSession",
    "Currency",
    "Decline",
    "Dispute",
    "Donation",
    "Donor",
    "DonorLink",
    "Frequency",
    "GivingTerms",
    "Income",
    "LanguageCurrency",
    "LinkRequest",
    "Method",
    "Payment",
    "PaymentMethodRule",
    "RecurringGift",
    "Refund",
    "Reminder",
    "ReminderChoice",
    "ReminderGift",
    "SafetyReturn",
    "Span",
    "StripeCustomer",
    "StripeEvent",
    "StripeObject",
    "TaxProfile",
    "YearlyStatement",
    "appeal_for_article",
    "current_tax_profile",
    "current_terms",
]
