"""The control API under `/_control/`: JSON in, JSON out, for tests."""

import json
from typing import Any
from urllib.parse import parse_qs

from sandbox.stripe import actions, deliveries, faults
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
        }
    if name == "ledger":
        return ledger(world)
    if name == "deliveries":
        return {"data": deliveries.waiting(world, due_only=query.get("all") != ["1"])}
    raise ApiError(404, f"There is no control called {name}.")


def _act(world: World, name: str, given: dict[str, Any]) -> Any:
    match name:
        case "mode":
            actions.set_mode(world, given)
            return _read(world, "state", {})
        case "advance":
            wanted = {key: int(given[key]) for key in ("days", "months", "seconds", "to") if given.get(key) is not None}
            return {"now": actions.advance(world, **wanted)}
        case "pay":
            return _pay(world, given)
        case "refund":
            return present(world, actions.refund(world, given))
        case "fail-refund":
            return present(world, actions.fail_refund(world, given["refund"]))
        case "dispute":
            return present(world, actions.dispute(world, given))
        case "fail-next":
            code, times = given.get("code", "generic_decline"), int(given.get("times", 1))
            return present(world, actions.fail_next(world, given["subscription"], code=code, times=times))
        case "settle":
            settled = actions.settle(
                world, payment_intent=given.get("payment_intent", ""), outcome=given.get("outcome", "")
            )
            return {"payment_intents": settled}
        case "change-card":
            return present(world, actions.change_card(world, given["customer"], actions.payer_from(given)))
        case "deliveries":
            for delivery_id in given.get("ids", []):
                deliveries.settle(world, delivery_id, succeeded=given.get("succeeded", True), answer="by a test")
            return {"data": []}
        case "reset":
            actions.reset(world)
            return {"now": world.now()}
    raise ApiError(404, f"There is no control called {name}.")


def _pay(world: World, given: dict[str, Any]) -> dict[str, Any]:
    outcome = given.get("three_d_secure", "complete")
    session, refusal = actions.pay(world, given["session"], actions.payer_from(given), three_d_secure=outcome)
    return {"session": present(world, session), "error": refusal.error if refusal else None}
