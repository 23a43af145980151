from django.urls import URLPattern, URLResolver, path

from donations.views import reminders, support, webhooks

app_name = "donations"

urlpatterns: list[URLPattern | URLResolver] = [
    path("support/", support.support, name="support"),
    path("support/<uuid:attempt_key>/", support.attempt, name="attempt"),
    path("support/<uuid:attempt_key>/thanks/", support.thanks, name="thanks"),
    path("remind/", reminders.remind, name="remind"),
    path("remind/noted/", reminders.noted, name="remind-noted"),
    path("remind/<uuid:key>/", reminders.confirm, name="remind-confirm"),
    path("remind/<uuid:key>/cancel/", reminders.cancel, name="remind-cancel"),
    path("stripe/webhook/", webhooks.stripe_webhook, name="stripe-webhook"),
]
