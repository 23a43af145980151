from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class NewsroomConfig(AppConfig):
    name = "newsroom"
    verbose_name = "Publishing"

    def ready(self) -> None:
        from newsroom import checks  # noqa: F401, PLC0415 - Django asks for checks to be registered once apps are loaded.


class StaffConfig(AdminConfig):
    """Django's admin on the newsroom's own site object."""

    default_site = "newsroom.staff.StaffSite"
