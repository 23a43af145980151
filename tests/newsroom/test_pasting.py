"""What comes from word processors by the clipboard, in the shapes that they really write."""

import pytest

from newsroom.sanitising import clean

WORD = """<html xmlns:v="urn:schemas-microsoft-com:vml" xmlns:o="urn:schemas-microsoft-com:office:office"
xmlns:w="urn:schemas-microsoft-com:office:word"><head><meta name=Generator content="Microsoft Word 15">
<title>Doc</title><!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->
<style><!-- p.MsoNormal {mso-style-parent:"";margin:0cm;} --></style></head>
<body lang=EN-GB style='tab-interval:36.0pt'><!--StartFragment-->
<h1><span lang=EN-GB>The <b>harbour</b><o:p></o:p></span></h1>
<p class=MsoNormal><b style='mso-bidi-font-weight:normal'><span lang=EN-GB>Bold</span></b><span lang=EN-GB> and
<i>slanted</i> in <st1:place w:st="on"><st1:City w:st="on">Port Selen</st1:City></st1:place>.<a
style='mso-footnote-id:ftn1' href="#_ftn1" name="_ftnref1" title=""><span class=MsoFootnoteReference><span
style='mso-special-character:footnote'><![if !supportFootnotes]><span class=MsoFootnoteReference><span
lang=EN-GB>[1]</span></span><![endif]></span></span></a> After.<o:p></o:p></span></p>
<p class=MsoNormal><span lang=EN-GB><o:p>&nbsp;</o:p></span></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span
style='font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;&nbsp;
</span></span></span><![endif]>One<o:p></o:p></p>
<p class=MsoListParagraphCxSpMiddle style='margin-left:72.0pt;mso-list:l0 level2 lfo1'><![if !supportLists]><span><span
style='mso-list:Ignore'>o<span>&nbsp;</span></span></span><![endif]>Deeper<o:p></o:p></p>
<p class=MsoListParagraphCxSpLast style='mso-list:l0 level1 lfo1'><![if !supportLists]><span><span
style='mso-list:Ignore'>·<span>&nbsp;</span></span></span><![endif]>Two</p>
<p class=MsoListParagraph style='mso-list:l1 level1 lfo2'><![if !supportLists]><span
style='mso-list:Ignore'>3.<span>&nbsp;</span></span><![endif]>Third</p>
<p class=MsoNormal>Last <del cite="mailto:Ana" datetime="2026-01-01">gone</del><ins cite="mailto:Ana">new</ins>.<span
style='mso-comment-reference:A_1'> <a href="#_msocom_1">[A1]</a></span></p>
<table class=MsoTableGrid><tr><td><p class=MsoNormal>Ship</p></td><td><p class=MsoNormal>212</p></td></tr></table>
<div style='mso-element:footnote-list'><![if !supportFootnotes]><br clear=all><hr align=left size=1
width="33%"><![endif]><div style='mso-element:footnote' id=ftn1><p class=MsoFootnoteText><a
style='mso-footnote-id:ftn1' href="#_ftnref1" name="_ftn1" title=""><span class=MsoFootnoteReference>[1]</span></a><span
lang=EN-GB> Harbour office, <i>Log</i>.</span></p></div></div><!--EndFragment--></body></html>"""
WORD_CLEAN = (
    "<h2>The harbour</h2>"
    "<p><strong>Bold</strong> and <em>slanted</em> in Port Selen."
    "<foot-note>Harbour office, <em>Log</em>.</foot-note> After.</p>"
    "<ul><li><p>One</p><ul><li><p>Deeper</p></li></ul></li><li><p>Two</p></li></ul>"
    '<ol start="3"><li><p>Third</p></li></ol>'
    "<p>Last new.</p><p>Ship · 212</p>"
)

GOOGLE = """<meta charset='utf-8'><b style="font-weight:normal;" id="docs-internal-guid-6c1a-7fff"><h4 dir="ltr"
style="line-height:1.38;"><span style="font-size:16pt;font-weight:700;">Title</span></h4><p dir="ltr"
style="line-height:1.38;margin-top:0pt;"><span
style="font-size:11pt;font-weight:400;font-style:normal;white-space:pre-wrap;">Plain, </span><span
style="font-weight:700;font-style:italic;text-decoration:none;">loud</span><span style="font-weight:400">,
H</span><span style="font-size:0.6em;vertical-align:sub;">2</span><span style="font-weight:400">O and a </span><a
href="https://www.google.com/url?q=https://a.example/x?y%3D1&amp;sa=D" style="text-decoration:none;"><span
style="color:#1155cc;text-decoration:underline;">link</span></a></p><br /><ul style="margin-top:0;"><li dir="ltr"
style="list-style-type:disc;" aria-level="1"><p dir="ltr" role="presentation"><span
style="font-weight:400">One</span></p></li><ul><li dir="ltr" aria-level="2"><p
dir="ltr"><span>Deeper</span></p></li></ul><li dir="ltr"><p dir="rtl"><span>שתיים</span></p></li></ul><p><img
src="https://lh3.googleusercontent.com/x" /></p></b><br class="Apple-interchange-newline">"""
GOOGLE_CLEAN = (
    '<h3>Title</h3><p>Plain, <strong><em>loud</em></strong>, H<sub>2</sub>O and a <a href="https://a.example/x?y=1">link</a></p>'
    '<ul><li><p>One</p><ul><li><p>Deeper</p></li></ul></li><li><p dir="rtl">שתיים</p></li></ul>'
)

GOOGLE_NOTES = """<p class="c1"><span>Text</span><sup><a href="#ftnt1" id="ftnt_ref1">[1]</a></sup><span>.</span></p>
<hr class="c3"><div><p class="c0"><a href="#ftnt_ref1" id="ftnt1">[1]</a><span>&nbsp;The note.</span></p></div>"""
LIBREOFFICE = """<p style="line-height:100%">Said<a class="sdfootnoteanc" name="sdfootnote1anc"
href="#sdfootnote1sym"><sup>1</sup></a> so.</p><div id="sdfootnote1"><p class="sdfootnote"><a class="sdfootnotesym"
name="sdfootnote1sym" href="#sdfootnote1anc">1</a>Where it stands.</p></div>"""
APPLE = """<p class="p1"><span class="s1">One<span class="Apple-converted-space">&nbsp; </span>two</span></p>"""


@pytest.mark.parametrize(
    ("pasted", "stored"),
    [
        (WORD, WORD_CLEAN),
        (GOOGLE, GOOGLE_CLEAN),
        (GOOGLE_NOTES, "<p>Text<foot-note>The note.</foot-note>.</p>"),
        (LIBREOFFICE, "<p>Said<foot-note>Where it stands.</foot-note> so.</p>"),
        (APPLE, "<p>One two</p>"),
        (
            "<div>• one<br></div><p>•&nbsp;two</p>three",
            "<ul><li><p>one<br></p></li><li><p>two</p></li></ul><p>three</p>",
        ),
        ('<p>a<a href="#top">b</a> <a name="top">c</a></p><span>d</span>', "<p>ab c</p><p>d</p>"),
        ("<b><p>whole</p></b><h1><b>Head</b></h1>", "<p>whole</p><h2>Head</h2>"),
    ],
    ids=["word", "google", "google notes", "libreoffice", "apple", "bullets", "anchors", "misnested"],
)
def test_paste_comes_out_as_the_text_that_was_meant(pasted: str, stored: str) -> None:
    assert clean(pasted) == stored
    assert clean(stored) == stored
