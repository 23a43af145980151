from unittest.mock import patch

import pytest

from newsroom.celery import app
from newsroom.tasks import deliver_mail
from newsroom.waking import HINT_SECONDS, wake


@pytest.mark.django_db(transaction=True)
def test_a_hint_that_waited_behind_a_long_queue_is_dropped() -> None:
    with patch.object(app, "send_task", autospec=True) as sent:
        wake(deliver_mail, 5)
    assert sent.call_args.args == ("newsroom.tasks.deliver_mail",)
    assert sent.call_args.kwargs == {"args": (5,), "retry": False, "expires": HINT_SECONDS}
