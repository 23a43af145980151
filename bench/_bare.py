"""What Django costs by itself under the production server: one view that returns the bytes of a file, no middleware.

Run as a program by bench/pages.py, with this module as Django's settings.
"""

import os
import sys
from pathlib import Path

from django.http import HttpRequest, HttpResponse
from django.urls import path

SECRET_KEY = "bench"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "bench._bare"
USE_I18N = False
BODY = Path(os.environ["BENCH_BODY"]).read_bytes()


def page(request: HttpRequest) -> HttpResponse:
    return HttpResponse(BODY, headers={"Content-Encoding": "br", "Content-Length": str(len(BODY))})


urlpatterns = [path("page/", page)]

if __name__ == "__main__":
    from newsroom.web_server import Server

    Server(bind=sys.argv[1], workers=2, threads=4).run()
