import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from newsroom import roles
from newsroom.apps import PACKAGES

pytestmark = pytest.mark.django_db


def test_migrations_leave_the_six_roles_with_exactly_their_permissions() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)
    for name, wanted in roles.ROLES.items():
        permissions = Group.objects.get(name=name).permissions
        held = {f"{app}.{code}" for app, code in permissions.values_list("content_type__app_label", "codename")}
        assert held == set(roles.spelled_out(wanted)), "a name that no app declares takes a right away in silence"


def test_every_permission_of_our_own_is_in_some_role() -> None:
    given = {word for wanted in roles.ROLES.values() for word in roles.spelled_out(wanted)}
    own = {
        f"{model._meta.app_label}.{codename}"
        for package in PACKAGES
        for model in apps.get_app_config(package).get_models()
        for codename, _words in model._meta.permissions
    }
    assert own
    assert own <= given


def test_what_is_clicked_together_in_the_admin_is_put_right() -> None:
    group = Group.objects.get(name="Reporter")
    group.permissions.add(Permission.objects.get(codename="publish_article"))
    roles.keep_roles()
    assert not group.permissions.filter(codename="publish_article").exists()


def test_editor_who_is_no_superuser_can_set_a_byline(client: Client) -> None:
    editor = User.objects.create_user("ed", "ed@meridian.example", "correct horse", is_staff=True)
    editor.groups.add(Group.objects.get(name="Editor"))
    client.force_login(editor)
    page = client.get(reverse("admin:newsroom_article_add")).content.decode()
    assert "bylines-0-author" in page
