"""The HTML of the inbox. Everything that came by mail is escaped here."""

from datetime import datetime
from html import escape
from urllib.parse import urlencode

from sandbox.mail.maildir import Entry
from sandbox.mail.message import WEB_ADDRESS, CaughtMessage

VIEWS = {"html": "HTML", "text": "Text", "headers": "Headers", "source": "Source"}
# Links in a framed mail open a tab outside of the frame's limits; scripts, forms and the inbox's origin stay shut out.
FRAME_ALLOWS = "allow-popups allow-popups-to-escape-sandbox"


def page(title: str, main: str, *, search: str = "") -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<link rel="stylesheet" href="/style.css">
</head>
<body>
<header>
<p><a href="/">Mail catcher</a></p>
<form action="/" role="search">
<input type="search" name="q" value="{escape(search)}" aria-label="Address or words of the subject">
<button>Search</button>
</form>
</header>
<main>
{main}
</main>
</body>
</html>
"""


def inbox_page(entries: list[Entry], *, search: str, count: int, older_than: int | None) -> str:
    if search:
        title, empty = f"Messages with “{search}”", "No message has this in an address or its subject."
    else:
        title, empty = (
            f"{count:,} {'message' if count == 1 else 'messages'}",
            "Mail that the product sends appears here.",
        )
    lines = "\n".join(_line(entry) for entry in entries)
    body = f'<ul class="messages">\n{lines}\n</ul>' if entries else f'<p class="quiet">{empty}</p>'
    older = ""
    if older_than is not None:
        older = f'<a href="/?{escape(urlencode({"q": search, "before": older_than}))}">Older messages</a>'
    delete = (
        '<form action="/delete-all" method="post"><button class="danger">Delete all</button></form>' if count else ""
    )
    main = f'<h1>{escape(title)}</h1>\n{body}\n<div class="actions"><a href="/">Newest</a> {older} {delete}</div>'
    return page(title, main, search=search)


def _line(entry: Entry) -> str:
    return (
        f'<li><a href="/messages/{entry.id}/"><span>{escape(entry.recipients)}</span> '
        f"<strong>{escape(entry.subject) or '(no subject)'}</strong> {_time(entry.received_at)}</a></li>"
    )


def _time(moment: datetime) -> str:
    local = moment.astimezone()
    return f'<time datetime="{local.isoformat(timespec="seconds")}">{local:%d %b, %H:%M:%S}</time>'


def message_page(message: CaughtMessage, *, view: str, images: bool, notice: str = "") -> str:
    entry = message.entry
    facts = {name: message.header(name) for name in ("From", "To", "Reply-To", "Delivered-To", "Date")}
    rows = "\n".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in facts.items() if value)
    subject = entry.subject or "(no subject)"
    parts = [
        f"<h1>{escape(subject)}</h1>",
        f'<p class="notice" role="status">{escape(notice)}</p>' if notice else "",
        f'<dl class="facts">\n{rows}\n</dl>',
        _unsubscribe(message),
        _attachments(message),
        _views(message, view),
        _body(message, view, images=images),
    ]
    return page(subject, "\n".join(part for part in parts if part))


def default_view(message: CaughtMessage) -> str:
    return "html" if message.html is not None else "text"


def _unsubscribe(message: CaughtMessage) -> str:
    addresses = message.unsubscribe_addresses
    if not addresses:
        return ""
    listed = ", ".join(escape(address) for address in addresses)
    if message.one_click_address is None:
        return f'<p class="notice">List-Unsubscribe: {listed} (without one click)</p>'
    return (
        f'<div class="notice"><p>List-Unsubscribe: {listed}</p>\n'
        f'<form action="/messages/{message.entry.id}/unsubscribe" method="post">'
        "<button>Unsubscribe with one click, as a mailbox provider does</button></form></div>"
    )


def _attachments(message: CaughtMessage) -> str:
    if not message.parts:
        return ""
    folder = f"/messages/{message.entry.id}/parts"
    links = [
        f'<a href="{folder}/{part.number}">{escape(part.name)}</a> ({len(part.content):,} bytes)'
        for part in message.parts
    ]
    return f"<p>Enclosed: {', '.join(links)}</p>"


def _views(message: CaughtMessage, current: str) -> str:
    missing = {"html"} if message.html is None else set()
    if message.text is None:
        missing.add("text")
    links = [
        f'<li><a href="/messages/{message.entry.id}/?view={name}"{" aria-current=page" if name == current else ""}>'
        f"{label}</a></li>"
        for name, label in VIEWS.items()
        if name not in missing
    ]
    return f'<nav aria-label="Views of the message"><ul class="views">{"".join(links)}</ul></nav>'


def _body(message: CaughtMessage, view: str, *, images: bool) -> str:
    number = message.entry.id
    if view == "html" and message.html is not None:
        address = f"/messages/{number}/html{'?images=1' if images else ''}"
        frame = f'<iframe sandbox="{FRAME_ALLOWS}" src="{address}" title="The message as HTML"></iframe>'
        if images:
            return frame
        other = f'<a href="/messages/{number}/?view=html&amp;images=1">Show them</a>'
        return f'<p class="quiet">Pictures from the web are not loaded. {other}</p>\n{frame}'
    if view == "headers":
        lines = "\n".join(f"{name}: {value}" for name, value in message.headers)
        return f"<pre>{escape(lines)}</pre>"
    if view == "source":
        source = escape(message.content.decode("utf-8", "replace"))
        return f'<p><a href="/messages/{number}/raw">Download</a></p>\n<pre>{source}</pre>'
    return f"<pre>{_linked(message.text or '')}</pre>"


def _linked(text: str) -> str:
    """Escape plain text, and make its web addresses links."""
    pieces, end = [], 0
    for found in WEB_ADDRESS.finditer(text):
        address = escape(found[0])
        link = f'<a href="{address}" target="_blank" rel="noreferrer">{address}</a>'
        pieces += [escape(text[end : found.start()]), link]
        end = found.end()
    return "".join([*pieces, escape(text[end:])])
