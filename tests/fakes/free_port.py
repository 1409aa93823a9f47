"""A port for a server of another process."""

import socket
from random import SystemRandom

# Below those from which systems number the client's end of a connection: the port is still free when a server that
# takes seconds to start binds it, however many connections the tests open until then.
# https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a port of loopback on which nothing listens; two processes that call at once get two."""
    for port in SystemRandom().sample(PORTS, k=100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port among 100 of {PORTS}")
