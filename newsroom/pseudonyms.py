"""Keeping apart a pseudonym and the account behind it, for staff who may not know.

Who saved, submitted or corrected an article by “M. Vale” tells who M. Vale is. So whoever lacks `view_pseudonyms` never
sees an account that stands behind a pseudonym as the one who acted on any article or author: if only the articles of
the pseudonym were silent, the silence would tell.
"""

from collections.abc import Iterable
from typing import TypeVar

from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.utils.translation import gettext as _

from newsroom.models import ArticleRevision, Author, HistoryEntry

TELLING = {"newsroom.article", "newsroom.author"}
Viewer = AbstractBaseUser | AnonymousUser
R = TypeVar("R", HistoryEntry, ArticleRevision, LogEntry)


def may_know(viewer: Viewer) -> bool:
    return isinstance(viewer, User) and viewer.has_perm("newsroom.view_pseudonyms")


def hidden_accounts(viewer: Viewer) -> set[int]:
    """Return the accounts that stand behind pseudonyms, without the viewer's own; none for who may know them."""
    if may_know(viewer):
        return set()
    behind = Author.objects.filter(is_pseudonymous=True, staff_user__isnull=False).exclude(staff_user_id=viewer.pk)
    return {pk for pk in behind.values_list("staff_user_id", flat=True) if pk is not None}


def without_names(rows: Iterable[R], *, viewer: Viewer) -> list[R]:
    """Take the hidden accounts off the rows, in memory; where Django asks for somebody, nobody stands in."""
    hidden = hidden_accounts(viewer)
    listed = list(rows)
    for row in listed:
        if isinstance(row, ArticleRevision) and row.saved_by_id in hidden:
            row.saved_by = None
        elif isinstance(row, HistoryEntry) and row.object_type in TELLING and row.actor_id in hidden:
            row.actor = None
        elif isinstance(row, LogEntry) and row.user_id in hidden:
            row.user = User(username=_("not shown"))
    return listed
