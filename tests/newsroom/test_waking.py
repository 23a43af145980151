from unittest.mock import patch

import pytest

from newsroom.celery import app
from newsroom.tasks import deliver_mail
from newsroom.waking import SWEEP_HINT_SECONDS, wake, wake_again


@pytest.mark.django_db(transaction=True)
def test_only_what_a_sweep_asks_again_is_dropped_behind_a_long_queue() -> None:
    with patch.object(app, "send_task", autospec=True) as sent:
        wake(deliver_mail, 5)
        wake_again(deliver_mail, 5)
    first, again = sent.call_args_list
    assert first.args == again.args == ("newsroom.tasks.deliver_mail",)
    assert first.kwargs == {"args": (5,), "retry": False}
    assert again.kwargs == {"args": (5,), "retry": False, "expires": SWEEP_HINT_SECONDS}
