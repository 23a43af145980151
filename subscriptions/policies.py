"""The Privacy Policy: which text binds, publishing a version, and comparing two."""

import difflib
import re
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import transaction
from django.db.models import Case, IntegerField, Value, When

from newsroom.furniture import furniture
from newsroom.history import record
from newsroom.outlet import current_outlet
from newsroom.sanitising import plain
from newsroom.site_version import pages_changed
from subscriptions.models import PolicyText, PrivacyPolicy

_BLOCK_END = re.compile(r"</(?:p|h2|h3|li|blockquote)>")


class PolicyNotReady(Exception):
    """A draft lacks a text or a date, or its date is before today's version."""


@furniture
def text_in_force(language: str, *, at: datetime) -> PolicyText | None:
    """Return the policy's text in force at a moment: in the language given, else in another. One query."""
    return (
        PolicyText.objects.select_related("policy")
        .filter(policy__published_at__isnull=False, policy__in_force_from__lte=at)
        .annotate(is_other_language=_other_language(language))
        .order_by("-policy__in_force_from", "-policy_id", "is_other_language", "pk")
        .first()
    )


def text_of(policy: PrivacyPolicy, language: str) -> PolicyText | None:
    """Return a version's text in the language given, else in another."""
    texts = PolicyText.objects.filter(policy=policy).annotate(is_other_language=_other_language(language))
    text = texts.order_by("is_other_language", "pk").first()
    if text is not None:
        text.policy = policy
    return text


def _other_language(language: str) -> Case:
    return Case(When(language=language, then=Value(0)), default=Value(1), output_field=IntegerField())


@transaction.atomic
def publish(policy: PrivacyPolicy, *, by: AbstractBaseUser | AnonymousUser | None, at: datetime) -> PrivacyPolicy:
    """Publish a draft, after which it never changes.

    Raises PolicyNotReady when it has no date, no text in the outlet's language, or would come into force before the
    version that binds readers now: consent already given names that one.
    """
    policy = PrivacyPolicy.objects.select_for_update().get(pk=policy.pk)
    if policy.is_published:
        return policy
    if policy.in_force_from is None:
        raise PolicyNotReady("no date")
    if not policy.texts.filter(language=current_outlet().language).exists():
        raise PolicyNotReady("no text")
    current = PrivacyPolicy.objects.in_force(at)
    if current is not None and current.in_force_from is not None and policy.in_force_from < current.in_force_from:
        raise PolicyNotReady("before the current version")
    policy.published_at = at
    policy.save(update_fields=["published_at"])
    pages_changed()
    record(policy, action="policy.published", actor=by, after={"version": policy.version}, at=at)
    return policy


@dataclass(frozen=True)
class DiffLine:
    """A block of a comparison: `same`, `added`, `removed`, or the `gap` where unchanged blocks are left out."""

    kind: str
    text: str


def compare(old: str, new: str) -> list[DiffLine]:
    """Compare the words of two policy texts block by block, with one unchanged block around each change for context."""
    lines = difflib.unified_diff(paragraphs(old), paragraphs(new), lineterm="", n=1)
    kinds = {" ": "same", "+": "added", "-": "removed", "@": "gap"}
    # The first two lines name the files compared, and there are none.
    return [DiffLine(kinds[line[0]], line[1:]) for line in list(lines)[2:]]


@dataclass(frozen=True)
class Changes:
    """What one language's text of a version says otherwise than the version before it."""

    language: str
    old_version: str
    lines: list[DiffLine]


def changes_of(policy: PrivacyPolicy) -> list[Changes]:
    """Compare each text of a version with the version it replaces, and a draft's with the newest one published."""
    published = PrivacyPolicy.objects.published().order_by("-in_force_from", "-pk")
    before = PrivacyPolicy.objects.before(policy) if policy.is_published else published.first()
    if before is None:
        return []
    old = dict(before.texts.values_list("language", "body"))
    texts = policy.texts.order_by("language").values_list("language", "body")
    return [
        Changes(language, before.version, compare(old[language], body)) for language, body in texts if language in old
    ]


def paragraphs(body: str) -> list[str]:
    """Return the words of each heading, paragraph and list item of a policy's text, on a line each."""
    return [words for words in map(plain, _BLOCK_END.split(body)) if words]
