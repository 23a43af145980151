"""What the desk's form sends: the words of an issue, and what the pressed button asks for."""

import re

from django.http import HttpRequest

from subscriptions import editing
from subscriptions.editing import Edition
from subscriptions.models import Segment

# Words that a button sends, such as `up:12`.
_ACT = re.compile(r"^(up|down|remove|add|order):(\d+(?:,\d+)*)$")


def edition_of(request: HttpRequest) -> Edition | None:
    """Return the words in a request, or None where the form was closed and its buttons alone were sent."""
    data = request.POST
    if "subject" not in data:
        return None
    version = data.get("version", "")
    numbers = [name[len("headline-") :] for name in data if name.startswith("headline-")]
    picks = {
        int(number): (
            " ".join(data[f"headline-{number}"].split())[:200],
            data.get(f"blurb-{number}", "").replace("\r\n", "\n").strip()[:1000],
        )
        for number in numbers
        if number.isascii() and number.isdecimal()
    }
    words: dict[str, str | bool | int | None] = {
        "subject": " ".join(data.get("subject", "").split())[:200],
        "preheader": " ".join(data.get("preheader", "").split())[:200],
        "letter": data.get("letter", "").replace("\r\n", "\n").strip()[:10_000],
        "carries_appeal": "carries_appeal" in data,
    }
    if "segment" in data:
        chosen = data["segment"]
        known = Segment.objects.filter(pk=chosen) if chosen.isascii() and chosen.isdecimal() else Segment.objects.none()
        words["segment_id"] = known.values_list("pk", flat=True).first()
    return Edition(version=int(version) if version.isascii() and version.isdecimal() else 0, words=words, picks=picks)


def act_of(request: HttpRequest) -> editing.Act | None:
    """Return the change to the picks that the pressed button asks for, if it is one of those."""
    match = _ACT.match(request.POST.get("act", ""))
    if match is None:
        return None
    numbers = [int(number) for number in match[2].split(",")]
    acts = {
        "up": lambda: editing.move(numbers[0], by_places=-1),
        "down": lambda: editing.move(numbers[0], by_places=1),
        "remove": lambda: editing.remove(numbers[0]),
        "add": lambda: editing.add(numbers[0]),
        "order": lambda: editing.reorder(numbers),
    }
    return acts[match[1]]()
