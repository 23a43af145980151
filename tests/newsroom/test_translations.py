"""Every word is there in every language, with its placeholders, and compiled."""

import re
import shutil
from pathlib import Path
from typing import Any

import polib
import pytest
from django.conf import settings
from django.core.management import call_command

from tests.translations import CATALOGUES, ROOT

PLACEHOLDERS = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\w*\}|</?[a-zA-Z][^>]*>")
NAMES = [f"{path.parts[-3]}/{path.stem}" for path in CATALOGUES]


def words_of(entry: Any) -> list[str]:
    return list(entry.msgstr_plural.values()) or [entry.msgstr]


def test_each_language_has_its_catalogues() -> None:
    languages = {code for code, _name in settings.LANGUAGES} - {"en"}
    assert set(NAMES) == {f"{language}/{domain}" for language in languages for domain in ("django", "djangojs")}


@pytest.mark.parametrize("path", CATALOGUES, ids=NAMES)
def test_every_word_is_translated_and_keeps_its_placeholders(path: Path) -> None:
    catalogue = polib.pofile(str(path))
    assert [entry.msgid for entry in catalogue if entry.fuzzy or not all(words_of(entry))] == []
    spoilt = []
    for entry in catalogue:
        wanted = sorted(PLACEHOLDERS.findall(entry.msgid_plural or entry.msgid))
        for words in words_of(entry):
            found = sorted(PLACEHOLDERS.findall(words))
            # "One reader" may do without the number that "5 readers" needs.
            if found != wanted and not (entry.msgid_plural and set(found) <= set(wanted)):
                spoilt.append((entry.msgid, words))
            if (words[:1] == "\n", words[-1:] == "\n") != (entry.msgid[:1] == "\n", entry.msgid[-1:] == "\n"):
                spoilt.append((entry.msgid, words))
    assert spoilt == []


@pytest.mark.parametrize("path", CATALOGUES, ids=NAMES)
def test_what_is_compiled_is_what_was_translated(path: Path) -> None:
    written = {(entry.msgctxt, entry.msgid): words_of(entry) for entry in polib.pofile(str(path))}
    compiled = polib.mofile(str(path.with_suffix(".mo")))
    assert {(entry.msgctxt, entry.msgid): words_of(entry) for entry in compiled} == written


@pytest.mark.where(shutil.which("xgettext") is not None)
def test_no_word_of_the_product_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("newsroom", "subscriptions", "donations", "templates", "static"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "migrations"))
    (tmp_path / "locale").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settings, "LOCALE_PATHS", [tmp_path / "locale"])
    for domain in ("django", "djangojs"):
        call_command("makemessages", locale=["ru"], domain=domain, verbosity=0, no_location=True)
        found = {entry.msgid for entry in polib.pofile(str(tmp_path / f"locale/ru/LC_MESSAGES/{domain}.po"))}
        known = {entry.msgid for entry in polib.pofile(str(ROOT / f"locale/ru/LC_MESSAGES/{domain}.po"))}
        assert sorted(found - known) == [], "make messages gathers them"
        assert sorted(known - found) == [], "make messages takes out what nobody says any more"
