"""What an editor's browser does at the desk: it reads the form, and sends it with the button that was pressed."""

import re
from html import unescape
from typing import Any

from django.test import Client

from subscriptions.models import Issue


def desk_url(issue: Issue, part: str = "change") -> str:
    return f"/admin/subscriptions/issue/{issue.pk}/{part}/"


def form_of(client: Client, issue: Issue) -> dict[str, str]:
    """Return the fields of the desk's form as the browser would send them."""
    page = client.get(desk_url(issue)).content.decode()
    if re.search(r'<fieldset class="module" disabled>', page):
        return {}
    fields = {}
    for tag in re.findall(r"<input [^>]*>", page):
        name, value = re.search(r' name="([\w-]+)"', tag), re.search(r' value="([^"]*)"', tag)
        is_sent = 'type="hidden"' in tag or 'type="text"' in tag or " checked" in tag
        if name and value and is_sent and name[1] != "csrfmiddlewaretoken":
            fields[name[1]] = unescape(value[1])
    texts = re.findall(r'<textarea[^>]* name="([\w-]+)"[^>]*>([^<]*)</textarea>', page)
    return fields | {name: unescape(text) for name, text in texts}


def press(client: Client, issue: Issue, act: str, *, to: str = "save", **changes: str) -> Any:
    return client.post(desk_url(issue, to), {**form_of(client, issue), **changes, "act": act})
