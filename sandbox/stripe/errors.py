"""The errors that the API answers with, in Stripe's own shape."""

from typing import Any

DOCUMENTATION = "https://stripe.com/docs/error-codes/"


class ApiError(Exception):
    """An answer other than success.

    `keep` says that the request changed something before it failed (a declined charge exists): that is committed.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        keep: bool = False,
        **details: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.keep = keep
        self.error: dict[str, Any] = {"message": message, "type": kind}
        if code:
            self.error |= {"code": code, "doc_url": DOCUMENTATION + code.replace("_", "-")}
        if param:
            self.error["param"] = param
        self.error |= details

    def body(self) -> dict[str, Any]:
        """Return the JSON body of the answer."""
        return {"error": self.error}


def invalid(message: str, *, param: str | None = None, code: str | None = None, **details: Any) -> ApiError:
    """Return the 400 answer for a request that cannot be carried out as asked."""
    return ApiError(400, message, code=code, param=param, **details)


def missing(kind: str, object_id: str, *, param: str = "id", status: int = 404) -> ApiError:
    """Return the answer for an id that names nothing: 404 in the path, 400 in a parameter."""
    name = {
        "billing_portal.session": "billing portal session",
        "checkout.session": "checkout.session",
        "payment_method": "PaymentMethod",
        "test_helpers.test_clock": "test clock",
    }.get(kind, kind)
    return ApiError(status, f"No such {name}: '{object_id}'", code="resource_missing", param=param)


def not_simulated(param: str) -> ApiError:
    """Return a refusal for something that Stripe can do and the sandbox cannot."""
    return invalid(
        f"The sandbox does not simulate {param}. Stripe itself may accept it.",
        param=param,
        code="sandbox_not_simulated",
    )


def card_error(message: str, *, code: str, decline_code: str | None = None, **details: Any) -> ApiError:
    """Return the 402 answer for a refused card; what the attempt recorded stays."""
    if decline_code:
        details["decline_code"] = decline_code
    return ApiError(402, message, kind="card_error", code=code, keep=True, **details)
