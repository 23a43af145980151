import pytest
from django.contrib.auth.models import Group

from newsroom import roles

pytestmark = pytest.mark.django_db


def test_migrations_leave_the_six_roles_with_all_their_permissions() -> None:
    assert roles.unknown_permissions() == set()
    assert set(Group.objects.values_list("name", flat=True)) == set(roles.ROLES)
    for name, wanted in roles.ROLES.items():
        permissions = Group.objects.get(name=name).permissions
        held = {f"{app}.{code}" for app, code in permissions.values_list("content_type__app_label", "codename")}
        assert held == set(roles._spelled_out(wanted))


def test_what_is_clicked_together_in_the_admin_is_put_right() -> None:
    group = Group.objects.get(name="Reporter")
    group.permissions.set(Group.objects.get(name="Editor").permissions.all())
    roles.keep_roles()
    assert not group.permissions.filter(codename="publish_article").exists()
