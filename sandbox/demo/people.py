"""Two hundred invented readers and the gifts of some of them, the same on every run.

All addresses are on domains that RFC 2606 reserves, so that no mail of the demo can reach anybody.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

SUBSCRIBERS = 200
DONORS = 25
_SEED = 2016
_DAYS = 182
_HOSTS = (
    "example.org",
    "example.net",
    "example.com",
    "mail.example.org",
    "post.example.net",
    "box.example.com",
    "uni.example.org",
)
_FIRST = (
    "Adela", "Agnes", "Alva", "Amir", "Anneke", "Anton", "Beata", "Bruno", "Carla", "Dario", "Edith", "Elias",
    "Emre", "Esther", "Fiona", "Gregor", "Hanna", "Hugo", "Ilse", "Imre", "Ines", "Iris", "Ivo", "Jana",
    "Jonas", "Jorun", "Katya", "Lasse", "Leah", "Lev", "Lidia", "Luka", "Magda", "Malik", "Marta", "Mateo",
    "Milena", "Nadia", "Nils", "Noor", "Olga", "Oskar", "Paula", "Petra", "Rafael", "Rosa", "Runa", "Samira",
    "Selma", "Sofia", "Stefan", "Tamar", "Teodor", "Vera", "Viktor", "Wanda", "Yara", "Yusuf", "Zofia",
    "Zoltan",
)  # fmt: skip
_LAST = (
    "Abrel", "Almgrove", "Arvane", "Bellock", "Birket", "Brandau", "Calder", "Corvin", "Dahlen", "Delmar",
    "Dornik", "Edrin", "Elsner", "Fabre", "Farrow", "Galvin", "Grauer", "Halden", "Harrow", "Holm", "Ivarsen",
    "Jasko", "Kallas", "Karel", "Kestrel", "Kovin", "Lander", "Lindqvar", "Lorne", "Maren", "Mellor", "Morava",
    "Nedrin", "Norvik", "Oakes", "Orlin", "Pallas", "Penrose", "Quist", "Ravn", "Rooke", "Sable", "Serrano",
    "Solberg", "Strand", "Tamm", "Tarrow", "Ulven", "Vance", "Vesely", "Wren", "Yarrow", "Zeller", "Zoric",
)  # fmt: skip
# Suggested amounts in minor units, by how the gift is given; the same figures stand for dollars, euros and pounds.
_AMOUNTS = {
    "once": (500, 1000, 1500, 2500, 2500, 5000, 10000),
    "monthly": (200, 300, 500, 500, 1000, 1500, 2500),
    "annual": (2500, 5000, 6000, 10000),
}


@dataclass(frozen=True)
class Reader:
    """Somebody who signed up, and what became of it: active, pending (never confirmed) or unsubscribed."""

    name: str
    email: str
    language: str
    state: str
    signed_up_at: datetime
    confirmed_at: datetime | None
    unsubscribed_at: datetime | None


@dataclass(frozen=True)
class GiftPayment:
    paid_at: datetime
    succeeded: bool


@dataclass(frozen=True)
class Gift:
    """A decision to give and the payments that followed; `amount` is in minor units of the currency."""

    frequency: str
    amount: int
    currency: str
    started_at: datetime
    cancelled_at: datetime | None
    payments: tuple[GiftPayment, ...]


@dataclass(frozen=True)
class Giver:
    name: str
    email: str
    language: str
    wants_public_thanks: bool
    gifts: tuple[Gift, ...]


def readers(*, now: datetime) -> list[Reader]:
    """Return the subscribers, oldest first, with sign-ups over the six months before `now` that grow towards today."""
    rng = random.Random(_SEED)
    found = []
    for name, email in _identities(rng, SUBSCRIBERS):
        # The root bends an even spread towards the present, as a growing list does.
        age = _DAYS * (1 - rng.random() ** 0.62)
        signed_up = now - timedelta(days=age, seconds=rng.randrange(86_400) * 0.5 + 600)
        language = "ru" if rng.random() < 0.22 else "en"
        fate, confirming, leaving = rng.random(), rng.randrange(2, 300), rng.uniform(0.2, 0.95)
        confirmed = min(signed_up + timedelta(minutes=confirming), now)
        if fate < 0.2 and age < 25:
            found.append(Reader(name, email, language, "pending", signed_up, None, None))
        elif fate > 0.93 and age > 14:
            left = confirmed + (now - confirmed) * leaving
            found.append(Reader(name, email, language, "unsubscribed", signed_up, confirmed, left))
        else:
            found.append(Reader(name, email, language, "active", signed_up, confirmed, None))
    return sorted(found, key=lambda reader: (reader.signed_up_at, reader.email))


def givers(*, now: datetime) -> list[Giver]:
    """Return the donors with their gifts. Three in four of them are subscribers too."""
    rng = random.Random(_SEED + 1)
    subscribers = [reader for reader in readers(now=now) if reader.state == "active"]
    chosen = rng.sample(subscribers, round(DONORS * 0.75))
    people = [(reader.name, reader.email, reader.language) for reader in chosen]
    taken = {reader.email for reader in readers(now=now)}
    others = ((name, email) for name, email in _identities(rng, SUBSCRIBERS) if email not in taken)
    while len(people) < DONORS:
        people.append((*next(others), "en"))
    found = []
    for number, (name, email, language) in enumerate(people):
        currency = ("USD", "EUR", "EUR", "USD", "GBP")[number % 5]
        frequency = ("monthly", "once", "monthly", "once", "annual", "monthly")[number % 6]
        gifts = [_gift(rng, frequency, currency, now)]
        if frequency == "once" and rng.random() < 0.35:
            gifts.append(_gift(rng, "once", currency, now))
        gifts.sort(key=lambda gift: gift.started_at)
        found.append(Giver(name, email, language, rng.random() < 0.2, tuple(gifts)))
    return found


def _identities(rng: random.Random, count: int) -> Iterator[tuple[str, str]]:
    """Make names and addresses that differ from each other."""
    taken: set[str] = set()
    while len(taken) < count:
        first, last = rng.choice(_FIRST), rng.choice(_LAST)
        local = rng.choice(
            (f"{first}.{last}", f"{first[0]}.{last}", f"{first}{rng.randrange(60, 99)}", f"{last}.{first}")
        ).lower()
        email = f"{local}@{rng.choice(_HOSTS)}"
        if email not in taken:
            taken.add(email)
            yield f"{first} {last}", email


def _gift(rng: random.Random, frequency: str, currency: str, now: datetime) -> Gift:
    started = now - timedelta(days=rng.uniform(3, _DAYS - 2), seconds=rng.randrange(86_400))
    amount = rng.choice(_AMOUNTS[frequency])
    if frequency != "monthly":
        return Gift(frequency, amount, currency, started, None, (GiftPayment(started, succeeded=True),))
    ends = rng.random() < 0.2
    cancelled = started + (now - started) * rng.uniform(0.4, 0.95) if ends else None
    payments, month = [GiftPayment(started, succeeded=True)], 1
    while (due := _months_later(started, month)) < (cancelled or now):
        if rng.random() < 0.15:
            # A card fails now and then and works at the next try, three days on.
            payments.append(GiftPayment(due, succeeded=False))
            due += timedelta(days=3)
        if due < (cancelled or now):
            payments.append(GiftPayment(due, succeeded=True))
        month += 1
    return Gift(frequency, amount, currency, started, cancelled, tuple(payments))


def _months_later(start: datetime, months: int) -> datetime:
    """Move to the same day of a later month, or to its last day where it has no such day."""
    years, month = divmod(start.month - 1 + months, 12)
    for day in (start.day, 30, 29, 28):
        try:
            return start.replace(year=start.year + years, month=month + 1, day=day)
        except ValueError:
            continue
    raise AssertionError("Every month has a 28th.")
