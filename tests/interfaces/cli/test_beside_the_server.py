"""A command line beside a running server, both on the same two SQLite files."""

import re
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.support.programs import Program

COMMANDS, REQUESTS = 6, 60


def test_commands_beside_a_server_never_find_the_database_locked(program: Program) -> None:
    program.ok("demo", "--data", "none")
    port = _free_port()
    with program.running("serve", "--port", str(port)) as server:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            log = _begun(client, server)
            with ThreadPoolExecutor(2) as beside:
                http = beside.submit(lambda: [_book_by_http(client, n) for n in range(REQUESTS)])
                ended = [
                    program("book", "sbus", "overlap_only", f"CLI-{n}", "TruNorthSolar")
                    for n in range(COMMANDS)
                ]
                assert {answer.status_code for answer in http.result()} == {201}
            assert [(each.exit_code, each.stderr) for each in ended] == [(0, "")] * COMMANDS
            # The server sees what the commands booked, and the command line what the server did.
            found = client.get("/v1/lines/sbus/scenarios/overlap_only/capacity").json()
        answered = program("capacity", "sbus", "overlap_only", "--json").document
        assert answered["TruNorthSolar"]["Used"] == COMMANDS + REQUESTS
        assert found["TruNorthSolar"]["Used"] == COMMANDS + REQUESTS
        server.terminate()
        assert server.stderr is not None
        log += server.stderr.read()
    assert not re.search(b"locked|Traceback", log), log.decode()
    assert program.ok("files", "verify")


def test_a_port_that_is_taken_is_said(program: Program) -> None:
    program.ok("migrate")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        ended = program("serve", "--port", str(taken.getsockname()[1]))
    assert (ended.exit_code, ended.stdout) == (6, "")
    assert "address already in use" in ended.stderr


def _book_by_http(client: httpx.Client, number: int) -> httpx.Response:
    return client.post(
        "/v1/lines/sbus/scenarios/overlap_only/matches",
        json={"registration_id": f"HTTP-{number}", "supplier_id": "TruNorthSolar"},
    )


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _begun(client: httpx.Client, server: "subprocess.Popen[bytes]") -> bytes:
    """Return what the server has said by the time that it listens, when it is ready to serve."""
    assert server.stderr is not None
    said = b""
    for line in server.stderr:
        said += line
        if b"running on" in line:
            break
    assert b"running on" in said, said.decode()
    while client.get("/readyz").status_code != 200:
        assert server.poll() is None, said.decode()
    return said
