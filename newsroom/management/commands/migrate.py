from django.conf import settings
from django.core.management.base import CommandParser
from django.core.management.commands import migrate

from newsroom.database_roles import OWNER


class Command(migrate.Command):
    """Django's own, run as the role that owns the tables where `DATABASE_OWNER_URL` names it."""

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        if OWNER in settings.DATABASES:
            parser.set_defaults(database=OWNER)
