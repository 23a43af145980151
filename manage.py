#!/usr/bin/env python
"""Django's command line."""

import os
import sys
from pathlib import Path

from django.core.management import execute_from_command_line

SANDBOX_ENVIRONMENT = Path(__file__).resolve().parent / ".sandbox" / "environment"


def load_sandbox_environment() -> None:
    """Read the running sandbox's variables, so that a command in a second terminal meets the same servers.

    Only a checkout in which `make run` was started has that file; an environment with DATABASE_URL is left alone.
    """
    if "DATABASE_URL" in os.environ or not SANDBOX_ENVIRONMENT.exists():
        return
    for line in SANDBOX_ENVIRONMENT.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator:
            os.environ.setdefault(name, value)


if __name__ == "__main__":
    load_sandbox_environment()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
    execute_from_command_line(sys.argv)
