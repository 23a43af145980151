"""The product's programs and the sandbox's stand-ins, in the order in which they are started."""

import http.client
import shlex
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from sandbox.children import Program
from sandbox.environment import uses_own_mail, uses_own_stripe
from sandbox.ports import HOST

PROJECT = Path(__file__).resolve().parent.parent
# The worker finishes the task it is in, and gunicorn the requests.
GRACE_SECONDS = {"worker": 30.0, "web": 35.0}
STOP_ORDER = ("web", "beat", "worker", "mail", "stripe")


def accepts(port: int) -> Callable[[], bool]:
    def is_ready() -> bool:
        with socket.socket() as client:
            client.settimeout(2)
            return client.connect_ex((HOST, port)) == 0

    return is_ready


def answers(port: int) -> Callable[[], bool]:
    """Return a test that asks the site for its front page; a page that tells of an error is an answer as well."""

    def is_ready() -> bool:
        connection = http.client.HTTPConnection(HOST, port, timeout=20)
        try:
            connection.request("GET", "/", headers={"Host": f"localhost:{port}"})
            connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
        return True

    return is_ready


def python(
    name: str, *words: str, environment: Mapping[str, str], is_ready: Callable[[], bool] | None = None
) -> Program:
    return Program(
        name=name,
        command=(sys.executable, *words),
        environment=environment,
        folder=PROJECT,
        grace=GRACE_SECONDS.get(name, 10.0),
        is_ready=is_ready,
        ready_within=90,
    )


def preparation(environment: Mapping[str, str]) -> Program:
    """Return what has to end well before the product starts."""
    return python("prepare", "-m", "sandbox.prepare", environment=environment)


def product(environment: Mapping[str, str], ports: Mapping[str, int], folder: Path) -> list[Program]:
    # Who runs the product does not know the role that owns its tables.
    environment = {name: value for name, value in environment.items() if name != "DATABASE_OWNER_URL"}
    programs = []
    if uses_own_mail():
        listening = ("--smtp-port", str(ports["smtp"]), "--http-port", str(ports["mail"]))
        mail = ("-m", "sandbox.mail", *listening, "--maildir", str(folder / "mail"))
        programs.append(python("mail", *mail, environment=environment, is_ready=accepts(ports["mail"])))
    if uses_own_stripe():
        # The secret goes by the environment: a process's arguments are there for everyone to read.
        speaking = {
            "STRIPE_SANDBOX_WEBHOOK_URL": f"http://{HOST}:{ports['web']}/stripe/webhook/",
            "STRIPE_SANDBOX_WEBHOOK_SECRET": environment["STRIPE_WEBHOOK_SECRET"],
            "STRIPE_SANDBOX_AFTER_ADVANCE": shlex.join([sys.executable, "-m", "sandbox.days"]),
        }
        stripe = ("-m", "sandbox.stripe", "--port", str(ports["stripe"]))
        keeping = ("--data", environment["STRIPE_SANDBOX_DATA"])
        programs.append(
            python(
                "stripe", *stripe, *keeping, environment={**environment, **speaking}, is_ready=accepts(ports["stripe"])
            )
        )
    return [
        *programs,
        python(
            "web",
            *("manage.py", "start", "web", "--bind", f"{HOST}:{ports['web']}"),
            environment=environment,
            is_ready=answers(ports["web"]),
        ),
        python("worker", "manage.py", "start", "worker", "--concurrency", "2", environment=environment),
        python("beat", "manage.py", "start", "beat", environment=environment),
    ]
