"""Answer the API's requests: key, version, parameters, idempotency, the work itself, and the error if there is one."""

import base64
import json
import re
import sys
import time
from typing import Any

from sandbox.stripe import faults, form_encoding, idempotency, parameters, routes, rules
from sandbox.stripe.answers import Answer, Request
from sandbox.stripe.errors import ApiError
from sandbox.stripe.ids import new_id
from sandbox.stripe.presenting import present, present_list
from sandbox.stripe.world import API_VERSION, World

_noticed: set[str] = set()


class Parameters(dict[str, Any]):
    """Parameters that remember which of them were read, so that nothing is ignored in silence."""

    def __init__(self, values: dict[str, Any]) -> None:
        super().__init__(values)
        self.unread = set(values) - {"expand"}

    def __contains__(self, name: object) -> bool:
        self.unread.discard(str(name))
        return super().__contains__(name)

    def __getitem__(self, name: str) -> Any:
        self.unread.discard(name)
        return super().__getitem__(name)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a parameter, or the default."""
        self.unread.discard(name)
        return super().get(name, default)

    def tell(self, service: str) -> None:
        """Tell the developer, once for each, what was accepted and has no effect here."""
        for name in sorted(self.unread):
            words = f"{service} accepts {name}, but the sandbox does nothing with it"
            if words not in _noticed:
                _noticed.add(words)
                print(words, file=sys.stderr, flush=True)


def answer(world: World, request: Request) -> Answer:
    """Answer one request."""
    request_id = new_id("request")
    headers = {"Content-Type": "application/json", "Request-Id": request_id}
    headers["Stripe-Version"] = request.headers.get("stripe-version", API_VERSION)
    fault = faults.Fault()
    try:
        _check_key(request.headers.get("authorization", ""))
        _check_version(headers["Stripe-Version"])
        with world.transaction():
            fault = faults.take(world, request.method, request.path)
        if fault.kind in ("rate_limit", "refuse"):
            faults.raise_for(fault)
        status, body, more = _perform(world, request, request_id, fault)
        headers |= more
    except ApiError as error:
        status, body = error.status, _encoded(error.body())
    if fault.kind == "lose_answer":
        time.sleep(fault.seconds)
        return Answer(status, lost=True)
    return Answer(status, body.encode(), headers)


def _encoded(data: object) -> str:
    return json.dumps(data, indent=2, ensure_ascii=False)


def _check_key(authorization: str) -> None:
    scheme, _, given = authorization.partition(" ")
    key = given.strip()
    if scheme.lower() == "basic":
        try:
            key = base64.b64decode(key).decode().partition(":")[0]
        except ValueError:
            key = ""
    if not key:
        raise ApiError(
            401,
            "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer"
            " auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
        )
    if not re.match(r"(sk|rk)_test_", key):
        hidden = key[:8] + "*" * 12 + key[-4:] if len(key) > 24 else "*" * 12
        raise ApiError(401, f"Invalid API Key provided: {hidden}. The sandbox takes only keys of test mode.")


def _check_version(version: str) -> None:
    if version != API_VERSION:
        raise ApiError(400, f"Invalid Stripe API version: {version}. The sandbox speaks {API_VERSION} only.")


def _perform(world: World, request: Request, request_id: str, fault: faults.Fault) -> tuple[int, str, dict[str, str]]:
    found = routes.find(request.method, request.path)
    if found is None:
        raise ApiError(
            404,
            f"Unrecognized request URL ({request.method}: {request.path}). If you are trying to list objects, remove"
            " the trailing slash. If you are trying to retrieve an object, make sure you passed a valid (non-empty)"
            " identifier in your code. The sandbox may also not simulate this part of the API.",
        )
    route, names = found
    raw = form_encoding.decode(request.body if request.method == "POST" else request.query)
    # Refused parameters begin nothing, so Stripe does not keep that answer for the key.
    params = Parameters(parameters.checked(route.service, raw))
    rules.check(params)
    key = request.headers.get("idempotency-key", "") if request.method == "POST" else ""
    more: dict[str, str] = {}
    if key:
        more["Idempotency-Key"] = key
        with world.transaction():
            replay = idempotency.begin(world, key, request.path, raw, request_id)
        if replay:
            more |= {"Idempotent-Replayed": "true", "Original-Request": replay.request}
            return replay.status, replay.body, more
        more["Original-Request"] = request_id
    if fault.kind == "slow":
        time.sleep(fault.seconds)
    try:
        status, body = _work(world, route, params, names, request_id, key, fault)
    except BaseException:
        if key:
            with world.transaction():
                idempotency.release(world, key)
        raise
    if key:
        with world.transaction():
            idempotency.finish(world, key, status, body)
    return status, body, more


def _work(
    world: World,
    route: routes.Route,
    params: Parameters,
    names: dict[str, str],
    request_id: str,
    key: str,
    fault: faults.Fault,
) -> tuple[int, str]:
    """Do what the request asks, and return its answer; a refusal is an answer as well."""
    expand: list[str] = params.pop("expand", None) or []
    try:
        if fault.kind == "server_error":
            faults.raise_for(fault)
        with world.transaction():
            world.request = {"id": request_id, "idempotency_key": key or None} if request_is_write(route) else None
            try:
                thing = route.handler(world, params, **names)
                params.tell(route.service)
                listed = thing.get("object") in ("list", "search_result")
                shown = present_list(world, thing, expand) if listed else present(world, thing, expand)
            finally:
                world.request = None
        if fault.kind == "error_after":
            raise ApiError(500, "An unknown error occurred", kind="api_error")
    except ApiError as error:
        return error.status, _encoded(error.body())
    return 200, _encoded(shown)


def request_is_write(route: routes.Route) -> bool:
    """Return whether the events of a request name it as their cause."""
    return route.method != "GET"
