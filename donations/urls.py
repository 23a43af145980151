from django.urls import URLPattern, URLResolver, path

from donations.views import mine, reminders, support, webhooks

app_name = "donations"

urlpatterns: list[URLPattern | URLResolver] = [
    path("support/", support.support, name="support"),
    path("support/mine/", mine.page, name="mine"),
    path("support/mine/export/", mine.take_along, name="mine-export"),
    path("support/mine/erase/", mine.erase, name="mine-erase"),
    path("support/mine/statements/<int:year>/", mine.statement, name="mine-statement"),
    path("support/mine/link/<str:token>/", mine.open_link, name="mine-open"),
    path("support/mine/<int:pk>/stop/", mine.ask_cancel, name="mine-cancel"),
    path("support/mine/<int:pk>/stopped/", mine.stopped, name="mine-stopped"),
    path("support/mine/<int:pk>/<slug:what>/", mine.change, name="mine-change"),
    path("support/<uuid:attempt_key>/", support.attempt, name="attempt"),
    path("support/<uuid:attempt_key>/thanks/", support.thanks, name="thanks"),
    path("support/<uuid:attempt_key>/sent/", support.sent, name="sent"),
    path("support/<uuid:attempt_key>/go/<str:token>/", support.go, name="go"),
    path("remind/", reminders.remind, name="remind"),
    path("remind/noted/", reminders.noted, name="remind-noted"),
    path("remind/<uuid:key>/", reminders.confirm, name="remind-confirm"),
    path("remind/<uuid:key>/cancel/", reminders.cancel, name="remind-cancel"),
    path("stripe/webhook/", webhooks.stripe_webhook, name="stripe-webhook"),
]
