"""The API's addresses, each with the SDK call that declares its parameters and the function that answers it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.stripe import (
    balance,
    billing,
    catalogue,
    charges,
    checkout,
    customers,
    disputes,
    event_requests,
    invoices,
    payment_intents,
    payment_methods,
    portal,
    refunds,
    searching,
    setup_intents,
    subscription_items,
    subscriptions,
    test_clocks,
    webhook_endpoints,
)
from sandbox.stripe.shapes import Thing

Handler = Callable[..., Thing]


@dataclass(frozen=True)
class Route:
    """One call of the API. `service` is the SDK's path to it, such as `checkout.sessions.create`."""

    method: str
    pattern: str
    service: str
    handler: Handler

    @property
    def expression(self) -> re.Pattern[str]:
        """Return the pattern as a regular expression with the ids as named groups."""
        return re.compile("/v1" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.pattern))


ROUTES = tuple(
    Route(*row)
    for row in (
        ("POST", "/checkout/sessions", "checkout.sessions.create", checkout.create),
        ("GET", "/checkout/sessions", "checkout.sessions.list", checkout.list_all),
        ("GET", "/checkout/sessions/{session}", "checkout.sessions.retrieve", checkout.retrieve),
        ("POST", "/checkout/sessions/{session}", "checkout.sessions.update", checkout.update),
        ("POST", "/checkout/sessions/{session}/expire", "checkout.sessions.expire", checkout.expire),
        (
            "GET",
            "/checkout/sessions/{session}/line_items",
            "checkout.sessions.line_items.list",
            checkout.list_line_items,
        ),
        ("POST", "/customers", "customers.create", customers.create),
        ("GET", "/customers", "customers.list", customers.list_all),
        ("GET", "/customers/search", "customers.search", searching.customers),
        ("GET", "/customers/{customer}", "customers.retrieve", customers.retrieve),
        ("POST", "/customers/{customer}", "customers.update", customers.update),
        ("DELETE", "/customers/{customer}", "customers.delete", customers.delete),
        (
            "GET",
            "/customers/{customer}/payment_methods",
            "customers.payment_methods.list",
            customers.list_payment_methods,
        ),
        ("POST", "/products", "products.create", catalogue.create_product),
        ("GET", "/products", "products.list", catalogue.list_products),
        ("GET", "/products/{product}", "products.retrieve", catalogue.retrieve_product),
        ("POST", "/products/{product}", "products.update", catalogue.update_product),
        ("DELETE", "/products/{product}", "products.delete", catalogue.delete_product),
        ("POST", "/prices", "prices.create", catalogue.create_price),
        ("GET", "/prices", "prices.list", catalogue.list_prices),
        ("GET", "/prices/{price}", "prices.retrieve", catalogue.retrieve_price),
        ("POST", "/prices/{price}", "prices.update", catalogue.update_price),
        ("POST", "/payment_methods", "payment_methods.create", payment_methods.create),
        ("GET", "/payment_methods", "payment_methods.list", payment_methods.list_all),
        ("GET", "/payment_methods/{payment_method}", "payment_methods.retrieve", payment_methods.retrieve),
        ("POST", "/payment_methods/{payment_method}", "payment_methods.update", payment_methods.update),
        ("POST", "/payment_methods/{payment_method}/attach", "payment_methods.attach", payment_methods.attach),
        ("POST", "/payment_methods/{payment_method}/detach", "payment_methods.detach", payment_methods.detach),
        ("POST", "/payment_intents", "payment_intents.create", payment_intents.create),
        ("GET", "/payment_intents", "payment_intents.list", payment_intents.list_all),
        ("GET", "/payment_intents/search", "payment_intents.search", searching.payment_intents),
        ("GET", "/payment_intents/{intent}", "payment_intents.retrieve", payment_intents.retrieve),
        ("POST", "/payment_intents/{intent}", "payment_intents.update", payment_intents.update),
        ("POST", "/payment_intents/{intent}/confirm", "payment_intents.confirm", payment_intents.confirm),
        ("POST", "/payment_intents/{intent}/capture", "payment_intents.capture", payment_intents.capture),
        ("POST", "/payment_intents/{intent}/cancel", "payment_intents.cancel", payment_intents.cancel),
        ("POST", "/setup_intents", "setup_intents.create", setup_intents.create),
        ("GET", "/setup_intents", "setup_intents.list", setup_intents.list_all),
        ("GET", "/setup_intents/{intent}", "setup_intents.retrieve", setup_intents.retrieve),
        ("POST", "/setup_intents/{intent}", "setup_intents.update", setup_intents.update),
        ("POST", "/setup_intents/{intent}/confirm", "setup_intents.confirm", setup_intents.confirm),
        ("POST", "/setup_intents/{intent}/cancel", "setup_intents.cancel", setup_intents.cancel),
        ("GET", "/charges", "charges.list", charges.list_all),
        ("GET", "/charges/search", "charges.search", searching.charges),
        ("GET", "/charges/{charge}", "charges.retrieve", charges.retrieve),
        ("POST", "/charges/{charge}", "charges.update", charges.update),
        ("GET", "/mandates/{mandate}", "mandates.retrieve", charges.retrieve_mandate),
        ("GET", "/balance", "balance.retrieve", balance.retrieve_balance),
        ("GET", "/balance_transactions", "balance_transactions.list", balance.list_all),
        ("GET", "/balance_transactions/{balance_transaction}", "balance_transactions.retrieve", balance.retrieve),
        ("POST", "/refunds", "refunds.create", refunds.create),
        ("GET", "/refunds", "refunds.list", refunds.list_all),
        ("GET", "/refunds/{refund}", "refunds.retrieve", refunds.retrieve),
        ("POST", "/refunds/{refund}", "refunds.update", refunds.update),
        ("GET", "/disputes", "disputes.list", disputes.list_all),
        ("GET", "/disputes/{dispute}", "disputes.retrieve", disputes.retrieve),
        ("POST", "/disputes/{dispute}", "disputes.update", disputes.update),
        ("POST", "/disputes/{dispute}/close", "disputes.close", disputes.close),
        ("POST", "/subscriptions", "subscriptions.create", subscriptions.create),
        ("GET", "/subscriptions", "subscriptions.list", subscriptions.list_all),
        ("GET", "/subscriptions/search", "subscriptions.search", searching.subscriptions),
        ("GET", "/subscriptions/{subscription}", "subscriptions.retrieve", subscriptions.retrieve),
        ("POST", "/subscriptions/{subscription}", "subscriptions.update", subscriptions.update),
        ("DELETE", "/subscriptions/{subscription}", "subscriptions.cancel", subscriptions.cancel),
        ("GET", "/subscription_items", "subscription_items.list", subscription_items.list_all),
        ("GET", "/subscription_items/{item}", "subscription_items.retrieve", subscription_items.retrieve),
        ("POST", "/subscription_items/{item}", "subscription_items.update", subscriptions.update_item),
        ("GET", "/invoices", "invoices.list", invoices.list_all),
        ("GET", "/invoices/search", "invoices.search", searching.invoices),
        ("POST", "/invoices/create_preview", "invoices.create_preview", billing.preview),
        ("GET", "/invoices/{invoice}", "invoices.retrieve", invoices.retrieve),
        ("POST", "/invoices/{invoice}", "invoices.update", invoices.update),
        ("GET", "/invoices/{invoice}/lines", "invoices.line_items.list", invoices.list_lines),
        ("POST", "/invoices/{invoice}/finalize", "invoices.finalize_invoice", billing.finalize),
        ("POST", "/invoices/{invoice}/pay", "invoices.pay", billing.pay),
        ("POST", "/invoices/{invoice}/void", "invoices.void_invoice", invoices.request_void),
        (
            "POST",
            "/invoices/{invoice}/mark_uncollectible",
            "invoices.mark_uncollectible",
            invoices.request_mark_uncollectible,
        ),
        ("GET", "/invoice_payments", "invoice_payments.list", invoices.list_payments),
        ("GET", "/invoice_payments/{invoice_payment}", "invoice_payments.retrieve", invoices.retrieve_payment),
        ("POST", "/billing_portal/sessions", "billing_portal.sessions.create", portal.create_session),
        ("POST", "/billing_portal/configurations", "billing_portal.configurations.create", portal.create_configuration),
        ("GET", "/billing_portal/configurations", "billing_portal.configurations.list", portal.list_configurations),
        (
            "GET",
            "/billing_portal/configurations/{configuration}",
            "billing_portal.configurations.retrieve",
            portal.retrieve_configuration,
        ),
        ("GET", "/events", "events.list", event_requests.list_all),
        ("GET", "/events/{event}", "events.retrieve", event_requests.retrieve),
        ("POST", "/webhook_endpoints", "webhook_endpoints.create", webhook_endpoints.create),
        ("GET", "/webhook_endpoints", "webhook_endpoints.list", webhook_endpoints.list_all),
        ("GET", "/webhook_endpoints/{endpoint}", "webhook_endpoints.retrieve", webhook_endpoints.retrieve),
        ("POST", "/webhook_endpoints/{endpoint}", "webhook_endpoints.update", webhook_endpoints.update),
        ("DELETE", "/webhook_endpoints/{endpoint}", "webhook_endpoints.delete", webhook_endpoints.delete),
        ("GET", "/account", "accounts.retrieve_current", event_requests.retrieve_account),
        ("POST", "/test_helpers/test_clocks", "test_helpers.test_clocks.create", test_clocks.create),
        ("GET", "/test_helpers/test_clocks", "test_helpers.test_clocks.list", test_clocks.list_all),
        ("GET", "/test_helpers/test_clocks/{clock}", "test_helpers.test_clocks.retrieve", test_clocks.retrieve),
        ("DELETE", "/test_helpers/test_clocks/{clock}", "test_helpers.test_clocks.delete", test_clocks.delete),
        (
            "POST",
            "/test_helpers/test_clocks/{clock}/advance",
            "test_helpers.test_clocks.advance",
            test_clocks.advance,
        ),
    )
)
_EXPRESSIONS = tuple((route, route.expression) for route in ROUTES)


def find(method: str, path: str) -> tuple[Route, dict[str, Any]] | None:
    """Return the route of a request and the ids in its path."""
    for route, expression in _EXPRESSIONS:
        if route.method == method and (match := expression.fullmatch(path)):
            return route, match.groupdict()
    return None
