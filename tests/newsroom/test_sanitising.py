from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsroom import sanitising
from tests.newsroom.factories import make_article

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg onload=alert(1)><script>1</script></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href=" java\nscript:alert(1)">x</a>',
    '<a href="data:text/html,<script>1</script>">x</a>',
    '<iframe src="https://tracker.example"></iframe>',
    '<p style="background:url(https://tracker.example)">x</p>',
    '<p onclick="alert(1)" class="support" id="main">x</p>',
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<style>@import 'https://tracker.example'</style>",
    '<form action="https://phish.example"><input name=card></form>',
    '<base href="https://evil.example">',
    '<meta http-equiv="refresh" content="0;url=https://evil.example">',
    "<!--[if IE]><script>1</script><![endif]-->",
    "<template><script>1</script></template>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<object data=x></object><embed src=x><video src=x onerror=1></video>",
    "\x00<scr\x00ipt>1</script>",
]


class Seen(HTMLParser):
    """What a browser would find in a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str, str]] = set()
        self.comments = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update((tag, name, value or "") for name, value in attrs)

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def _assert_inert(html: str) -> None:
    seen = Seen(html)
    assert seen.tags <= sanitising.TAGS
    assert not seen.comments
    for tag, name, value in seen.attributes:
        assert name in sanitising.ATTRIBUTES.get(tag, set()) | sanitising.ATTRIBUTES["*"]
        if name == "href" and ":" in value.split("/")[0]:
            assert value.split(":")[0].lower() in sanitising.URL_SCHEMES


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_active_survives(html: str) -> None:
    _assert_inert(sanitising.clean(html))


@given(st.lists(st.sampled_from([*HOSTILE, "<p>", "</p>", "<b", ">", '"', "'", "<a href=", "&lt;", "x", "<!--"])))
def test_nothing_active_survives_in_any_mixture(parts: list[str]) -> None:
    cleaned = sanitising.clean("".join(parts))
    _assert_inert(cleaned)
    assert sanitising.clean(cleaned) == cleaned


@given(st.text())
def test_any_text_at_all_comes_out_inert_and_stays_as_it_is(text: str) -> None:
    cleaned = sanitising.clean(text)
    _assert_inert(cleaned)
    assert sanitising.clean(cleaned) == cleaned


def test_what_editors_write_stays() -> None:
    html = (
        '<h2>Head</h2><p>One <strong>two</strong> <em>three</em> <a href="https://a.example/?b=1&amp;c=2">four</a></p>'
        '<blockquote><p>Said.</p></blockquote><ul><li><p>a</p></li></ul><ol start="3"><li><p>b</p></li></ol><hr>'
    )
    assert sanitising.clean(html) == html


def test_empty_blocks_go() -> None:
    assert sanitising.clean("<p>One.</p><p></p><p>&nbsp;</p><ul><li><p><br></p></li></ul>") == "<p>One.</p>"
    assert sanitising.clean("<p></p>") == ""


def test_plain_words() -> None:
    assert sanitising.plain("<p>A&nbsp;&amp; B</p><p>&lt;C&gt;</p>") == "A & B <C>"


@pytest.mark.django_db
def test_sanitised_form_is_what_is_stored() -> None:
    article = make_article(body="<p>Fine.</p><script>alert(1)</script>")
    article.refresh_from_db()
    assert article.body == "<p>Fine.</p>"
