"""Bar charts that the server draws."""

from collections.abc import Sequence
from typing import Any

HEIGHT = 60
STEP = 12
BAR = 9


def bars(title: str, points: Sequence[tuple[str, int, str]]) -> dict[str, Any]:
    """Return what `admin/_chart.html` draws: one bar per point of label, value, and the value in words."""
    highest = max((value for _label, value, _words in points), default=0) or 1
    return {
        "title": title,
        "width": max(STEP * len(points), 1),
        "bars": [
            {
                "label": label,
                "figure": words,
                "x": place * STEP,
                "width": BAR,
                "height": round(HEIGHT * value / highest),
                "y": HEIGHT - round(HEIGHT * value / highest),
            }
            for place, (label, value, words) in enumerate(points)
        ],
    }
