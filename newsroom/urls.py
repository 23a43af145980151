from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.static import serve

from newsroom.feeds import FORMATS
from newsroom.views import feeds, finding, reading

handler404 = "newsroom.views.errors.not_found"

# The outlet's own language stands at `/`, each other edition at `/<language>/`.
_formats = "|".join(FORMATS)
# A long list goes on at `page/2/`; its first page has no number.
_page = r"(?:page/(?P<number>[2-9]|[1-9][0-9]{1,4})/)?"
_month = r"(?P<year>[0-9]{4})/(?P<month>[0-9]{1,2})"
_slug = r"(?P<slug>[-a-zA-Z0-9_]+)"
_languages = "|".join(code for code, name in settings.LANGUAGES)

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/account/", include("newsroom.staff_urls")),
    path("admin/", admin.site.urls),
    path("", reading.front, name="front"),
    re_path(rf"^(?P<language>{_languages})/$", reading.edition, name="edition"),
    path("articles/<slug:slug>/", reading.article, name="article"),
    re_path(rf"^sections/{_slug}/{_page}$", reading.section, name="section"),
    re_path(rf"^authors/{_slug}/{_page}$", reading.author, name="author"),
    re_path(rf"^tags/{_slug}/{_page}$", reading.tag, name="tag"),
    re_path(rf"^feed\.(?P<kind>{_formats})$", feeds.feed, name="feed"),
    re_path(rf"^sections/(?P<slug>[-\w]+)/feed\.(?P<kind>{_formats})$", feeds.section_feed, name="section-feed"),
    re_path(rf"^authors/(?P<slug>[-\w]+)/feed\.(?P<kind>{_formats})$", feeds.author_feed, name="author-feed"),
    re_path(rf"^tags/(?P<slug>[-\w]+)/feed\.(?P<kind>{_formats})$", feeds.tag_feed, name="tag-feed"),
    re_path(rf"^(?P<language>{_languages})/feed\.(?P<kind>{_formats})$", feeds.edition_feed, name="edition-feed"),
    re_path(rf"^search/feed\.(?P<kind>{_formats})$", feeds.search_feed, name="search-feed"),
    path("preview/<str:token>/", reading.preview, name="preview"),
    path("search/", finding.find, name="search"),
    path("archive/", finding.months, name="archive"),
    re_path(rf"^archive/{_month}/{_page}$", finding.month, name="archive-month"),
    re_path(rf"^(?P<language>{_languages})/search/$", finding.find, name="edition-search"),
    re_path(rf"^(?P<language>{_languages})/archive/$", finding.months, name="edition-archive"),
    re_path(
        rf"^(?P<language>{_languages})/archive/{_month}/{_page}$",
        finding.month,
        name="edition-archive-month",
    ),
    path("sitemap.xml", finding.sitemap, name="sitemap"),
    path("sitemap-places.xml", finding.sitemap_places, name="sitemap-places"),
    path("sitemap-news.xml", finding.sitemap_news, name="sitemap-news"),
    path("sitemap-<int:year>-<int:month>.xml", finding.sitemap_month, name="sitemap-month"),
    path("robots.txt", finding.robots, name="robots"),
    path("humans.txt", finding.humans, name="humans"),
    path(".well-known/security.txt", finding.security, name="security"),
    path("", include("subscriptions.urls")),
    path("", include("donations.urls")),
]

if settings.SERVE_MEDIA:
    urlpatterns.append(path("media/<path:path>", serve, {"document_root": settings.MEDIA_ROOT}))

# Last, because every one-word address that is nobody else's may be a page that staff wrote.
urlpatterns.append(path("<slug:slug>/", reading.page, name="page"))
