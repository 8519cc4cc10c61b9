"""A real server on loopback, its life in a thread, and the sample line in it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from interfaces.demo import LINE, offers_document
from interfaces.http.server import Server, server_config
from interfaces.service import Clock, Follow, Service, migrate_ledger, utc_now
from interfaces.settings import Settings
from tests.support.ledgers import migrated_bytes

SCENARIO = f"/v1/lines/{LINE}/scenarios/overlap_only"
MATCHES = f"{SCENARIO}/matches"
SUPPLIER = "All Energy Solar"


class Live:
    """A running server and a client of it."""

    def __init__(self, server: uvicorn.Server, client: httpx.Client, port: int) -> None:
        self.server, self.client, self.port = server, client, port

    @property
    def service(self) -> Service:
        """The service behind the door, for looking at what was stored."""
        service: Service = self.server.config.app.state.service  # type: ignore[union-attr] # ours
        return service

    def book(
        self, registration_id: str, supplier: str = SUPPLIER, **options: Any
    ) -> httpx.Response:
        body = {"registration_id": registration_id, "supplier_id": supplier}
        return self.client.post(MATCHES, json=body, **options)

    def events(self, **query: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.get(
            "/v1/events", params={"limit": 1000, **query}
        ).json()["events"]
        return found

    def used(self, supplier: str = SUPPLIER) -> int:
        head = self.client.get("/v1/events", params={"limit": 1}).headers["capacity-position"]
        document = self.client.get(f"{SCENARIO}/capacity", params={"after": head}).json()
        used: int = document[supplier]["Used"]
        return used


class _Server(Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()

    async def startup(self, sockets: Any = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()


@contextmanager
def running(
    settings: Settings, *, projector: Follow | None = "threads", clock: Clock = utc_now
) -> Iterator[Live]:
    """Run a server until the end of the block."""
    server = _Server(server_config(settings, projector=projector, clock=clock))
    thread = threading.Thread(target=server.run, name="server")
    thread.start()
    try:
        assert server.ready.wait(60), "the server did not start"
        port = server.servers[0].sockets[0].getsockname()[1]
        # Reading this machine's certificates takes as long as all that a server does to start.
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, verify=False) as client:
            yield Live(server, client, port)
    finally:
        server.should_exit = True
        thread.join()


def settings_in(folder: Path, **changes: Any) -> Settings:
    """Return settings whose files lie in a folder, with the ledger's tables made."""
    places = {
        "ledger_file": folder / "capacity.db",
        "views_file": folder / "capacity.views.db",
        "data_dir": folder / "data",
        "past_dir": folder / "past",
    }
    settings = Settings(**places | {"port": 0} | changes)
    if settings.database_url or settings.ledger_file.exists():
        migrate_ledger(settings)
    else:
        settings.ledger_file.parent.mkdir(parents=True, exist_ok=True)
        settings.ledger_file.write_bytes(migrated_bytes())
    return settings


def with_sample(live: Live) -> Live:
    """Publish the sample offers, and open the scenario overlap_only."""
    json = {"content-type": "application/json"}
    published = live.client.put(f"/v1/lines/{LINE}/offers", content=offers_document(), headers=json)
    assert published.status_code == 201, published.text
    assert live.client.post(SCENARIO).status_code == 201
    return live
