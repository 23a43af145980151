from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from donations.admin.long_lists import LanguageFilter, LongListAdmin
from donations.admin.showing import FactsInline
from donations.models import Donation, Donor, StripeCustomer


class DonationInline(FactsInline):
    model = Donation
    fields = ["created_at", "frequency", "amount", "fee_cover", "currency", "state"]
    ordering = ["-created_at", "-pk"]
    show_change_link = True


@admin.register(Donor)
class DonorAdmin(LongListAdmin):
    list_display = ["__str__", "email", "name", "language", "created_at", "email_confirmed_at", "erased_at"]
    list_filter = [LanguageFilter, ("erased_at", admin.EmptyFieldListFilter)]
    search_fields = ["=email", "name"]
    search_help_text = _("An exact address, or the beginning of a name")
    ordering = ["-created_at", "-pk"]
    inlines = [DonationInline]

    def exactly(self, field: str, words: str) -> Q:
        # A name is found by its beginning, in upper or lower case; that has an index of its own.
        return Q(name__istartswith=words) if field == "name" else super().exactly(field, words)


@admin.register(StripeCustomer)
class StripeCustomerAdmin(LongListAdmin):
    list_display = ["stripe_id", "donor", "created_at", "livemode"]
    list_select_related = ["donor"]
    search_fields = ["=stripe_id", "=donor__email"]
    ordering = ["-created_at", "-pk"]
