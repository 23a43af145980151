"""Bring tables, static files and demo content up to date: ``python -m sandbox.prepare``.

One process for all three, because each start of Django costs a person more than a second.
"""

import os

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
django.setup()

from sandbox.demo.__main__ import main as load_demo  # noqa: E402 - models can be imported only after the set-up.


def main() -> None:
    print("Bringing the tables up to date", flush=True)
    call_command("migrate", interactive=False, verbosity=0)
    print("Collecting static files", flush=True)
    call_command("collectstatic", interactive=False, verbosity=0)
    print("Loading the demo, if it is new here", flush=True)
    load_demo()


if __name__ == "__main__":
    main()
