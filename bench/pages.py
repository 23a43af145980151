"""How quickly the paper is read: beside a static file, beside bare Django, and with 100 and with 100,000 articles.

Run by `make bench`, or alone:  python -m sandbox run -- python bench/pages.py
One article page, with its form for giving and its form for the newsletter, is asked for over 16 connections that stay
open, compressed as browsers ask for it. In the same run the same bytes come from nginx (where it is installed) and from
a Django view without middleware, under the production server's command. A kept page must reach 0.9 of bare Django.
`BENCH_SECONDS` (10) is how long each is asked, `BENCH_ARTICLES` (100,000) how many there are in the end.
"""

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "newsroom.settings")
# Pages that are made in this process are made each time.
os.environ["PAGE_CACHE"] = "0"

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, override_settings  # noqa: E402
from django.utils import timezone  # noqa: E402

from bench._bulk import connection as owner  # noqa: E402
from bench._bulk import fill  # noqa: E402
from newsroom.models import Article, Author, Byline, Section, Tag  # noqa: E402
from newsroom.publishing import LATEST_IN_LIST  # noqa: E402
from sandbox.children import Child, Program  # noqa: E402
from sandbox.ports import HOST, free_port  # noqa: E402
from sandbox.programs import accepts, answers, python  # noqa: E402
from tests.browser.paper import STORY, make_paper  # noqa: E402

SECONDS = float(os.environ.get("BENCH_SECONDS", "10"))
ARTICLES = int(os.environ.get("BENCH_ARTICLES", "100000"))
CONNECTIONS = 16
TRIES = 15
LEAST_RATIO = 0.9
# A page of a hundred thousand articles may take so much longer than one of a hundred, and so many milliseconds besides.
MOST_GROWTH, MOST_MORE = 1.5, 10.0
STORY_PATH = f"/articles/{STORY}/"
PAGES = {
    "article": STORY_PATH,
    "front": "/",
    "section": "/sections/veresia/",
    "section, its end": "/sections/veresia/{end}",
    "author": "/authors/{author}/",
    "tag, common": "/tags/bridges/",
    "tag, rare": "/tags/zeppelins/",
    "search, rare": "/search/?q=zeppelin",
    "search, common": "/search/?q=bridge",
    "feed": "/feed.xml",
    "section feed": "/sections/veresia/feed.json",
    "archive": "/archive/",
}


