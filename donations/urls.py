from django.urls import URLPattern, URLResolver, path

from donations.views import support, webhooks

app_name = "donations"

urlpatterns: list[URLPattern | URLResolver] = [
    path("support/", support.support, name="support"),
    path("support/<uuid:attempt_key>/", support.attempt, name="attempt"),
    path("support/<uuid:attempt_key>/thanks/", support.thanks, name="thanks"),
    path("stripe/webhook/", webhooks.stripe_webhook, name="stripe-webhook"),
]
