"""Choose a port for a server in another process."""

import socket
from random import SystemRandom

# These are below the ephemeral ports, from which a system chooses the client's end of a connection. So the port is
# still free when a server that takes seconds to start binds it, however many connections the tests open until then.
# https://docs.kernel.org/networking/ip-sysctl.html (ip_local_port_range)
PORTS = range(20_000, 32_000)


def free_port() -> int:
    """Return a random loopback port on which nothing listens, so that concurrent callers get different ports."""
    for port in SystemRandom().sample(PORTS, k=100):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise AssertionError(f"no free port among 100 of {PORTS}")
