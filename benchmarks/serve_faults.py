"""`matte serve` under load and attack: 200 requests at once, clients at 1 kB/s, wrong and broken uploads, bombs, 1,000 aborted uploads.

The service runs in a process of its own. For each attack the statuses of its answers are counted; in the end the service must answer a
plain request, hold no file, and its peak memory is reported beside that of one request alone. tests/serve/test_faults.py is the short form.

Usage: python benchmarks/serve_faults.py [--requests 200] [--aborts 1000] [--json FILE]
"""

import argparse
import http.client
import io
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
import tifffile

from mattecli.core import machine

BOUNDARY = "between-parts"
TIMEOUT = 45
Place = tuple[str, int]


def form(fields: dict[str, bytes | str], file_name: str = "photo.png") -> bytes:
    parts = []
    for name, value in fields.items():
        named = f'; filename="{file_name}"' if isinstance(value, bytes) else ""
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
        parts.append(head.encode("utf-8", "surrogateescape") + (value if isinstance(value, bytes) else value.encode()) + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def head(length: int) -> bytes:
    lines = ["POST /v1/matte HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: multipart/form-data; boundary={BOUNDARY}"]
    return "\r\n".join([*lines, f"Content-Length: {length}", "Connection: close", "", ""]).encode()


def send(place: Place, body: bytes, *, pace: int | None = None) -> str:
    """The status of the answer to a body, sent at `pace` bytes a second; "cut off" for a connection that ends without one."""
    with socket.create_connection(place, timeout=600) as connection:
        try:
            connection.sendall(head(len(body)))
            for begin in range(0, len(body), pace or len(body)):
                connection.sendall(body[begin : begin + (pace or len(body))])
                if pace and connection in _readable(connection):
                    break
                time.sleep(1 if pace else 0)
            answer = connection.recv(4096)
        except OSError:
            return "cut off"
    return answer.split()[1].decode() if answer else "cut off"


def _readable(connection: socket.socket) -> list[socket.socket]:
    import select

    return select.select([connection], [], [], 0)[0]


def at_once(calls: Iterable[Callable[[], str]]) -> dict[str, int]:
    """How often each status came, with all calls at the same time."""
    statuses: Counter[str] = Counter()
    threads = [threading.Thread(target=lambda call=call: statuses.update([call()])) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return dict(statuses)


def abort(place: Place, body: bytes, number: int) -> None:
    """Send a part of a body and leave, every second time with a reset."""
    connection = socket.create_connection(place, timeout=60)
    connection.sendall(head(len(body)) + body[: len(body) * (number % 10) // 10])
    if number % 2:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


def bombs() -> dict[str, bytes]:
    """Small files that declare, or would decompress to, an enormous size."""
    text = zlib.compress(bytes(400_000_000), 9)
    chunk = b"zTXt" + b"a\0\0" + text
    crammed = png(64, 64, bytes(64 * 193))
    crammed = crammed[:33] + struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) + crammed[33:]
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.zeros((64, 64, 3), np.uint16), compression="zlib", rowsperstrip=64)
    tiff = stream.getvalue()
    with tifffile.TiffFile(io.BytesIO(tiff)) as file:
        page = file.pages[0]
        place, count = page.dataoffsets[0], page.tags["StripByteCounts"].valueoffset
    strip = zlib.compress(bytes(800_000_000), 9)
    grown = bytearray(tiff[:place] + strip + tiff[place:])
    grown[count : count + 4] = struct.pack("<I", len(strip))
    return {
        "png of 60000x60000": png(60_000, 60_000, bytes(1000)),
        "png of 12000x12000, all of it there": png(12_000, 12_000, bytes(12_000 * 36_001)),
        "png of 64x64 with a text of 400 MB": crammed,
        "tiff of 64x64 with a strip of 800 MB": bytes(grown),
        "webp of 16383x16383": b"RIFF\x20\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xfe\x3f\0\xfe\x3f\0" + bytes(10),
    }


def picture(size: int) -> tuple[bytes, bytes]:
    """A disc before a gradient and its trimap, as PNG files."""
    rows, columns = np.mgrid[0:size, 0:size].astype(np.float32)
    distance = np.hypot(rows - size / 2, columns - size / 2) / size
    photo = np.where(distance[..., None] < 0.3, (40, 140, 230), (170, 90, 50)) + np.random.default_rng(1).normal(0, 3, (size, size, 3))
    trimap = np.where(distance < 0.27, 255, np.where(distance > 0.33, 0, 128)).astype(np.uint8)
    return tuple(cv2.imencode(".png", np.clip(array, 0, 255).astype(np.uint8))[1].tobytes() for array in (photo, trimap))


def peak_megabytes(process: int) -> int:
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{process}/status").read_text())[1]) // 1000


def attack(place: Place, process: int, requests: int, aborts: int) -> dict[str, object]:
    photo, trimap = picture(256)
    body = form({"image": photo, "trimap": trimap, "model": "closed-form"})
    report: dict[str, object] = {"one request": send(place, body), "peak_mb_after_one": peak_megabytes(process)}
    small_photo, small_trimap = picture(48)
    small = form({"image": small_photo, "trimap": small_trimap, "model": "closed-form"})
    report[f"{requests} requests at once"] = at_once([lambda: send(place, body)] * requests)
    report["peak_mb_after_many"] = peak_megabytes(process)
    slow = [lambda: send(place, small, pace=1000)] * 20 + [lambda: send(place, body, pace=1000)] * 20
    report[f"20 clients at 1 kB/s with {len(small)} bytes, 20 with {len(body)}"] = at_once(slow)
    report["oversized"] = at_once([lambda: send(place, form({"image": bytes(60_000_000)}))] * 8)
    report["truncated"] = at_once([lambda part=part: send(place, body[: len(body) * part // 9]) for part in range(1, 9)])
    report["wrong types"] = at_once(
        [lambda data=data: send(place, form({"image": data})) for data in (b"GIF89a", b"%PDF-1.4", b"{}", b"\0")]
    )
    names = ("../../etc/passwd", "/etc/passwd", "a\r\nX: 1", "C:\\x\\y.png", "\0", "n" * 5000)
    report["odd file names"] = at_once(
        [lambda name=name: send(place, form({"image": photo, "trimap": trimap, "model": "closed-form"}, name)) for name in names]
    )
    _, fitting = picture(64)
    report["bombs"] = {name: send(place, form({"image": data, "trimap": fitting})) for name, data in bombs().items()}
    report["peak_mb_after_bombs"] = peak_megabytes(process)
    for number in range(aborts):
        abort(place, body, number)
    report[f"after {aborts} aborted uploads"] = until_served(place, body)
    report["peak_mb"] = peak_megabytes(process)
    return report


def until_served(place: Place, body: bytes) -> list[str]:
    """The statuses of one request after the other, a second apart, up to the first that is served."""
    statuses = [send(place, body)]
    while statuses[-1] != "200" and len(statuses) < 60:
        time.sleep(1)
        statuses.append(send(place, body))
    return statuses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--aborts", type=int, default=1000)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "mattecli", "serve", "--port", "0", "--model", "closed-form", "--timeout", str(TIMEOUT)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": folder}) as service:
            try:
                address = urlsplit(service.stdout.readline().strip())
                report = {
                    "machine": machine.describe(),
                    **attack((address.hostname, address.port), service.pid, arguments.requests, arguments.aborts),
                }
                time.sleep(2)
                report["files_left"] = sum(1 for path in Path(folder).rglob("*") if path.is_file())
                connection = http.client.HTTPConnection(address.hostname, address.port)
                connection.request("GET", "/healthz")
                report["healthy"] = connection.getresponse().status == 200
                connection.close()
            finally:
                service.terminate()
        report["exit_code"] = service.returncode
    print(json.dumps(report, indent=1))
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
