"""The nginx example, by a real nginx: it passes on what it should, and no token reaches its logs."""

from __future__ import annotations

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from django.conf import settings

from tests.fakes.tls import Authority

TOKEN = "0123456789abcdefghjkmnpqrs"
EXAMPLE = settings.BASE_DIR / "docs" / "nginx.conf"
FRAME = """
{user}
worker_processes 1;
daemon off;
pid {folder}/pid;
error_log {folder}/main.log warn;
events {{ worker_connections 64; }}
http {{
    types {{ text/css css; }}
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
# Every way to write a redemption URL that a person, a program or an attacker may take.
PATHS = [
    f"/passes/{TOKEN}",
    f"/passes/{TOKEN}/apple",
    f"/passes/{TOKEN}?lang=de",
    f"/passes/{TOKEN.upper()}",
    f"/a/..//passes/{TOKEN}",
    f"/%70asses/{TOKEN}",
    f"/PASSES/{TOKEN}",
    f"/passes//{TOKEN}",
    f"/passes/%22{TOKEN}%22",
    f"/{TOKEN}",
    f"/{TOKEN.upper()}/apple",
    f"/static/../passes/{TOKEN}",
    f"/static/passes/{TOKEN}",
    f"/static/x.css?from=/passes/{TOKEN}",
    f"/https://passes.example.org/passes/{TOKEN}",
    f"/?next=/passes/{TOKEN}",
]

pytestmark = pytest.mark.skipif(shutil.which("nginx") is None, reason="no nginx to try the example with")


class Upstream(ThreadingHTTPServer):
    """PassFlow's place: keeps the headers that it gets."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.seen: list[dict[str, str]] = []


class Answer(BaseHTTPRequestHandler):
    """A page long enough to be compressed."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append(dict(self.headers))  # type: ignore[attr-defined]
        body = b"<p>Hello</p>" * 200
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Cache-Control", "no-store, private")
        self.send_header("Content-Length", str(len(body)))
        # A connection that was kept would be served on when nobody listens any more.
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing into the test's output."""


@dataclass
class Site:
    """A running nginx, and what it writes."""

    client: httpx.Client
    upstream: Upstream
    folder: Path
    http_port: int

    def ask_everything(self) -> list[int]:
        """Each path with the token in a referrer and a cookie as well."""
        headers = {"referer": f"https://passes.example.org/passes/{TOKEN}", "cookie": f"t={TOKEN}"}
        return [self.client.get(path, headers=headers).status_code for path in PATHS]

    def logs(self) -> str:
        """Every file that nginx has written, and whatever else lies in its folder."""
        files = [path for path in self.folder.rglob("*") if path.is_file() and path.suffix != ".conf"]
        return "\n".join(path.read_text(errors="replace") for path in files)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """The example as it is shipped, but for its ports, names of files and upstream."""
    with site_in(tmp_path / "nginx") as site:
        yield site


@contextmanager
def site_in(folder: Path, *, careless: bool = False) -> Iterator[Site]:
    """A site that keeps all its files in `folder`; a careless one notes errors as nginx does by itself."""
    (folder / "static").mkdir(parents=True)
    (folder / "static" / "x.css").write_text("p { color: red }")
    authority = Authority()
    identity = authority.issue_server()
    (folder / "fullchain.pem").write_bytes(identity.certificate_pem)
    (folder / "privkey.pem").write_bytes(identity.key_pem)
    upstream = Upstream()
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    http, https = free_port(), free_port()
    text = moved(folder, http=http, https=https, upstream=upstream.server_port)
    text = re.sub(r"error_log .*;", f"error_log {folder}/careless.log warn;", text) if careless else text
    (folder / "site.conf").write_text(text)
    # Its workers take another user's rights when root starts it, and could not read the test's files.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(FRAME.format(folder=folder, user=user))
    trusted = ssl.create_default_context(cadata=authority.pem.decode())
    address = f"https://127.0.0.1:{https}"
    with running(folder, port=https), httpx.Client(base_url=address, verify=trusted, http2=True) as client:
        yield Site(client, upstream, folder, http)
    upstream.shutdown()
    upstream.server_close()


def moved(folder: Path, *, http: int, https: int, upstream: int) -> str:
    """The example with other places; each of them must have been in it."""
    text = EXAMPLE.read_text()
    for former, now in {
        "    listen [::]:80;\n": "",
        "    listen [::]:443 ssl http2;\n": "",
        "listen 80;": f"listen 127.0.0.1:{http};",
        "listen 443 ssl": f"listen 127.0.0.1:{https} ssl",
        "server 127.0.0.1:8000;": f"server 127.0.0.1:{upstream};",
        "/etc/letsencrypt/live/passes.example.org": str(folder),
        "/var/log/nginx": str(folder),
        "/srv/passflow/var/static": str(folder / "static"),
    }.items():
        assert former in text
        text = text.replace(former, now)
    return text


