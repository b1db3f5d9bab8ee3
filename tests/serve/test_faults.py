"""What a service bears: the short form of benchmarks/serve_faults.py.

After each attack the service still answers, and has no file left of it.
"""

import socket
import struct
import threading
import zlib
from collections import Counter
from pathlib import Path

import pytest

from tests.serve.client import BOUNDARY, FORM, Client, form, request_head, status_of
from tests.serve.conftest import Start, wait_until


@pytest.fixture(autouse=True)
def _unharmed(client: Client) -> None:
    """Before each test the service is whole; the next test fails if this one harmed it."""
    assert client.get("/healthz").status == 200


def _png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def _left_nothing(client: Client) -> None:
    wait_until(lambda: client.temporary_files == [] and client.server.service.is_idle, "the service is idle without files")


def test_concurrent_requests_are_answered_or_get_429(client: Client, pictures: Path) -> None:
    statuses: Counter[int] = Counter()
    body = {"image": pictures / "photo.png", "trimap": pictures / "trimap.png", "model": "closed-form"}

    def ask() -> None:
        answer = client.post("/v1/matte", body)
        statuses[answer.status] += 1
        if answer.status == 429:
            assert int(answer.headers["retry-after"]) >= 1 and "try again" in answer.json["detail"]

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert set(statuses) == {200, 429} and sum(statuses.values()) == 40, statuses
    assert statuses[200] >= 5, "one runs and four wait"
    _left_nothing(client)


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({}, 400, "has no image"),
        ({"image": b""}, 400, "has no image"),
        ({"image": b"no picture at all"}, 415, "image is not a picture"),
        ({"image": b"\xff\xd8\xff\xe0" + bytes(50)}, 415, "image"),
        ({"image": bytes(1_100_000)}, 413, "1000000 bytes"),
        ({"image": _png(60_000, 60_000, b"")}, 413, "pixels"),
        ({"image": _png(500, 501, b"")}, 413, "500x501 pixels, more than the 250000"),
        ({"image": _png(400, 400, bytes(400))}, 422, "damaged or cut off"),
        ({"picture": b"x"}, 400, "no field 'picture'"),
        ({"image": "a text"}, 415, "image is not a picture"),
        ({"model": b"a file"}, 400, "model holds a text"),
        ({"options": "x" * 70_000}, 413, "text fields"),
    ],
)
def test_invalid_fields_are_refused_with_a_reason(client: Client, fields: dict[str, bytes | str], status: int, said: str) -> None:
    answer = client.post("/v1/matte", fields)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/problem+json"), answer.body
    assert said in answer.json["detail"]
    assert str(client.server.service.root) not in answer.json["detail"]
    _left_nothing(client)


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"trimap": "wrong_size"}, 422, "trimap"),
        ({"model": "nonesuch"}, 422, "no model 'nonesuch'"),
        ({"model": "/etc/passwd.pt"}, 422, "no model"),
        ({"model": "dim-skip"}, 422, "matte models pull"),
        ({"refine": "../x.pt"}, 422, "no model"),
        ({"over": "/etc/passwd"}, 400, "is not a colour"),
        ({"over": "http://127.0.0.1/x.png"}, 400, "is not a colour"),
        ({"as": "everything"}, 400, "choose cutout"),
        ({"as": "cutout", "format": "jpg"}, 400, "transparency"),
        ({"as": "alpha", "over": "red"}, 400, "drop one"),
        ({"options": "nothing"}, 400, "NAME=VALUE"),
        ({"options": "depth=3"}, 422, "no option 'depth'"),
    ],
)
def test_contradicting_fields_are_refused_with_a_reason(
    client: Client, pictures: Path, fields: dict[str, str], status: int, said: str
) -> None:
    guides = {"image": pictures / "photo.png", "trimap": pictures / f"{fields.pop('trimap', 'trimap')}.png"}
    answer = client.post("/v1/matte", guides | fields)
    assert answer.status == status and said in answer.json["detail"], answer.body
    assert "--" not in answer.json["detail"], "fields are named, not flags"


