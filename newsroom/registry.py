"""Where a lower package asks the upper ones: each fills these lists in its `AppConfig.ready()`.

Imports run one way (donations → subscriptions → newsroom). The few calls that must run back go through here, by name,
typed, and in the order of registration.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django_stubs_ext import StrOrPromise
    from prometheus_client.core import Metric as Figure

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


@dataclass(frozen=True)
class RetentionRule:
    """How long one kind of data is kept, why, and the function that ends it.

    `enforce(limit, at, is_dry_run)` deletes what ended before `limit`, or only counts it, and returns how many rows
    that concerned. A fixed period is promised in words elsewhere, or is part of how a thing works: staff only read it.
    """

    kind: str
    title: "StrOrPromise"
    reason: "StrOrPromise"
    days: int
    enforce: Callable[[datetime, datetime, bool], int]
    is_fixed: bool = False


@dataclass(frozen=True)
class IssueAppeal:
    """What the newsroom asks of the readers of an issue. `message` is sanitised HTML."""

    title: str
    message: str
    button: str
    url: str


@dataclass(frozen=True)
class Screen:
    """What a staff list is for and what cannot be done there, and the first step where it is empty."""

    purpose: "StrOrPromise"
    first_step: "StrOrPromise" = ""


@dataclass(frozen=True)
class Watch:
    """Something that may go wrong. `look` says what is wrong, or an empty word; it names nobody.

    `what_to_do` tells a person who was woken by it. `place` is the staff address that shows more.
    """

    name: str
    title: "StrOrPromise"
    what_to_do: "StrOrPromise"
    look: Callable[[datetime], str]
    place: str = ""


class CannotLeaveNow(Exception):
    """A person cannot be erased at this moment, because a server that must be told gave no good answer."""


ArticleHook = Callable[["Article", datetime], None]
PersonHook = Callable[[str, datetime], None]
PersonExport = Callable[[str], dict[str, Any]]
Boundary = Callable[[datetime], datetime | None]
FigureMaker = Callable[[datetime], Iterable["Figure"]]
PanelMaker = Callable[[datetime], Panel]
WaitingMaker = Callable[[datetime], list[tuple[str, str, str]]]
# Given a language and the time of sending, the appeal that runs then.
AppealMaker = Callable[[str, datetime], IssueAppeal | None]

article_withdrawn: list[ArticleHook] = []
article_corrected: list[ArticleHook] = []
# Called with a normalised address before the transaction that erases the person, so here other servers may be asked to
# stop what would go on without us. Raises CannotLeaveNow, and nothing is erased.
person_leaving: list[PersonHook] = []
# Called with a normalised address, inside the transaction that erases the person.
person_erased: list[PersonHook] = []
# Called with a normalised address; returns everything the package holds about the person, by kind.
person_exported: dict[str, PersonExport] = {}
# The random names under which the consent ledger speaks of the person behind a normalised address.
subjects_of: list[Callable[[str], list[UUID]]] = []
# Blocks of the staff's first page: those that are cheap enough to be made at each view, and those prepared once a day,
# by name, in the order of the page.
dashboard_panels: list[PanelMaker] = []
prepared_panels: dict[str, PanelMaker] = {}
# The words of each staff list, by the model's label.
screens: dict[str, Screen] = {}
# What waits for a person, as label, figure and place, by the permission of whoever may do something about it.
waiting: dict[str, WaitingMaker] = {}
# The next time after `at` when something on public pages changes by the clock alone, such as an appeal's end.
page_boundaries: list[Boundary] = []
# Whether the person behind a normalised address gave. Filled by donations, asked by subscriptions.
donor_checks: list[Callable[[str], bool]] = []
# The addresses of everybody who gave, as a query with a column `email`: the same question, for many people at once.
donor_addresses: list[Callable[[], "QuerySet[Any]"]] = []
# The appeal that an issue of a newsletter may carry. Filled by donations, asked by subscriptions.
issue_appeals: list[AppealMaker] = []
# What is looked at every minute, and told to people where it is wrong.
watches: list[Watch] = []
# Figures of the present moment for Prometheus.
figure_makers: list[FigureMaker] = []
# What the history calls the deeds of looking at personal data and of taking it out.
access_actions: set[str] = set()


def looks_at(*models: str) -> set[str]:
    """Return the deeds that the pages and lists of models about persons write down."""
    return {f"{model}.{deed}" for model in models for deed in ("viewed", "listed", "searched")}


# The rows that staff see as a person, such as the subscriber and the donor, behind a normalised address.
rows_of_person: list[Callable[[str], "Iterable[Model]"]] = []
# Every kind of data that ends by time. The nightly job runs them all, with the periods that staff have set.
retention_rules: list[RetentionRule] = []
# Names of views whose pages are the same for every reader, so that a copy of the site holds them. Pages of views marked
# `cached` need no mention.
copied_pages: set[str] = set()
# Addresses of such pages that no other page of the copy leads to.
copied_paths: list[Callable[[], Iterable[str]]] = []
# Tables whose rows are facts: the application's own role may add to them and never change or remove a row.
fact_tables: list[str] = []
# What a backup says of itself beside its parts, such as where the ledger stood.
backup_facts: list[Callable[[datetime], dict[str, Any]]] = []
