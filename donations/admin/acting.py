"""What staff do to money: each a page that asks for a reason, a POST, a permission, and a history entry."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations import keeping, receipts, stripe_api
from donations.models import Payment, RecurringGift
from donations.money import InvalidAmount, format_number, parse_amount
from newsroom.history import entries_of, record
from newsroom.staff_access import proven


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=300, widget=forms.Textarea(attrs={"rows": 2}), required=True
    )


class RefundForm(ReasonForm):
    amount = forms.CharField(label=gettext_lazy("Amount"), max_length=20)
    # New each time the page is opened: pressing the button again is the same refund, another visit another one.
    key = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    field_order = ["amount", "reason", "key"]

    def __init__(self, *args: Any, payment: Payment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.payment = payment
        self.fields["amount"].initial = format_number(payment.kept, payment.currency, "en", exact=True)
        self.fields["amount"].help_text = _("In %(currency)s. At most what has not gone back yet.") % {
            "currency": payment.currency
        }

    def clean_amount(self) -> int:
        try:
            amount = parse_amount(self.cleaned_data["amount"], self.payment.currency)
        except InvalidAmount:
            raise forms.ValidationError(_("This amount could not be read.")) from None
        if not 0 < amount <= self.payment.kept:
            raise forms.ValidationError(_("This is more than the donor has paid and not got back."))
        return amount


@proven
def refund(request: HttpRequest, pk: int) -> HttpResponse:
    """Send a payment back, whole or in part."""
    _demand(request, "donations.refund_payment")
    payment = get_object_or_404(Payment.objects.select_related("donation"), pk=pk)
    form = RefundForm(request.POST or None, payment=payment)
    if request.method == "POST" and form.is_valid():
        words = form.cleaned_data
        try:
            keeping.refund(
                payment,
                amount=words["amount"],
                key=words["key"],
                by=request.user,
                reason=words["reason"],
                at=timezone.now(),
            )
        except keeping.NotPossible:
            form.add_error(None, _("This payment cannot be refunded now."))
        except stripe_api.StripeRefused as error:
            # Stripe repeats its refusal as long as it keeps the key.
            message = _("Stripe refused this (%(code)s). Open this page again to make another try.")
            form.add_error(None, message % {"code": error.code})
        except stripe_api.StripeError as error:
            message = _("Stripe did not answer (%(code)s). Pressing the button again sends the money only once.")
            form.add_error(None, message % {"code": error.code})
        else:
            messages.success(request, _("The money is on its way back."))
            return _back(payment)
    return _page(request, payment, form, title=_("Refund"), button=_("Send the money back"))


def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """End a recurring gift at the donor's request."""
    _demand(request, "donations.cancel_recurring_gift")
    gift = get_object_or_404(RecurringGift.objects.select_related("donation"), pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            keeping.cancel(gift, by=request.user, reason=form.cleaned_data["reason"], at=timezone.now())
        except stripe_api.StripeError as error:
            form.add_error(None, _("Stripe refused or did not answer (%(code)s).") % {"code": error.code})
        else:
            messages.success(request, _("The gift has ended, and its donor is told."))
            return _back(gift)
    return _page(request, gift, form, title=_("End this gift"), button=_("End it"))


def resend(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail the receipt of a payment once more."""
    _demand(request, "donations.resend_receipt")
    payment = get_object_or_404(Payment.objects.select_related("donation__donor"), pk=pk)
    form = ReasonForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        at = timezone.now()
        number = entries_of(payment).filter(action="payment.receipt_resent").count() + 1
        mail = receipts.queue_again(payment, number=number, at=at)
        if mail is None:
            form.add_error(None, _("There is no receipt for this payment, or nobody to send it to."))
        else:
            reason = form.cleaned_data["reason"]
            record(payment, action="payment.receipt_resent", actor=request.user, reason=reason, at=at)
            messages.success(request, _("The receipt is on its way."))
            return _back(payment)
    return _page(request, payment, form, title=_("Send the receipt again"), button=_("Send it"))


def _demand(request: HttpRequest, permission: str) -> None:
    if not request.user.has_perm(permission):
        raise PermissionDenied


def _page(request: HttpRequest, obj: Any, form: forms.Form, *, title: str, button: str) -> HttpResponse:
    from django.contrib import admin  # noqa: PLC0415 - the site is complete only once every app is ready.

    context = {**admin.site.each_context(request), "title": title, "object": obj, "form": form, "button": button}
    context |= {"opts": obj._meta, "back": _address(obj)}
    return render(request, "admin/donations/act.html", context)


def _address(obj: Any) -> str:
    return reverse(f"admin:donations_{obj._meta.model_name}_change", args=[obj.pk])


def _back(obj: Any) -> HttpResponseRedirect:
    return HttpResponseRedirect(_address(obj))
