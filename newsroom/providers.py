"""The mail providers that can be named in EMAIL_URL, and what each needs to be told.

A provider is fit for newsletters only if it sends one copy to many readers, each with headers of their own: without a
List-Unsubscribe for each reader there is no one-click unsubscribe (RFC 8058). The settings read this module, so it
imports nothing of Django's.
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote


@dataclass(frozen=True)
class Provider:
    """One provider, reached through Anymail.

    `names` say which of Anymail's settings the user, the password and the host of EMAIL_URL are. `placeholder` is how a
    reader's own value is written into the shared text, and `openers` are what else the provider would read as one.
    """

    scheme: str
    title: str
    names: dict[str, str]
    # The most recipients of one call.
    batch: int
    placeholder: str
    openers: tuple[str, ...]
    can_stop_tracking: bool = True
    # A reader's own headers take the place of those that all share, instead of standing beside them.
    replaces_headers: bool = False
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def backend(self) -> str:
        return f"anymail.backends.{self.scheme}.EmailBackend"

    @property
    def webhook(self) -> str:
        return f"anymail.webhooks.{self.scheme}.{self.title}TrackingWebhookView"

    def settings_from(self, url: SplitResult) -> dict[str, Any]:
        """Return Anymail's settings for this provider. What stands in the query is passed on under its own name."""
        parts = {"user": url.username, "password": url.password, "host": url.hostname}
        named = {name: unquote(str(parts[part])) for part, name in self.names.items() if parts[part]}
        values = {**self.options, **named, **dict(parse_qsl(url.query))}
        return {f"{self.scheme}_{name}".upper(): value for name, value in values.items()}


_ALL = (
    Provider(
        scheme="mailgun",
        title="Mailgun",
        names={"user": "api_key", "host": "sender_domain"},
        batch=1000,
        placeholder="%recipient.{name}%",
        openers=("%recipient", "%unsubscribe_", "%tag_unsubscribe_", "%mailing_list_"),
    ),
    Provider(
        scheme="postmark",
        title="Postmark",
        names={"user": "server_token"},
        batch=500,
        placeholder="{{{{{name}}}}}",
        openers=("{{",),
        # Only this interface of Postmark's fills each reader's values into one text.
        options={"use_bulk_api": True},
    ),
    Provider(
        scheme="sparkpost",
        title="SparkPost",
        names={"user": "api_key"},
        batch=1000,
        placeholder="{{{{{name}}}}}",
        openers=("{{",),
    ),
    Provider(
        scheme="mailjet",
        title="Mailjet",
        names={"user": "api_key", "password": "secret_key"},
        batch=50,
        placeholder="{{{{var:{name}}}}}",
        openers=("{{", "{%", "[["),
        replaces_headers=True,
    ),
    Provider(
        scheme="brevo",
        title="Brevo",
        names={"user": "api_key"},
        batch=1000,
        placeholder="{{{{params.{name}}}}}",
        openers=("{{", "{%"),
        can_stop_tracking=False,
    ),
)
PROVIDERS = {provider.scheme: provider for provider in _ALL}
SMTP_SCHEMES = ("smtp", "smtp+starttls", "smtps")


def provider_of(url: SplitResult) -> Provider | None:
    return PROVIDERS.get(url.scheme)
