"""What each list of this package is for, in one sentence on the page, and the first step where it is empty."""

from django.utils.translation import gettext_lazy as _

from newsroom.registry import Screen

SCREENS = {
    "donations.appeal": Screen(
        _("What readers are asked, where and when. An appeal changes no amount that somebody already gives."),
        _("Add an appeal; without one, articles carry the form alone."),
    ),
    "donations.amountrule": Screen(
        _("Limits and suggestions by currency and frequency, the only place for them. Running gifts are not touched."),
        _("Add a currency, and the form offers it."),
    ),
    "donations.campaign": Screen(
        _("Codes by which a gift is counted to a campaign. An unregistered code is not kept."),
        _("Register a code before you put it into a link."),
    ),
    "donations.decline": Screen(
        _("Refused charges of the last days, to see stolen cards being tried. They name no person and no card."),
        _("No charge was refused lately."),
    ),
    "donations.dispute": Screen(
        _("Payments that a bank questions, with the day an answer is due. The answer is given at Stripe."),
        _("No bank has questioned a payment."),
    ),
    "donations.donation": Screen(
        _("What readers decided to give. Whether money moved is under payments, and only Stripe decides that."),
        _("The first reader who opens the form and goes on appears here."),
    ),
    "donations.donor": Screen(
        _("People who gave. They change their data on their own page; staff cannot edit it."),
        _("The first gift makes the first donor."),
    ),
    "donations.givingterms": Screen(
        _("What holds for every gift, such as covered fees. Blocked card countries are a setting of the server."),
        _("Add them once, before the first gift."),
    ),
    "donations.income": Screen(_("Income by article and appeal. Sums of several currencies are never added up.")),
    "donations.languagecurrency": Screen(
        _("Which currency the form offers first in each language. Readers can change it on the form."),
        _("Without a line the first currency stands there."),
    ),
    "donations.payment": Screen(
        _("Every movement of money, as Stripe tells it. A refund is a step on a payment's page; no sum is edited."),
        _("The first payment that Stripe reports appears here."),
    ),
    "donations.paymentmethodrule": Screen(
        _("Ways to pay by currency and frequency, as Stripe is asked for them. Stripe's own switches decide too."),
        _("Add a line for each currency that is not paid by card alone."),
    ),
    "donations.recurringgift": Screen(
        _("Gifts that are charged again. Staff can end one when its donor asks, and can never raise one."),
        _("The first monthly or annual gift appears here."),
    ),
    "donations.refund": Screen(
        _("What went back, and whether it arrived. A refund begins on the payment's page and cannot be called back."),
        _("Nothing was sent back."),
    ),
    "donations.reminder": Screen(
        _("Readers who asked to be reminded once. Staff can cancel one and cannot send it early."),
        _("The first reader who asks for a reminder appears here."),
    ),
    "donations.reminderchoice": Screen(
        _("The times that the form offers for a reminder. Reminders already asked for keep their day."),
        _("Add a time, and the form shows it."),
    ),
    "donations.safetyreturn": Screen(
        _("Gifts from blocked card countries, on their way back. They name nobody and go by themselves."),
        _("No such gift has arrived."),
    ),
    "donations.stripecustomer": Screen(
        _("Which customers at Stripe belong to which donor. They are made by gifts, not by hand."),
        _("The first recurring gift makes the first."),
    ),
    "donations.stripeevent": Screen(
        _("What Stripe told, by id only. Processing again fetches the object as it is now; it never pays twice."),
        _("No event arrived yet. Check the endpoint in Stripe's dashboard."),
    ),
    "donations.taxprofile": Screen(
        _("The organisation as receipts and yearly statements name it. Statements already made keep their words."),
        _("Add it before January: no statement is made without it."),
    ),
    "donations.yearlystatement": Screen(
        _("Statements that donors were given, by year and number. One is never rewritten; a correction is a new one."),
        _("The first are made in January."),
    ),
}
