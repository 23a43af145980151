"""The control API under `/_control/`: JSON in, JSON out, for tests."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

from sandbox.stripe import actions, deliveries, faults, idempotency
from sandbox.stripe.answers import Answer, Request, json_answer
from sandbox.stripe.errors import ApiError, invalid
from sandbox.stripe.ledger import ledger
from sandbox.stripe.presenting import present
from sandbox.stripe.world import API_VERSION, World


def answer(world: World, request: Request) -> Answer:
    """Answer one control request."""
    name = request.path.removeprefix("/_control/")
    try:
        with world.transaction():
            if request.method == "GET":
                return json_answer(_read(world, name, parse_qs(request.query)))
            given = json.loads(request.body or "{}")
            if not isinstance(given, dict):
                raise invalid("The body must be a JSON object.")
            return json_answer(_act(world, name, given))
    except ApiError as error:
        return json_answer(error.body(), error.status)
    except json.JSONDecodeError as error:
        return json_answer({"error": {"message": f"Invalid JSON: {error}", "type": "invalid_request_error"}}, 400)


def _read(world: World, name: str, query: dict[str, list[str]]) -> Any:
    if name == "state":
        return {
            "now": world.now(),
            "offset": world.offset(),
            "api_version": API_VERSION,
            "mode": deliveries.mode(world),
            "faults": faults.ordered(world),
            "in_flight": idempotency.in_flight(world),
        }
    if name == "ledger":
        return ledger(world)
    if name == "events":
        return {"data": world.store.select("event")[::-1]}
    if name == "deliveries":
        return {"data": deliveries.waiting(world, due_only=query.get("all") != ["1"])}
    raise ApiError(404, f"There is no control called {name}.")


def _act(world: World, name: str, given: dict[str, Any]) -> Any:
    if name not in ACTIONS:
        raise ApiError(404, f"There is no control called {name}.")
    return ACTIONS[name](world, given)


def _mode(world: World, given: dict[str, Any]) -> Any:
    actions.set_mode(world, given)
    return _read(world, "state", {})


def _advance(world: World, given: dict[str, Any]) -> Any:
    wanted = {key: int(given[key]) for key in ("days", "months", "seconds", "to") if given.get(key) is not None}
    return {"now": actions.advance(world, **wanted)}


def _fail_next(world: World, given: dict[str, Any]) -> Any:
    code, times = given.get("code", "generic_decline"), int(given.get("times", 1))
    return present(world, actions.fail_next(world, given["subscription"], code=code, times=times))


def _settle(world: World, given: dict[str, Any]) -> Any:
    named, outcome = given.get("payment_intent", ""), given.get("outcome", "")
    return {"payment_intents": actions.settle(world, payment_intent=named, outcome=outcome)}


def _change_card(world: World, given: dict[str, Any]) -> Any:
    return present(world, actions.change_card(world, given["customer"], actions.payer_from(given)))


def _mark_deliveries(world: World, given: dict[str, Any]) -> Any:
    for delivery_id in given.get("ids", []):
        deliveries.settle(world, delivery_id, succeeded=given.get("succeeded", True), answer="by a test")
    return {"data": []}


def _reset(world: World, given: dict[str, Any]) -> Any:
    actions.reset(world)
    return {"now": world.now()}


def _pay(world: World, given: dict[str, Any]) -> dict[str, Any]:
    outcome = given.get("three_d_secure", "complete")
    session, refusal = actions.pay(world, given["session"], actions.payer_from(given), three_d_secure=outcome)
    return {"session": present(world, session), "error": refusal.error if refusal else None}


ACTIONS: dict[str, Callable[[World, dict[str, Any]], Any]] = {
    "advance": _advance,
    "begin-in-the-past": lambda world, given: {"now": actions.begin_in_the_past(world, int(given["at"]))},
    "change-card": _change_card,
    "deliveries": _mark_deliveries,
    "dispute": lambda world, given: present(world, actions.dispute(world, given)),
    "fail-next": _fail_next,
    "fail-refund": lambda world, given: present(world, actions.fail_refund(world, given["refund"])),
    "mode": _mode,
    "pay": _pay,
    "refund": lambda world, given: present(world, actions.refund(world, given)),
    "reset": _reset,
    "return-to-present": lambda world, given: {"now": actions.return_to_present(world)},
    "settle": _settle,
}
