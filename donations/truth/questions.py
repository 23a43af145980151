"""Asking about one object from several workers at once, so that an older answer never overwrites a newer one."""

from dataclasses import dataclass

from django.db import connection

from donations.models import StripeObject


@dataclass(frozen=True)
class Question:
    """One question about an object, numbered before it is asked.

    A question with a higher number was asked later, and its answer is at least as new. An event that tells of a
    change is received before its question is numbered, so skipping the answer to an earlier question loses nothing.
    """

    stripe_id: str
    number: int

    def use(self) -> bool:
        """Claim the right to apply the answer, in the caller's transaction; False when a later answer was applied.

        The row stays locked until the transaction ends, so two answers about one object are applied one after the
        other.
        """
        rows = StripeObject.objects.filter(stripe_id=self.stripe_id, used__lt=self.number)
        return rows.update(used=self.number) == 1


def ask(stripe_id: str) -> Question:
    """Number the next question about an object. Call it before fetching. Raises ValueError for an empty id."""
    if not stripe_id:
        raise ValueError("There is no object without an id.")
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO donations_stripeobject (stripe_id, asked, used, asked_at) VALUES (%s, 1, 0, now())
            ON CONFLICT (stripe_id) DO UPDATE SET asked = donations_stripeobject.asked + 1, asked_at = now()
            RETURNING asked
            """,
            [stripe_id],
        )
        (number,) = cursor.fetchone()
    return Question(stripe_id, number)
