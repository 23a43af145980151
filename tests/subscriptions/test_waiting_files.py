"""A person in files that wait to be imported is found and overwritten, whatever the encoding and however it is cut."""

import pytest

from subscriptions import import_files, importing, waiting_files
from subscriptions.models import ImportChunk, Newsletter, SubscriberImport
from tests.subscriptions.factories import NOW

LINES = (
    "email,name,friend\r\n"
    "ann@example.org,Ann,LENA@bücher.example\r\n"
    'Lena@Bücher.example,"Лена, из Риги",\r\n'
    "xlena@bücher.example,Xlena,lena@XN--BCHER-KVA.example\r\n"
)
ADDRESS = "lena@xn--bcher-kva.example"


def receive(newsletter: Newsletter, encoding: str) -> SubscriberImport:
    content = LINES.encode(encoding, "replace")
    # Pieces that are cut in the middle of a character and of an address.
    pieces = [content[:90], content[90:101], content[101:]]
    return importing.receive(
        pieces, newsletter=newsletter, file_name="list.csv", source="A list", wording="Send me.",
        evidence="In the safe", by=None, at=NOW,
    )  # fmt: skip


def content_of(found: SubscriberImport) -> bytes:
    return b"".join(
        bytes(one.content) for one in ImportChunk.objects.filter(subscriber_import=found).order_by("number")
    )


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_line_of_the_erased_is_overwritten_and_all_others_stay(newsletter: Newsletter, encoding: str) -> None:
    found = receive(newsletter, encoding)
    before, sizes = content_of(found), [len(chunk.content) for chunk in found.chunks.order_by("number")]
    assert [line["line"] for line in waiting_files.lines_about(ADDRESS)] == [2, 3, 4]

    waiting_files.forget(ADDRESS)

    after = content_of(found)
    assert len(after) == len(before)
    assert [len(chunk.content) for chunk in found.chunks.order_by("number")] == sizes
    assert not waiting_files.lines_about(ADDRESS)
    text = after.decode(encoding).splitlines()
    assert text[0] == "email,name,friend"
    assert text[1].startswith("ann@example.org,Ann,---")
    assert set(text[2]) == {"-", ",", '"'}
    assert text[3].startswith("xlena@bücher.example,Xlena,---")
    found.refresh_from_db()
    emails = [person.email for _line, person in import_files.lines_of(found, after=1)]
    assert emails[0] == "ann@example.org"
    assert emails[2] == "xlena@xn--bcher-kva.example"
    assert len(emails) == 3


def test_file_that_does_not_name_the_person_is_left_as_it_is(newsletter: Newsletter) -> None:
    found = receive(newsletter, "utf-8")
    before = content_of(found)
    waiting_files.forget("somebody@example.org")
    assert content_of(found) == before
