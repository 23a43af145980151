"""What each model holds about a person, said beside the model: why, for how long, and how it is exported and erased.

Every model has a `personal_data`. Tests read these declarations: a column that is not in one fails, and so does a
declared column without a retention period, without its place in the export of a person, or left after an erasure.
"""

import functools
import operator
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any, TypeVar

from django.apps import apps
from django.db import models
from django.db.models import Q, QuerySet

from newsroom import registry
from newsroom.addresses import address_hashes

PACKAGES = ("newsroom", "subscriptions", "donations")
M = TypeVar("M", bound=models.Model)


class Erased(StrEnum):
    """What an erasure does to the rows of a person."""

    DELETED = "the row is deleted"
    EMPTIED = "the row stays without what names the person"
    UNLINKED = "the row stays and no longer leads to the person"
    KEPT = "the row stays: it holds a keyed hash at most"


@dataclass(frozen=True, kw_only=True)
class PersonalData:
    """One model's declaration. Keys of the mappings name one column or several, divided by spaces.

    `found_by`: look-ups that lead from a row to its person: to the address, or, where the last part is `address_hash`,
    to its keyed hash, and `subject` to the random name in the consent ledger. A model about nobody has none, and says
    of each column of text why it is not personal.
    `retention`: the kind of the rule in `registry.retention_rules` that ends the rows.
    `exported_in`: the place in the export of a person, such as `newsletters.subscriber`.
    `columns`: what is personal and exported, with its purpose. `withheld`: what is personal and not exported, with the
    reason. `not_personal`: what says nothing of the person.
    """

    found_by: tuple[str, ...] = ()
    retention: str = ""
    exported_in: str = ""
    erased: Erased | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    withheld: Mapping[str, str] = field(default_factory=dict)
    not_personal: Mapping[str, str] = field(default_factory=dict)

    @property
    def exported(self) -> list[str]:
        return names_in(self.columns)


def names_in(mapping: Mapping[str, str]) -> list[str]:
    """Return the columns that the keys of a mapping name."""
    return [name for names in mapping for name in names.split()]


def declaration_of(model: type[models.Model]) -> PersonalData | None:
    """Return what a model declares; None where it declares nothing, which a test refuses."""
    found = getattr(model, "personal_data", None)
    return found if isinstance(found, PersonalData) else None


def declared() -> list[tuple[type[models.Model], PersonalData]]:
    """Return the models of the three packages that hold something about a person."""
    ours = [model for model in apps.get_models() if model._meta.app_label in PACKAGES and not model._meta.proxy]
    return [(model, found) for model in ours if (found := declaration_of(model)) is not None and found.retention]


def rows_of(model: type[M], address: str) -> QuerySet[M]:
    """Return the rows of a model about the person behind a normalised address, oldest first."""
    found = declaration_of(model)
    if found is None or not found.found_by:
        return model._default_manager.none()
    wanted = [_asked(lookup, address) for lookup in found.found_by]
    return model._default_manager.filter(functools.reduce(operator.or_, wanted)).order_by("pk").distinct()


def facts(row: models.Model, names: Iterable[str] | None = None) -> dict[str, Any]:
    """Return what is exported of a row, as JSON, under the names of its columns."""
    found = declaration_of(type(row))
    wanted = names if names is not None else found.exported if found is not None else []
    return {name: plain(getattr(row, name)) for name in wanted}


def facts_of(model: type[models.Model], address: str) -> list[dict[str, Any]]:
    """Return what is exported of a model about the person behind a normalised address."""
    return [facts(row) for row in rows_of(model, address)]


def plain(value: Any) -> Any:
    """Return a column's value as JSON."""
    if value is None or isinstance(value, str | int | bool | dict | list):
        return value
    return value.isoformat() if isinstance(value, datetime | date) else str(value)


def _asked(lookup: str, address: str) -> Q:
    if lookup.rpartition("__")[2] == "address_hash":
        return Q(**{f"{lookup}__in": address_hashes(address)})
    if lookup == "subject":
        return Q(subject__in=[subject for find in registry.subjects_of for subject in find(address)])
    return Q(**{lookup: address})
