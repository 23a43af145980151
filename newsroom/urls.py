from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.static import serve

from newsroom.views import feeds, reading

handler404 = "newsroom.views.errors.not_found"

# The outlet's own language stands at `/`, each other edition at `/<language>/`.
_languages = "|".join(code for code, name in settings.LANGUAGES)

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("", reading.front, name="front"),
    re_path(rf"^(?P<language>{_languages})/$", reading.edition, name="edition"),
    path("articles/<slug:slug>/", reading.article, name="article"),
    path("sections/<slug:slug>/", reading.section, name="section"),
    path("authors/<slug:slug>/", reading.author, name="author"),
    path("tags/<slug:slug>/", reading.tag, name="tag"),
    path("feed.xml", feeds.feed, name="feed"),
    path("sections/<slug:slug>/feed.xml", feeds.section_feed, name="section-feed"),
    path("", include("subscriptions.urls")),
    path("", include("donations.urls")),
]

if settings.SERVE_MEDIA:
    urlpatterns.append(path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}))

# Last, because every one-word address that is nobody else's may be a page that staff wrote.
urlpatterns.append(path("<slug:slug>/", reading.page, name="page"))
