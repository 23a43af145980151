import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
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
    '<figure data-image="7" onclick=alert(1)><img src=x onerror=alert(1)><figcaption style="x">y</figcaption></figure>',
    '<figure data-image="javascript:alert(1)"><figcaption>y</figcaption></figure>',
    "<p>a<foot-note>b<script>1</script><foot-note>c</foot-note><figure data-image=3></figure></foot-note></p>",
    "<table><td><style><!--</style><img src=x onerror=alert(1)//--></style></td></table>",
    "<svg><![CDATA[><img src=x onerror=alert(1)>]]></svg>",
    "<title><a id='</title><img src=x onerror=alert(1)>'></title>",
    "<xmp><p title='</xmp><script>1</script>'></xmp><plaintext><script>1",
    "<div style=\"background-image:url('javascript:1')\"><b onmouseover=1 style='font-weight:bold'>x</b></div>",
    "<p class=MsoListParagraph style='mso-list:l0 level9 lfo1'><img src=x onerror=1></p>",
    '<a href="https://www.google.com/url?q=javascript:alert(1)&sa=D">x</a>',
    '<a id=a href="#b" onclick=1>x</a><p><a name=b href="#a">y</a><script>1</script></p>',
    '<a href="https://[">x</a><a href="//evil.example/x">x</a>',
    "<math><annotation-xml encoding='text/html'><img src=x onerror=1></annotation-xml></math>",
    "<select><iframe src=javascript:1></select><isindex action=javascript:1 type=image>",
]


class Seen(HTMLParser):
    """What a browser would find in a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[tuple[str, str, str]] = set()
        self.comments = 0
        self.open: list[str] = []
        # Whether pictures and notes stand where they can be drawn for readers.
        self.is_in_shape = True
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        if tag == "foot-note":
            self.is_in_shape &= not {"foot-note", "figcaption", "a"} & set(self.open)
        if tag == "figure":
            self.is_in_shape &= set(self.open) <= {"blockquote", "ul", "ol", "li"}
        if tag == "figcaption":
            self.is_in_shape &= self.open[-1:] == ["figure"]
        if tag not in ("br", "hr"):
            self.open.append(tag)
        self.attributes.update((tag, name, value or "") for name, value in attrs)

    def handle_endtag(self, tag: str) -> None:
        self.is_in_shape &= self.open.pop() == tag

    def handle_comment(self, data: str) -> None:
        self.comments += 1


def _assert_inert(html: str) -> None:
    seen = Seen(html)
    assert seen.tags <= sanitising.TAGS
    assert seen.is_in_shape
    assert not seen.comments
    for tag, name, value in seen.attributes:
        assert name in sanitising.ATTRIBUTES.get(tag, set()) | sanitising.ATTRIBUTES["*"]
        if name == "data-image":
            assert value.isdecimal()
        if name == "href":
            # A browser drops these signs before it reads the scheme (https://url.spec.whatwg.org/#url-parsing).
            address = re.sub(r"[\x00-\x20]", "", value)
            if ":" in re.split("[/?#]", address)[0]:
                assert address.split(":")[0].lower() in sanitising.URL_SCHEMES


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_active_survives(html: str) -> None:
    _assert_inert(sanitising.clean(html))


PIECES = [
    "<p>",
    "</p>",
    "<b",
    ">",
    '"',
    "'",
    "<a href=",
    "&lt;",
    "x",
    "<!--",
    "<foot-note>",
    "</foot-note>",
    "<figcaption>",
]
PIECES += [
    "</figure>",
    "<ul>",
    "<li>",
    "</ul>",
    "<span style='font-weight:700'>",
    "<div class=x>",
    "<table>",
    "• x",
    "\xa0",
]


@settings(deadline=None)
@given(st.lists(st.sampled_from([*HOSTILE, *PIECES])))
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


def test_depth_that_no_person_writes_is_no_way_in() -> None:
    _assert_inert(sanitising.clean("<b>" * 900 + "<blockquote>" * 900 + "<figure data-image=1>x<script>1"))


def test_picture_and_note_stay_in_the_one_form_that_is_drawn_for_readers() -> None:
    html = (
        '<p>Said<foot-note>In the <em>log</em>, <a href="https://a.example/">page 4</a>.</foot-note> so.</p>'
        '<figure data-image="7"><figcaption>At <strong>six</strong></figcaption></figure>'
        '<figure data-image="8"></figure>'
    )
    assert sanitising.clean(html) == html
    assert (
        sanitising.clean('<figure data-image="07x"><figcaption>Words stay</figcaption></figure>') == "<p>Words stay</p>"
    )
    nested = "<p>a<foot-note>b <foot-note>c</foot-note></foot-note><a href='/x'>d<foot-note>e</foot-note></a></p>"
    assert sanitising.clean(nested) == '<p>a<foot-note>b c</foot-note><a href="/x">de</a></p>'


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
