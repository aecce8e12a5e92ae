"""Python imports this file by itself, before anything else: it keeps a program on this machine.

Whoever wants to connect to another machine, or only to ask for its address, is refused, and the
attempt is noted in the file named by REFUSED. Refusing names too is not too much: on a machine
without a network an attempt would end there, and never be seen.
"""

import os
import socket
from typing import Any

_HERE = {"127.0.0.1", "::1", "localhost", "", None}


def _check(host: Any) -> None:
    if isinstance(host, bytes):
        host = host.decode()
    if host not in _HERE:
        with open(os.environ["REFUSED"], "a", encoding="utf-8") as file:
            print(host, file=file)
        raise ConnectionRefusedError(f"{host} is another machine")


def _guard(name: str) -> None:
    connect = getattr(socket.socket, name)

    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            _check(address[0])
        return connect(self, address)

    setattr(socket.socket, name, guarded)


_getaddrinfo = socket.getaddrinfo


def _guarded_getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
    _check(host)
    return _getaddrinfo(host, *args, **kwargs)


_guard("connect")
_guard("connect_ex")
socket.getaddrinfo = _guarded_getaddrinfo
