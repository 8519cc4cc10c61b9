"""The server: one process, one event loop; without keys on this machine alone."""

from socket import socket
from typing import Any

import uvicorn

from interfaces.http.admission import is_loopback
from interfaces.http.app import create_app
from interfaces.service import Clock, Follow, utc_now
from interfaces.settings import Settings

GRACE_SECONDS = 10


class NotLoopback(ValueError):
    """Without a key the server was asked to listen where other machines can reach it."""

    def __init__(self, host: str) -> None:
        self.host = host
        super().__init__(
            f"Host {host}: other machines could reach it, and there is no active key to tell "
            "callers apart; make one first: capacity keys create --owner NAME --scope read "
            "--scope write"
        )


def serve(
    settings: Settings, projector: Follow | None = "process", *, active_keys: int = 0
) -> None:
    """Serve until SIGINT or SIGTERM, then answer who waits. Raises NotLoopback."""
    Server(server_config(settings, projector=projector, active_keys=active_keys)).run()


class Server(uvicorn.Server):
    """Ends the event streams first: they end by nothing else, and would use up the whole grace."""

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Stop serving."""
        app: Any = self.config.app
        app.state.streams.end()
        await super().shutdown(sockets)


def server_config(
    settings: Settings,
    *,
    projector: Follow | None = "process",
    active_keys: int = 0,
    clock: Clock = utc_now,
) -> uvicorn.Config:
    """Return how the server is run. Raises NotLoopback where there is no active key."""
    if not active_keys and not is_loopback(settings.host):
        raise NotLoopback(settings.host)
    return uvicorn.Config(
        create_app(settings, clock=clock, projector=projector),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
