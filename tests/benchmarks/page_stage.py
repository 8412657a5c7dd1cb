"""What the benchmark of the status page needs: many credentials, a bare view, a server, and wrk."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

ROOT = Path(__file__).resolve().parent.parent.parent

# Tokens made of numbers, so that the database and wrk make the same ones: hexadecimal is Crockford's base 32.
FILL = """
INSERT INTO credentials_account (id, slug, name, contact_email, created_at)
    VALUES (1, 'bench', 'Bench', '', now());
INSERT INTO credentials_credentialtype (id, account_id, label, slug, apple_enabled, google_enabled,
        apple_pass_type_identifier, style, transit_type, organization_name, description, logo_text,
        background_color, foreground_color, label_color, fields, barcode_format, barcode_alt_text,
        nfc_public_key, nfc_requires_authentication, sharing_prohibited, user_info, localizations, version,
        refreshed_version, created_at, updated_at)
    VALUES (1, 1, 'Membership', 'membership', true, true, '', 'generic', '', '', '', 'Bench', '#1f2937',
        '#ffffff', '#d1d5db', '[]', 'qr', false, '', false, true, '{{}}', '{{}}', 1, 1, now(), now());
INSERT INTO credentials_person (id, account_id, first_name, last_name, email, system_id, enabled, created_at,
        updated_at)
    SELECT n, 1, 'Ada', 'Lovelace', '', '', true, now(), now() FROM generate_series(1, {rows}) AS n;
INSERT INTO credentials_credential (id, public_id, account_id, person_id, credential_type_id, state, sequence,
        created_at, invited_at)
    SELECT n, 'c' || n, 1, n, 1, 'invited', 1, now(), now() FROM generate_series(1, {rows}) AS n;
INSERT INTO credentials_redemptionurl (credential_id, digest, created_at)
    SELECT n, sha256(lpad(to_hex(n), 26, '0')::bytea), now() FROM generate_series(1, {rows}) AS n;
"""

# Every URL is opened from an address of its own: the limits count, and let each of them through, and nobody
# opens one from so many networks that it looks suspicious.
SCRIPT = """
local urls, seed = tonumber(os.getenv("BENCH_URLS")), tonumber(os.getenv("BENCH_SEED"))
local path = os.getenv("BENCH_PATH")
function init(args) math.randomseed(seed + tonumber(tostring(wrk.thread):match("%x+$"), 16) % 100000) end
function request()
  local number = math.random(1, urls)
  local address = string.format("10.%d.%d.%d", number / 65536 % 256, number / 256 % 256, number % 256)
  local token = string.format("%026x", number)
  return wrk.format("GET", string.gsub(path, "TOKEN", token), {["X-Forwarded-For"] = address})
end
function done(summary, latency, requests)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout
  io.write(string.format("RESULT %f %f %d\\n", summary.requests / summary.duration * 1e6,
    latency:percentile(95) / 1000, failed))
end
"""


def bare(request: HttpRequest, token: str) -> HttpResponse:
    """GET nothing in particular, behind the same middleware and headers."""
    return HttpResponse("hello")


# The whole site, with the bare view beside the pages.
urlpatterns = [path("passes/<str:token>/bare", bare), path("", include("passflow.urls"))]


@dataclass(frozen=True)
class Load:
    """What wrk measured: requests per second, and the 95th percentile in milliseconds."""

    rate: float
    p95: float


@contextmanager
def database(server: str, *, rows: int) -> Iterator[str]:
    """The address of a database with so many credentials, dropped at the end."""
    name = f"passflow_bench_{os.getpid()}_{rows}"
    base = server.rpartition("/")[0]
    with psycopg.connect(f"{base}/postgres", autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        try:
            address = f"{base}/{name}"
            environment = {**os.environ, "DATABASE_URL": address}
            migrate = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
            subprocess.run(migrate, cwd=ROOT, env=environment, check=True)
            _fill(address, rows=rows)
            yield address
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def site(address: str) -> Iterator[int]:
    """The port of a production server on that database: two workers of one thread each."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as var:
        environment = {
            **os.environ,
            "DATABASE_URL": address,
            "PASSFLOW_VAR_DIR": var,
            "PASSFLOW_TRUSTED_PROXIES": "1",
            "PASSFLOW_BASE_URL": f"http://127.0.0.1:{port}",
        }
        command = [
            *(str(Path(sys.executable).with_name("granian")), "--interface", "wsgi", "--host", "127.0.0.1"),
            *("--port", str(port), "--workers", "2", "--blocking-threads", "1", "--no-ws", "--no-access-log"),
            "tests.benchmarks.page_site:application",
        ]
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)
        try:
            _await(port)
            yield port
        finally:
            server.terminate()
            server.wait(timeout=30)


def load(port: int, *, path: str, urls: int, seconds: int) -> Load:
    """What wrk gets in so many seconds over 32 connections. Raises `RuntimeError` when requests fail."""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT)
        script.flush()
        environment = {
            **os.environ,
            "BENCH_PATH": path,
            "BENCH_URLS": str(urls),
            "BENCH_SEED": str(time.monotonic_ns() % 10**6),
        }
        command = [
            "wrk",
            *("-t", "1", "-c", "32", "-d", f"{seconds}s", "--timeout", "30s", "-s", script.name),
        ]
        ran = subprocess.run(
            [*command, f"http://127.0.0.1:{port}"],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
    rate, p95, failed = ran.stdout.partition("RESULT ")[2].split()
    if int(failed):
        raise RuntimeError(f"{failed} requests to {path} failed:\n{ran.stdout}")
    return Load(float(rate), float(p95))


def _fill(address: str, *, rows: int) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        # Foreign keys of rows that are made in order need not be looked up one by one.
        connection.execute("SET session_replication_role = replica")
        for statement in FILL.format(rows=rows).split(";\n"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("VACUUM ANALYZE")


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the server did not start")
