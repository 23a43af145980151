from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DonationsConfig(AppConfig):
    name = "donations"
    verbose_name = _("Giving")

    def ready(self) -> None:
        from donations import checks, registering  # noqa: PLC0415 - both need the loaded models.

        checks.register_all()
        registering.register_all()
