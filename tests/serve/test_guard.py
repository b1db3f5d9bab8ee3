"""Who may use a service, and what its answers carry."""

from pathlib import Path

from tests.serve.client import FORM, Client, form
from tests.serve.conftest import Start

TOKEN = "a-token-that-nobody-guesses"


def test_every_route_but_the_page_and_health_needs_the_token(start: Start, pictures: Path) -> None:
    client = start(model="closed-form", token=TOKEN)
    for path in ("/", "/page/app.js", "/healthz", "/readyz", "/openapi.json"):
        assert client.get(path).status == 200
    for path in ("/v1/models", "/metrics", "/v1/results/x/y.png"):
        refused = client.get(path)
        assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert client.get("/v1/models", {"Authorization": "Bearer wrong"}).status == 401
    assert client.get("/v1/models", {"Authorization": f"Bearer {TOKEN}"}).status == 200
    assert client.get("/v1/models", {"X-Api-Key": TOKEN}).status == 200
    assert client.post("/v1/matte", {"image": pictures / "photo.png"}).status == 401


def test_requests_of_other_origins_are_refused(client: Client, pictures: Path) -> None:
    host = "{}:{}".format(*client.place)
    assert client.get("/v1/models", {"Origin": f"http://{host}"}).status == 200
    for origin in ("http://evil.example", "null", f"http://{host}.evil.example"):
        answer = client.post("/v1/matte", {"image": pictures / "photo.png"}, {"Origin": origin})
        assert answer.status == 403 and "access-control-allow-origin" not in answer.headers


def test_an_allowed_origin_gets_cors_headers(start: Start) -> None:
    client = start(model="closed-form", origins=("https://app.example",))
    answer = client.ask("OPTIONS", "/v1/matte", None, {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"})
    assert answer.status < 300 and answer.headers["access-control-allow-origin"] == "https://app.example"
    assert client.get("/v1/models", {"Origin": "https://other.example"}).status == 403


def test_a_local_service_answers_to_local_names_only(client: Client) -> None:
    assert client.get("/v1/models", {"Host": "localhost:1"}).status == 200
    assert client.get("/v1/models", {"Host": "rebound.example"}).status == 421


def test_every_answer_carries_the_security_headers(client: Client) -> None:
    for path in ("/", "/v1/models", "/nowhere", "/v1/matte"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff" and headers["x-frame-options"] == "DENY"
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "server" not in headers


def test_a_client_that_is_still_sending_receives_the_refusal(client: Client) -> None:
    big = form({"image": bytes(3_000_000)})
    for headers in (FORM, {**FORM, "Origin": "http://evil.example"}):
        assert client.ask("POST", "/v1/matte", big, headers).status in (403, 413)
