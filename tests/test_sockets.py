import socket

import pytest
from pytest_socket import SocketConnectBlockedError


def test_nothing_beyond_loopback_is_reached() -> None:
    # 192.0.2.0/24 is for documents and leads nowhere (RFC 5737).
    with socket.socket() as client, pytest.raises(SocketConnectBlockedError):
        client.connect(("192.0.2.1", 80))