def add_articles(count: int) -> None:
    """Write so many more articles, of some 150 words, over five years: one in twenty is about a bridge."""
    sections = list(Section.objects.filter(language="en").values_list("pk", flat=True))
    authors = list(Author.objects.values_list("pk", flat=True))
    words = "'<p>' || repeat('the ministry denied on Tuesday what everyone in the town had seen since spring. ', 10)"
    fill(
        Article,
        count,
        id="n + 1000000",
        headline="'What the town saw, part ' || n",
        slug="'what-the-town-saw-' || n",
        standfirst="'They had seen it for years, and wrote it down ' || n || ' times.'",
        body=f"{words} || CASE WHEN n %% 20 = 0 THEN 'a bridge' ELSE 'a road' END || md5(n::text) || '</p>'",
        section_id=f"(ARRAY{sections})[1 + n %% {len(sections)}]",
        status="'published'",
        published_at="AGE - interval '30 days'",
        updated_at="now()",
    )
    fill(
        Byline,
        count,
        id="n + 1000000",
        article_id="n + 1000000",
        author_id=f"(ARRAY{authors})[1 + n %% {len(authors)}]",
    )
    tags = [Tag.objects.get_or_create(slug=word, defaults={"name": word})[0] for word in ("bridges", "zeppelins")]
    for tag, every in zip(tags, (10, 1000), strict=True):
        # A full page at both sizes: what grows has to be the archive, and not the page.
        rows = max(count // every, LATEST_IN_LIST + 1)
        fill(
            Article.tags.through,
            rows,
            id=f"n + {tag.pk} * 10000000",
            article_id=f"1000000 + n * {count // rows}",
            tag_id=f"{tag.pk}",
        )
    # Only the owner of the tables may: for anyone else PostgreSQL passes over them, and plans by what it knew before.
    with owner.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")


def making() -> dict[str, tuple[float, int]]:
    """Return for each page the milliseconds it takes to make, and its queries."""
    client = Client()
    made = {}
    author = Author.objects.order_by("pk").values_list("slug", flat=True)[0]
    last = -(-Article.objects.published(timezone.now()).filter(section__slug="veresia").count() // LATEST_IN_LIST)
    end = f"page/{last}/" if last > 1 else ""
    for name, template in PAGES.items():
        path = template.format(author=author, end=end)
        taken = []
        for _number in range(TRIES + 1):
            began = time.perf_counter()
            response = client.get(path)
            taken.append((time.perf_counter() - began) * 1000)
            assert response.status_code == 200, f"{path}: {response.status_code}"
        with CaptureQueriesContext(connection) as queries:
            client.get(path)
        # The quickest: on a machine that others use too, the rest tells of them.
        made[name] = (min(taken[1:]), len(queries))
    made["the next article"] = making_next()
    return made


def making_next() -> tuple[float, int]:
    """Return what an article costs that nobody has asked for yet, kept and compressed, right after another."""
    taken = []
    with override_settings(MIDDLEWARE=["newsroom.page_cache.PageCacheMiddleware", *settings.MIDDLEWARE]):
        client = Client()
        for number in range(TRIES + 1):
            with CaptureQueriesContext(connection) as queries:
                began = time.perf_counter()
                client.get(f"/articles/what-the-town-saw-{50 + number}/")
                taken.append((time.perf_counter() - began) * 1000)
    return min(taken[1:]), len(queries)


@contextmanager
def serving(program: Program) -> Iterator[None]:
    child = Child(program, subprocess.DEVNULL)
    try:
        child.wait_until_ready()
        yield
    finally:
        child.kill()


def site(port: int, *, keeps_pages: bool) -> Program:
    """Return the product's web server as it is started in production."""
    words = ("manage.py", "start", "web", "--bind", f"{HOST}:{port}")
    environment = {**os.environ, "PAGE_CACHE": "1" if keeps_pages else "0"}
    return python("web", *words, environment=environment, is_ready=answers(port))


def bare(port: int, body: Path) -> Program:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "bench._bare", "BENCH_BODY": str(body)}
    return python("web", "-m", "bench._bare", f"{HOST}:{port}", environment=environment, is_ready=accepts(port))


@contextmanager
def nginx(body: Path, port: int) -> Iterator[None]:
    """Serve the file as nginx serves any, by two workers."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "nginx.conf"
        shutil.copy(body, Path(folder) / "page")
        config.write_text(
            f"user root; worker_processes 2; pid {folder}/pid; error_log {folder}/error.log; daemon off;\n"
            "events { worker_connections 256; }\n"
            f"http {{ access_log off; keepalive_requests 10000000; server {{ listen {HOST}:{port}; root {folder};\n"
            "location = /page { default_type text/html; add_header Content-Encoding br; } } }\n"
        )
        server = subprocess.Popen(["nginx", "-p", folder, "-c", str(config)], stderr=subprocess.DEVNULL)
        try:
            while not accepts(port)():
                time.sleep(0.05)
            yield
        finally:
            server.terminate()
            server.wait()


def read(port: int, path: str, *, seconds: float = SECONDS) -> dict[str, float]:
    host = urlsplit(settings.SITE_URL).netloc
    script = Path(__file__).with_name("_readers.py")
    words = [sys.executable, str(script), str(port), host, path, str(seconds), str(CONNECTIONS)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{path}: {done.stderr or done.stdout}")
    return json.loads(done.stdout)


def say(name: str, figures: dict[str, float]) -> None:
    print(f"{name:34} {figures['rate']:8,.0f} requests a second, p99 {figures['p99']:6.1f} ms")


def measure_serving() -> list[str]:
    """Compare the kept page with bare Django and a file, taking turns so that a busy machine is busy for all."""
    body = Path(tempfile.mkstemp(suffix=".br")[1])
    faults = []
    kept_port, bare_port, made_port, file_port = (free_port() for _number in range(4))
    with serving(site(kept_port, keeps_pages=True)):
        read(kept_port, STORY_PATH, seconds=1)
        body.write_bytes(_compressed(kept_port))
        print(f"The page is {body.stat().st_size:,} bytes as it is sent; load {os.getloadavg()[0]:.1f}")
        with serving(bare(bare_port, body)):
            read(bare_port, "/page/", seconds=1)
            turns = [(read(kept_port, STORY_PATH, seconds=SECONDS / 2), read(bare_port, "/page/", seconds=SECONDS / 2))
                     for _turn in range(4)]  # fmt: skip
    kept, plain = (_middle([turn[place] for turn in turns]) for place in (0, 1))
    ratio = statistics.median(one["rate"] / other["rate"] for one, other in turns)
    say("kept article page", kept)
    say("bare Django view, same bytes", plain)
    print(f"{'ratio':34} {ratio:8.2f} (at least {LEAST_RATIO})")
    if ratio < LEAST_RATIO:
        faults.append(f"a kept page reaches {ratio:.2f} of bare Django")
    if shutil.which("nginx"):
        with nginx(body, file_port):
            say("nginx, same bytes as a file", read(file_port, "/page"))
    else:
        print("nginx is not installed")
    with serving(site(made_port, keeps_pages=False)):
        read(made_port, STORY_PATH, seconds=1)
        say("article page made each time", read(made_port, STORY_PATH))
    body.unlink()
    return faults


def _compressed(port: int) -> bytes:

    asking = http.client.HTTPConnection(HOST, port)
    host = urlsplit(settings.SITE_URL).netloc
    asking.request("GET", STORY_PATH, headers={"Host": host, "Accept-Encoding": "br"})
    body = asking.getresponse().read()
    asking.close()
    return body


def _middle(figures: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in figures) for name in figures[0]}


def main() -> None:
    call_command("migrate", verbosity=0)
    settings.ALLOWED_HOSTS.append("testserver")
    make_paper(articles=40)
    add_articles(100)
    few = making()
    faults = measure_serving()
    Byline.objects.filter(pk__gt=1_000_000).delete()
    Article.objects.filter(pk__gt=1_000_000).delete()
    began = time.perf_counter()
    add_articles(ARTICLES)
    print(f"{ARTICLES:,} articles written in {time.perf_counter() - began:.0f} s")
    many = making()
    for name, (before, asked) in few.items():
        after, asked_after = many[name]
        print(f"made: {name:28} {before:6.1f} ms with 100, {after:6.1f} ms with {ARTICLES:,}; {asked_after} queries")
        if asked_after > asked:
            faults.append(f"{name} asks {asked_after} queries instead of {asked}")
        if after > before * MOST_GROWTH + MOST_MORE:
            faults.append(f"{name} takes {after:.0f} ms with {ARTICLES:,} articles and {before:.0f} with 100")
    for fault in faults:
        print(f"TOO SLOW: {fault}")
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
