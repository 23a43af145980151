from django.conf import settings
from django.urls import URLPattern, URLResolver, path, re_path, register_converter

from subscriptions.views import (
    confirming,
    embedding,
    issues,
    leaving,
    mine,
    policies,
    preferring,
    provider_events,
    renewing,
    signing_up,
)

register_converter(issues.DateConverter, "date")

app_name = "subscriptions"

_languages = "|".join(code for code, name in settings.LANGUAGES)

urlpatterns: list[URLPattern | URLResolver] = [
    path("mail/events/", provider_events.provider_events, name="provider_events"),
    path("privacy/", policies.current_policy, name="current_policy"),
    re_path(rf"^(?P<language>{_languages})/privacy/$", policies.current_policy, name="edition-current_policy"),
    path("privacy/<str:version>/", policies.policy, name="policy"),
    path("privacy/<str:version>/<str:language>/", policies.policy_text, name="policy_text"),
    path("privacy/<str:version>/<str:language>/changes/", policies.policy_changes, name="policy_changes"),
    # The links in mails stand before the newsletters' own addresses, and their words are reserved as slugs.
    path("newsletter/confirm/<str:token>/", confirming.confirm, name="confirm"),
    path("newsletter/confirm/<str:token>/again/", renewing.renew_consent, name="renew_consent"),
    path("newsletter/unsubscribe/<str:token>/", leaving.unsubscribe, name="unsubscribe"),
    path("newsletter/preferences/<str:token>/", preferring.preferences_page, name="preferences"),
    path("newsletter/mine/", mine.mine, name="mine"),
    path("newsletter/mine/ask/", mine.ask, name="ask_for_visit"),
    path("newsletter/mine/asked/", mine.asked, name="visit_asked"),
    path("newsletter/mine/open/<str:token>/", mine.open_visit, name="open_visit"),
    path("newsletter/mine/newsletters/", mine.change_newsletter, name="change_newsletter"),
    path("newsletter/mine/language/", mine.change_language, name="change_language"),
    path("newsletter/mine/address/", mine.change_address, name="change_address"),
    path("newsletter/mine/address/asked/", mine.address_asked, name="address_asked"),
    path("newsletter/mine/address/confirm/<str:token>/", mine.confirm_address, name="confirm_address"),
    path("newsletter/mine/data.json", mine.data, name="my_data"),
    path("newsletter/mine/erase/", mine.erase, name="erase_me"),
    path("newsletter/mine/leave/", mine.leave, name="leave"),
    path("newsletter/issues/<str:token>/", issues.shared_preview, name="shared_preview"),
    path("newsletter/issues/<str:token>/mail/", issues.shared_mail, name="shared_mail"),
    path("newsletter/", signing_up.newsletters, name="newsletters"),
    re_path(rf"^(?P<language>{_languages})/newsletter/$", signing_up.newsletters, name="edition-newsletters"),
    path("newsletter/<slug:slug>/", signing_up.newsletter, name="newsletter"),
    path("newsletter/<slug:slug>/sign-up/", signing_up.sign_up, name="sign_up"),
    path("newsletter/<slug:slug>/check-your-mail/", signing_up.check_mail, name="check_mail"),
    path("newsletter/<slug:slug>/embed/<str:host>/", embedding.embedded, name="embedded"),
    path("newsletter/<slug:slug>/embed/<str:host>/check-your-mail/", embedding.check_mail, name="embedded_check_mail"),
    path("newsletter/<slug:slug>/welcome/", confirming.welcome, name="welcome"),
    path("newsletter/<slug:slug>/why/", leaving.give_reason, name="give_reason"),
    path("newsletter/<slug:slug>/issues/", issues.archive, name="archive"),
    path("newsletter/<slug:slug>/issues/feed.xml", issues.feed, name="issue_feed"),
    path("newsletter/<slug:slug>/issues/<date:issue_date>/", issues.issue, name="issue"),
    path("newsletter/<slug:slug>/preview/", issues.preview, name="preview"),
]
