"""A member of staff adds a passkey and logs in with it, under the staff's policy, in a real browser."""

import pytest
from allauth.mfa.models import Authenticator
from playwright.sync_api import Page, expect

from tests.browser.screenshots import photograph

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# What a telephone or a laptop with a fingerprint reader is to a browser.
READER = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_passkey_is_added_and_opens_the_newsroom_without_a_password(staff: Page, complaints: list[str]) -> None:
    devtools = staff.context.new_cdp_session(staff)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": READER})

    staff.goto("/admin/account/factors/passkeys/add/")
    photograph(staff, "passkey-add")
    staff.locator("#id_passwordless").check()
    staff.get_by_role("button", name="Add").click()
    expect(staff.locator("#recovery_codes")).to_be_visible()
    assert set(Authenticator.objects.values_list("type", flat=True)) == {"webauthn", "recovery_codes"}

    staff.goto("/admin/account/logout/")
    staff.locator("#content").get_by_role("button").click()
    expect(staff.locator("#passkey_login")).to_be_visible()
    photograph(staff, "log-in")
    staff.locator("#passkey_login").click()
    expect(staff.locator("#user-tools")).to_be_visible(timeout=20_000)
    staff.goto("/admin/newsroom/article/")
    expect(staff.locator("#content h1")).to_be_visible()
    assert complaints == []