@contextmanager
def running(folder: Path, *, port: int) -> Iterator[None]:
    """nginx, until the end of the block."""
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder), "-e", str(folder / "start.log")]
    with subprocess.Popen(command) as server:
        try:
            for _ in range(200):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            yield
        finally:
            server.terminate()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def test_no_token_reaches_a_log_while_the_upstream_is_up_or_down(site: Site) -> None:
    logs = logs_of_everything(site)
    assert TOKEN not in logs.lower()
    # They are logs of these very requests.
    assert "GET [redacted] 200" in logs
    assert "GET [redacted] 502" in logs
    assert "GET /livez 502" in logs


def test_errors_noted_as_nginx_does_by_itself_would_hold_the_token(tmp_path: Path) -> None:
    with site_in(tmp_path / "nginx", careless=True) as site:
        logs = logs_of_everything(site)
    assert "connect() failed" in logs
    assert f"/passes/{TOKEN}" in logs


def logs_of_everything(site: Site) -> str:
    """What is noted of all paths, first with the upstream up, then down, and of requests that are none."""
    assert site.ask_everything() == [200] * len(PATHS)
    site.upstream.shutdown()
    site.upstream.server_close()
    assert site.client.get("/livez").status_code == 502
    assert set(site.ask_everything()) == {200, 502}
    raw_request(site, f"GET /passes/{TOKEN} HTTP/9.9\r\n\r\n")
    raw_request(site, f"GET /passes/{TOKEN}{'x' * 20_000} HTTP/1.1\r\n\r\n")
    return site.logs()


def test_over_plain_http_one_is_sent_on_and_nothing_is_noted(site: Site) -> None:
    answer = httpx.get(f"http://127.0.0.1:{site.http_port}/passes/{TOKEN}", headers={"host": "a.example"})
    assert answer.status_code == 301
    assert answer.headers["location"] == f"https://a.example/passes/{TOKEN}"
    assert TOKEN not in site.logs()


def test_what_nginx_answers_itself_is_as_private(site: Site) -> None:
    path = f"/passes/{TOKEN}"
    http = f"http://127.0.0.1:{site.http_port}"
    answers = {
        200: site.client.get(path),
        301: httpx.get(f"{http}{path}"),
        413: site.client.post(f"{path}/apple", headers={"content-length": "4000000"}),
    }
    site.upstream.shutdown()
    site.upstream.server_close()
    answers[502] = site.client.get(path)
    for status, answer in answers.items():
        assert answer.status_code == status
        assert answer.headers.get_list("cache-control") == ["no-store, private"]
        assert answer.headers.get_list("referrer-policy") == ["no-referrer"]


def test_the_upstream_is_told_who_calls_and_how(site: Site) -> None:
    headers = {"x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "http", "x_forwarded_for": "9.9.9.9"}
    site.client.get(f"/passes/{TOKEN}", headers=headers)
    [seen] = site.upstream.seen
    assert seen["X-Forwarded-For"] == "127.0.0.1"
    assert "x_forwarded_for" not in {name.lower() for name in seen}
    assert seen["X-Forwarded-Proto"] == "https"
    assert seen["Host"] == "127.0.0.1"


def test_pages_are_compressed_over_http_2_and_never_kept(site: Site) -> None:
    answers = [site.client.get(f"/passes/{TOKEN}") for _ in range(2)]
    assert len(site.upstream.seen) == 2
    for answer in answers:
        assert answer.http_version == "HTTP/2"
        assert answer.headers["content-encoding"] == "gzip"
        assert answer.headers["cache-control"] == "no-store, private"
    assert [*site.folder.glob("proxy/**/*.*")] == []


def test_static_files_come_without_the_upstream(site: Site) -> None:
    answer = site.client.get("/static/x.css")
    assert (answer.status_code, answer.text) == (200, "p { color: red }")
    assert answer.headers["content-type"] == "text/css"
    assert site.upstream.seen == []


def raw_request(site: Site, text: str) -> None:
    """Sends what no client would, in clear to the plain port."""
    with socket.create_connection(("127.0.0.1", site.http_port), timeout=5) as connection:
        connection.sendall(text.encode())
        connection.recv(1_000)
