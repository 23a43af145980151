from django.utils.translation import gettext_lazy as _

from donations.models.payments import Payment


class Income(Payment):
    """Payments seen as what articles and appeals brought in: the staff's menu leads to that page by this name."""

    class Meta:
        proxy = True
        verbose_name = _("income")
        verbose_name_plural = _("income by article and appeal")
        default_permissions = ()
