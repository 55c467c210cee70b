"""The files in ops/deploy: that they say what docs/deploy.md says, and that the programs they are for accept them."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
import yaml
from aiohttp.test_utils import unused_port

from cache.counts import Counts
from cache.rates import Rates
from ops import running
from ops.callers import Addresses
from ops.cluster import SERVER
from ops.guard import Guard
from resolvers.app import Limits
from tests.conftest import TOKENS, Served

if TYPE_CHECKING:
    from resolvers.app import App
    from tests.conftest import Salon

OPTIONS = SERVER.parent / "ops" / "options.py"
DEPLOY = SERVER.parent / "ops" / "deploy"
NGINX, UNIT, COMPOSE = (DEPLOY / name for name in ("nginx.conf", "chairtime.service", "compose.yaml"))
DRAIN_MAX_S = 10


def options() -> set[str]:
    """Those of `serve`, and the variables that they are read from."""
    told = subprocess.run(
        [sys.executable, SERVER, "serve", "--help"], capture_output=True, text=True, check=True
    ).stdout
    return {*re.findall(r"--[a-z][a-z-]+", told), *re.findall(r'"(CHAIRTIME_[A-Z_]+)"', OPTIONS.read_text())}


@pytest.mark.parametrize("file", [UNIT, COMPOSE, SERVER.parent / "docs" / "deploy.md"], ids=lambda file: file.name)
def test_every_option_that_is_written_there_exists(file: Path) -> None:
    text = "\n".join(line for line in file.read_text().splitlines() if "server.py serve" in line or "ExecStart" in line)
    variables = re.findall(r"\bCHAIRTIME_[A-Z_]+", file.read_text())

    assert set(re.findall(r"--[a-z][a-z-]+", text)) - options() == set()
    assert set(variables) - options() - {"CHAIRTIME_JWT_SECRET"} == set()


def test_nginx_lets_through_what_the_server_needs() -> None:
    text = NGINX.read_text()

    assert "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;" in text
    assert "proxy_set_header Upgrade $http_upgrade;" in text
    assert "proxy_buffering off;" in text
    assert f"client_max_body_size {Limits().body_bytes // 1000}k;" in text


@pytest.fixture
def nginx(tmp_path: Path) -> Nginx:
    """nginx with its file, a certificate of the test's own, and everything it writes in the test's folder."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("there is no nginx here, and none on PyPI; .ci/run fetches Debian's")
    key, certificate = tmp_path / "privkey.pem", tmp_path / "fullchain.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=salon.example", "-days", "2"]
    subprocess.run([*command, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    temporary = " ".join(
        f"{one}_temp_path {tmp_path}/{one};" for one in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = NGINX.read_text().replace("/etc/chairtime/tls", str(tmp_path)).replace("/run/nginx.pid", f"{tmp_path}/pid")
    return Nginx(program, tmp_path, text.replace("server_tokens off;", f"server_tokens off; {temporary}"))


@dataclass
class Nginx:
    program: str
    folder: Path
    text: str

    def command(self) -> list[str | Path]:
        (self.folder / "nginx.conf").write_text(self.text)
        return [self.program, "-p", self.folder, "-e", "stderr", "-c", self.folder / "nginx.conf"]


def test_nginx_accepts_its_file(nginx: Nginx) -> None:
    found = subprocess.run([*nginx.command(), "-t"], check=False, capture_output=True, text=True)

    assert found.returncode == 0, found.stderr
    assert "warn" not in found.stderr


async def test_behind_nginx_a_client_is_who_connects_and_websockets_work(nginx: Nginx, app: App, salon: Salon) -> None:
    rates = Rates(read="4/hour", write="4/hour", tenant="100/hour", counts=Counts())
    guard = Guard(rates, Addresses([ip_network("127.0.0.1/32")]))
    server = Served(running.application(app, TOKENS, plans=True, guard=guard))
    await server.start_server()
    tls, plain = unused_port(), unused_port()
    text = nginx.text.replace("127.0.0.1:8000", f"127.0.0.1:{server.port}").replace(
        "listen 80 ", f"listen 127.0.0.1:{plain} "
    )
    nginx.text = text.replace("listen 443 ", f"listen 127.0.0.2:{tls} ")
    process = await asyncio.create_subprocess_exec(
        *nginx.command(), "-g", "daemon off;", stderr=asyncio.subprocess.DEVNULL
    )
    url = f"https://127.0.0.2:{tls}/graphql"
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False, local_addr=("127.0.0.3", 0))
        ) as http:
            await _until_it_listens("127.0.0.2", tls)
            async with http.ws_connect(url, protocols=["graphql-transport-ws"], origin="https://127.0.0.2") as ws:
                await ws.send_json({"type": "connection_init"})
                acknowledged = await ws.receive_json(timeout=5)
            statuses = []
            for n in range(4):
                lie = {"X-Forwarded-For": f"203.0.113.{n}"}
                async with http.post(url, json={"query": "{ tenant { slug } }"}, headers=lie) as response:
                    statuses.append(response.status)
            async with http.get(url.replace("graphql", "metrics")) as response:
                statuses.append(response.status)
    finally:
        process.terminate()
        await process.wait()
        await server.close()

    assert acknowledged["type"] == "connection_ack"
    assert statuses == [200, 200, 200, 429, 404]  # the handshake was the first of four


async def _until_it_listens(host: str, port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection(host, port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return


def test_the_compose_file_is_whole() -> None:
    found = yaml.safe_load(COMPOSE.read_text())

    assert found["services"].keys() == {"postgres", "redis", "chairtime"}
    assert found["services"]["chairtime"]["depends_on"].keys() <= found["services"].keys()
    assert "--host 0.0.0.0" in found["services"]["chairtime"]["command"]
    assert found["services"]["chairtime"]["ports"] == ["127.0.0.1:8000:8000"]


def test_the_unit_gives_the_server_time_to_drain() -> None:
    found = re.search(r"^TimeoutStopSec=(\d+)$", UNIT.read_text(), re.MULTILINE)

    assert found is not None
    assert int(found[1]) > DRAIN_MAX_S
