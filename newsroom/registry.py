"""Where a lower package asks the upper ones: each fills these lists in its `AppConfig.ready()`.

Imports run one way (donations → subscriptions → newsroom). The few calls that must run back go through here, by name,
typed, and in the order of registration.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from newsroom.models import Article


@dataclass(frozen=True)
class Panel:
    """One block of the staff dashboard.

    `lines` are label, figure, and the staff URL of the list behind it; `charts` come from `newsroom.charts.bars`.
    """

    title: str
    lines: list[tuple[str, str, str]]
    note: str = ""
    permission: str = ""
    charts: list[dict[str, Any]] = field(default_factory=list)


ArticleHook = Callable[["Article", datetime], None]
PersonHook = Callable[[str, datetime], None]
PersonExport = Callable[[str], dict[str, Any]]
PanelMaker = Callable[[datetime], Panel]

article_withdrawn: list[ArticleHook] = []
article_corrected: list[ArticleHook] = []
# Called with a normalised address, inside the transaction that erases the person.
person_erased: list[PersonHook] = []
# Called with a normalised address; returns everything the package holds about the person, by kind.
person_exported: dict[str, PersonExport] = {}
dashboard_panels: list[PanelMaker] = []
# Whether the person behind a normalised address gave. Filled by donations, asked by subscriptions.
donor_checks: list[Callable[[str], bool]] = []
