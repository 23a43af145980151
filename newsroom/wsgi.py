"""The WSGI application that gunicorn serves."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")

django = get_wsgi_application()

# What it needs can be imported only now.
from newsroom.page_cache import KeptPages  # noqa: E402

application = KeptPages(django)
