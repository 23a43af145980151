"""Check a request's parameters against the SDK's own typed parameter classes.

The pinned SDK carries a TypedDict for each method's parameters. They are found by the annotation of the service method,
so an upgrade of the SDK brings its new parameters along. https://docs.stripe.com/api/errors names the codes.
"""

import importlib
import re
import sys
import types
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, NotRequired, Union, get_args, get_origin

import stripe
import typing_extensions
from stripe._request_options import RequestOptions
from stripe._stripe_object import UntypedStripeObject

from sandbox.stripe.errors import ApiError, invalid

Fields = dict[str, tuple[Any, bool]]


def checked(service_method: str, raw: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters with their declared types, or raise the refusal that Stripe would answer.

    `service_method` is the SDK's own path to the call, such as `checkout.sessions.create`.
    """
    return _typed_dictionary(parameter_class(service_method), raw, path="")


@cache
def parameter_class(service_method: str) -> Any:
    """Return the TypedDict that the SDK declares for the parameters of a service method."""
    *services, name = service_method.split(".")
    service: Any = stripe.StripeClient("sk_test_reflection").v1
    for part in services:
        service = getattr(service, part)
    method = getattr(type(service), name)
    found = re.search(r"\b(\w+Params)\b", str(method.__annotations__["params"]))
    if found is None:
        raise LookupError(f"{service_method} declares no parameter class.")
    # `stripe.checkout._session_service` finds its parameters in `stripe.params.checkout`.
    package = type(service).__module__.split(".")[1:-1]
    module = importlib.import_module(".".join(["stripe", "params", *package]))
    return getattr(module, found.group(1))


@cache
def fields(typed_dict: Any) -> Fields:
    """Return each key of a TypedDict with its type and whether it is required.

    The SDK's request options, which some of the classes inherit, are not parameters.
    """
    own = {
        name: hint for name, hint in typed_dict.__annotations__.items() if name not in RequestOptions.__annotations__
    }
    holder = type("Holder", (), {"__annotations__": own})
    hints = typing_extensions.get_type_hints(
        holder, globalns=vars(sys.modules[typed_dict.__module__]), include_extras=True
    )
    return {name: _unwrapped(hint) for name, hint in hints.items()}


def _unwrapped(hint: Any) -> tuple[Any, bool]:
    if get_origin(hint) is NotRequired:
        return get_args(hint)[0], False
    return hint, True


def _typed_dictionary(typed_dict: Any, raw: Any, path: str) -> dict[str, Any]:
    if not isinstance(raw, dict):
        raise invalid("Invalid object", param=path)
    declared = fields(typed_dict)
    for name in raw:
        if name not in declared:
            where = _inside(path, name)
            raise invalid(f"Received unknown parameter: {where}", param=where, code="parameter_unknown")
    for name, (_, required) in declared.items():
        if required and name not in raw:
            where = _inside(path, name)
            raise invalid(f"Missing required param: {where}.", param=where, code="parameter_missing")
    return {name: _converted(declared[name][0], value, _inside(path, name)) for name, value in raw.items()}


def _inside(path: str, name: str) -> str:
    return f"{path}[{name}]" if path else name


def _alternatives(hint: Any) -> list[Any]:
    """Return the members of a union, flattened, without the SDK's second spelling of a mapping."""
    if get_origin(hint) in (Union, types.UnionType):
        members = [inner for member in get_args(hint) for inner in _alternatives(member)]
        return [member for member in members if get_origin(member) is not UntypedStripeObject]
    return [hint]


def _converted(hint: Any, value: Any, path: str) -> Any:
    members = _alternatives(hint)
    if isinstance(value, dict):
        return _converted_nested(members, value, path)
    literals = [choice for member in members if get_origin(member) is Literal for choice in get_args(member)]
    if value in literals:
        return value
    if value == "":
        raise _empty(path)
    plain = [member for member in members if member in (int, float, bool, Decimal, str)]
    choices = [choice for choice in literals if choice != ""]
    if choices and all(member is str for member in plain):
        # The SDK adds `str` to an enumeration only so that older SDKs accept newer values in answers.
        raise invalid(f"Invalid {path}: must be one of {_listed(choices)}", param=path)
    for member in sorted(plain, key=lambda member: member is str):
        try:
            return _scalar(member, value, path)
        except ApiError:
            if member is plain[-1] or str not in plain:
                raise
    raise invalid(
        "Invalid array" if any(get_origin(member) is list for member in members) else "Invalid object", param=path
    )


def _converted_nested(members: list[Any], value: dict[str, Any], path: str) -> Any:
    for member in members:
        if get_origin(member) is list and (not value or all(key.isdigit() for key in value)):
            inner = get_args(member)[0]
            keys = sorted(value, key=int)
            return [_converted(inner, value[key], _inside(path, key)) for key in keys]
    for member in members:
        if typing_extensions.is_typeddict(member):
            return _typed_dictionary(member, value, path)
    for member in members:
        if get_origin(member) is dict:
            for key, inner in value.items():
                if isinstance(inner, dict):
                    raise invalid("Invalid string: {...}", param=_inside(path, key))
            return dict(value)
    if any(get_origin(member) is list for member in members):
        raise invalid("Invalid array", param=path)
    raise invalid("Invalid string: {...}", param=path)


def _scalar(kind: Any, value: str, path: str) -> Any:
    if kind is bool:
        if value in ("true", "false"):
            return value == "true"
        raise invalid(f"Invalid boolean: {value}", param=path)
    if kind is int:
        if re.fullmatch(r"[+-]?\d{1,18}", value):
            return int(value)
        raise invalid(f"Invalid integer: {value}", param=path, code="parameter_invalid_integer")
    if kind in (float, Decimal):
        try:
            return kind(value)
        except (ValueError, InvalidOperation):
            raise invalid(f"Invalid decimal: {value}", param=path) from None
    return value


def _empty(path: str) -> ApiError:
    return invalid(
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; however"
        f" '{path}' cannot be unset. You should remove '{path}' from your request or supply a non-empty value.",
        param=path,
        code="parameter_invalid_empty",
    )


def _listed(choices: list[Any]) -> str:
    names = [str(choice) for choice in choices]
    if len(names) < 3:
        return " or ".join(names)
    return ", ".join(names[:-1]) + f", or {names[-1]}"