@pytest.mark.parametrize("name", ["../../../etc/cron.d/x", "a\\..\\b.png", "a%0d%0aX-Evil: 1", "-", "", "ü" * 300, "CON", "\x00"])
def test_file_names_of_clients_are_never_used(client: Client, pictures: Path, name: str) -> None:
    fields = {"image": pictures / "photo.png", "trimap": pictures / "trimap.png", "model": "closed-form"}
    answer = client.ask("POST", "/v1/matte", form(fields, {"image": name}), FORM)
    assert answer.status == 200 and "x-evil" not in answer.headers
    _left_nothing(client)


@pytest.mark.parametrize(
    "head",
    [
        'form-data; name="image\r\nX: 1"; filename="a"',
        'form-data; name="../image"; filename="a"',
        'form-data; name=""; filename="a"',
        "form-data",
        "nonsense" * 2000,
    ],
)
def test_invalid_field_names_are_refused(client: Client, head: str) -> None:
    body = f"--{BOUNDARY}\r\nContent-Disposition: {head}\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode()
    assert client.ask("POST", "/v1/matte", body, FORM).status == 400
    _left_nothing(client)


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"", FORM, 400),
        (b"nothing of a form", FORM, 400),
        (form({"image": b"x" * 1000})[:500], FORM, 400),
        (b"{}", {"Content-Type": "application/json"}, 415),
        (b"{}", {"Content-Type": "multipart/form-data"}, 415),
        (b"{}", {"Content-Type": f"multipart/form-data; boundary={'b' * 300}"}, 400),
    ],
)
def test_bodies_that_are_not_forms_are_refused(client: Client, body: bytes, headers: dict[str, str], status: int) -> None:
    assert client.ask("POST", "/v1/matte", body, headers).status == status


def test_a_body_without_an_end_is_cut_off_at_the_limit(client: Client) -> None:
    begun = form({"image": bytes(200_000)}).removesuffix(f"\r\n--{BOUNDARY}--\r\n".encode())
    with client.socket() as connection:
        connection.sendall(request_head("/v1/matte", None) + f"{len(begun):x}\r\n".encode() + begun + b"\r\n")
        for _ in range(10):
            connection.sendall(b"186a0\r\n" + bytes(100_000) + b"\r\n")
        connection.sendall(b"0\r\n\r\n")
        assert status_of(connection) == 413
    _left_nothing(client)


def test_aborted_uploads_leave_no_files(client: Client, pictures: Path) -> None:
    body = form({"image": pictures / "photo.png"})
    for part in range(60):
        connection = client.socket()
        connection.sendall(request_head("/v1/matte", len(body)) + body[: len(body) * (part % 4) // 4])
        if part % 2:  # a reset, not a polite end
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    _left_nothing(client)


def test_a_slow_upload_gets_408(start: Start) -> None:
    client = start(model="closed-form", timeout=1)
    with client.socket() as connection:
        connection.sendall(request_head("/v1/matte", 100_000) + f"--{BOUNDARY}\r\n".encode())
        assert status_of(connection) == 408
    _left_nothing(client)


def test_a_connection_with_an_endless_header_is_closed(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mattecli.serve.server.HEADER_SECONDS", 0.3)
    client = start(model="closed-form")
    with client.socket() as connection:
        connection.sendall(b"POST /v1/matte HTTP/1.1\r\nX-Slow: ")
        assert status_of(connection) is None
    with client.socket() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert status_of(connection) == 200, "who is in time is served"


def test_a_request_that_waits_too_long_gets_a_retry_after_header(start: Start, pictures: Path) -> None:
    client = start(model="closed-form", timeout=3)
    service = client.server.service
    release = threading.Event()
    service.queue._pool.submit(release.wait, 60)  # the thread of all computations is busy
    answer = client.post("/v1/matte", {"image": pictures / "photo.png", "trimap": pictures / "trimap.png"})
    assert answer.status in (503, 504)
    assert client.temporary_files != [], "the computation may still need its files"
    release.set()
    _left_nothing(client)
