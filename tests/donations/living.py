"""What the tests of a gift's life do over and over: give monthly, enter the donor's page, look at the mails."""

from donations.models import Donor, RecurringGift
from newsroom.models import OutgoingMail
from tests.donations.reader import Reader


def enter(reader: Reader, donor: Donor) -> None:
    """Ask for a link, press its button, and hold the session."""
    with reader._commits(execute=True):
        reader.client.post("/support/mine/", {"email": donor.email})
    reader.work()
    link = OutgoingMail.objects.filter(template="gift_link").latest("pk").context["url"]
    response = reader.client.post(link.replace("http://testserver", ""))
    assert response.status_code == 303, response.content.decode()


def monthly(reader: Reader) -> RecurringGift:
    return RecurringGift.objects.get(donation=reader.give(frequency="monthly", amount="500"))


def templates() -> list[str]:
    return sorted(OutgoingMail.objects.exclude(template="gift_link").values_list("template", flat=True))
