"""Where the live view is served."""

import errno
import socket
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from visu.errors import UsageError

LOOPBACK = "127.0.0.1"
FIRST_PORT, PORTS = 8988, 100  # matplotlib's own, and how many more are tried


class Address(NamedTuple):
    host: str = LOOPBACK
    port: int = 0  # 0: the first free one


def parse_address(text):
    """The `Address` in "PORT" or "HOST:PORT". Raises ValueError for anything else."""
    whole = text if ":" in text else f"{LOOPBACK}:{text}"
    parts = urlsplit(f"//{whole}")
    if parts.netloc != whole or "@" in whole or not parts.hostname or not parts.port:
        raise ValueError(text)
    return Address(parts.hostname, parts.port)


def listen(address):
    """Sockets that listen there, and the URL for a browser.

    Raises UsageError if there can be none.
    """
    try:
        from tornado.netutil import bind_sockets
    except ImportError:
        raise UsageError(
            "--web: tornado is missing; `.venv/bin/pip install -r requirements.txt` brings it"
        ) from None

    asked = address.port
    for port in [asked] if asked else range(FIRST_PORT, FIRST_PORT + PORTS):
        try:
            sockets = bind_sockets(port, address.host)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = error.strerror or error
                raise UsageError(
                    f"--web: can't listen at {_joined(address.host, port)} ({reason}); "
                    "choose another address"
                ) from None
        else:
            return sockets, f"http://{_joined(_reachable(address.host, sockets), port)}/"
    if asked:
        raise UsageError(
            f"--web: port {asked} is taken; choose another, or none for the first free one"
        )
    raise UsageError(
        f"--web: the ports {FIRST_PORT} to {FIRST_PORT + PORTS - 1} are taken; choose another"
    )


def is_loopback(sockets):
    """Whether they listen to this machine alone."""
    return all(ip_address(each.getsockname()[0]).is_loopback for each in sockets)


def _reachable(host, sockets):
    """A name by which a browser finds `host`, which may stand for all addresses of the machine.

    Where only this machine is served, it is by its address: other names for it might be a trick.
    """
    if is_loopback(sockets):
        return sockets[0].getsockname()[0]
    return socket.gethostname() if host in ("0.0.0.0", "::") else host


def _joined(host, port):
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
