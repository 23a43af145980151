"""People come by a mailed link, get in again after a lost device by two colleagues, and leave at once."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from django.db import IntegrityError, transaction
from django.test import Client

from newsroom import staff_people
from newsroom.models import Author, HistoryEntry, OutgoingMail, StaffInvitation, StaffMember
from tests.newsroom.factories import make_article, make_author
from tests.staff.people import PASSWORD, client_of, log_in, make_member

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
COMING = {"username": "eve", "password": PASSWORD, "again": PASSWORD}


def mailed_link() -> str:
    return str(OutgoingMail.objects.filter(template="staff_link").latest("pk").context["url"]).partition("testserver")[
        2
    ]


def test_invited_person_sets_their_own_password_and_has_the_chosen_roles(client: Client) -> None:
    engineer = client_of(make_member("dora", "Engineer"))
    form = {"name": "Eve Holm", "address": "Eve@Meridian.example", "roles": ["Reporter"], "reason": "Starts today"}
    assert engineer.post("/admin/newsroom/staffmember/invite/", form).status_code == 302
    link = mailed_link()
    invitation = StaffInvitation.objects.get()
    assert link.split("/")[-2] not in str(vars(invitation)), "only the token's hash is kept"

    page = client.get(link)
    assert "Reporter" in page.content.decode()
    assert StaffInvitation.objects.get().used_at is None, "looking uses nothing up"
    assert client.post(link, {**COMING, "again": "other"}).status_code == 422
    assert client.post(link, {**COMING, "password": "12345", "again": "12345"}).status_code == 422
    assert client.post(link, COMING).status_code == 302
    assert client.get(link).status_code == client.post(link, COMING).status_code == 404, "once"

    eve = StaffMember.objects.get(username="eve")
    assert (eve.email, eve.get_full_name(), eve.role_names) == ("eve@meridian.example", "Eve Holm", ["Reporter"])
    assert log_in(client, "eve").status_code == 302
    assert client.get("/admin/newsroom/article/").status_code == 200
    assert client.get("/admin/newsroom/staffmember/").status_code == 403
    actions = HistoryEntry.objects.order_by("pk").values_list("action", flat=True)
    assert [action for action in actions if action.startswith("staff.")] == ["staff.invited", "staff.joined"]
    assert engineer.post("/admin/newsroom/staffmember/invite/", form).status_code == 422, "is here already"


def test_link_of_an_invitation_runs_out_and_dies_with_the_next_one(client: Client) -> None:
    dora = make_member("dora", "Engineer")
    asked: Any = {
        "address": "eve@example.org",
        "name": "Eve",
        "roles": ["Reporter"],
        "by": dora,
        "reason": "",
        "at": NOW,
    }
    staff_people.invite(**asked)
    first = mailed_link()
    staff_people.invite(**asked)
    second = mailed_link()
    with time_machine.travel(NOW + timedelta(days=6), tick=False):
        assert client.get(first).status_code == 404
        assert client.get(second).status_code == 200
    with time_machine.travel(NOW + timedelta(days=8), tick=False):
        assert client.post(second, COMING).status_code == 404
    assert staff_people.forget_addresses(NOW + timedelta(days=1), NOW, True) == 2
    staff_people.forget_addresses(NOW + timedelta(days=1), NOW, False)
    assert set(StaffInvitation.objects.values_list("address", flat=True)) == {""}


def test_leaving_ends_everything_at_once_but_the_bylines() -> None:
    engineer = client_of(make_member("dora", "Engineer"))
    ana = make_member("ana", "Editor")
    author = make_author(name="Ana Quist", staff_user_id=ana.pk)
    article = make_article(authors=[author])
    Authenticator.objects.create(user_id=ana.pk, type="totp", data={"secret": "A" * 32})
    inside = client_of(ana)
    assert inside.get("/admin/").status_code == 200
    path = f"/admin/newsroom/staffmember/{ana.pk}/step/leave/"
    assert "logged out everywhere at once" in engineer.get(path).content.decode()
    assert engineer.post(path, {"reason": "Left for another paper"}).status_code == 302
    assert inside.get("/admin/").status_code == 302
    assert b"Too many" not in log_in(Client(), "ana").content
    assert "_auth_user_id" not in inside.session
    ana.refresh_from_db()
    assert (ana.is_active, ana.is_staff, ana.role_names, ana.has_usable_password()) == (False, False, [], False)
    assert not Authenticator.objects.filter(user_id=ana.pk).exists()
    assert Author.objects.get(articles=article).name == "Ana Quist"
    entry = HistoryEntry.objects.get(action="staff.left")
    assert (entry.reason, entry.before) == ("Left for another paper", ["Editor"])


def test_lost_device_needs_two_people_and_neither_is_the_one_concerned(client: Client) -> None:
    ana = make_member("ana", "Editor")
    Authenticator.objects.create(user_id=ana.pk, type="totp", data={"secret": "A" * 32})
    lost = client_of(ana)
    lost.get("/admin/")
    ben, dora = make_member("ben", "Editor"), make_member("dora", "Privacy officer")
    first, second = client_of(ben), client_of(dora)

    assert first.post(f"/admin/newsroom/staffmember/{ben.pk}/step/lost-device/", {"reason": "x"}).status_code == 422
    path = f"/admin/newsroom/staffmember/{ana.pk}/step/lost-device/"
    assert first.post(path, {"reason": "Phone stolen"}).status_code == 302
    assert lost.get("/admin/").status_code == 302, "the device may be in other hands"
    assert not OutgoingMail.objects.filter(template="staff_link").exists()

    asked = StaffInvitation.objects.get()
    approve = f"/admin/newsroom/staffinvitation/{asked.pk}/approve/"
    for refused in (first, client_of(ana)):
        assert refused.post(approve, {"reason": "x"}).status_code == 422
    assert client_of(make_member("rob", "Reporter")).post(approve, {"reason": "x"}).status_code == 403
    assert second.post(approve, {"reason": "Spoke to her"}).status_code == 302
    assert not Authenticator.objects.filter(user_id=ana.pk).exists()

    link = mailed_link()
    new = "another horse altogether"
    assert "username" not in client.get(link).content.decode()
    assert client.post(link, {"password": new, "again": new}).status_code == 302
    assert log_in(client, "ana").status_code == 200, "the old password"
    assert log_in(client, "ana", new).status_code == 302
    history = HistoryEntry.objects.filter(object_pk=str(ana.pk)).order_by("pk").values_list("action", "actor_id")
    assert list(history) == [
        ("staff.new_device_asked", ben.pk),
        ("staff.new_device_approved", dora.pk),
        ("staff.came_in_again", ana.pk),
    ]


def test_database_refuses_one_person_for_both() -> None:
    ana, ben = make_member("ana"), make_member("ben")
    row: dict[str, Any] = {"kind": "new device", "user": ana, "asked_by": ben, "asked_at": NOW}
    sent = {"token_hash": "x", "sent_at": NOW, "expires_at": NOW}
    for wrong in ({"approved_by": ben, **sent}, {"approved_by": ana}, sent):
        with pytest.raises(IntegrityError), transaction.atomic():
            StaffInvitation.objects.create(**row, **wrong)


def test_nobody_changes_their_own_roles_nor_an_account_above_theirs(staff_user: Any) -> None:
    dora = make_member("dora", "Engineer")
    engineer = client_of(dora)
    for pk, step in ((dora.pk, "roles"), (staff_user.pk, "roles"), (staff_user.pk, "leave")):
        path = f"/admin/newsroom/staffmember/{pk}/step/{step}/"
        assert engineer.post(path, {"roles": ["Fundraiser"], "reason": "x"}).status_code == 422
    assert dora.role_names == ["Engineer"]
    staff_user.refresh_from_db()
    assert staff_user.is_active


def test_page_of_a_person_leads_to_the_steps_that_the_reader_may_take() -> None:
    ana = make_member("ana", "Reporter")
    page = client_of(make_member("dora", "Engineer")).get(f"/admin/newsroom/staffmember/{ana.pk}/change/")
    steps = set(re.findall(r"/step/([a-z-]+)/", page.content.decode()))
    assert steps == {"roles", "leave", "lost-device"}
    page = client_of(make_member("ed", "Editor")).get(f"/admin/newsroom/staffmember/{ana.pk}/change/")
    assert set(re.findall(r"/step/([a-z-]+)/", page.content.decode())) == {"lost-device"}
