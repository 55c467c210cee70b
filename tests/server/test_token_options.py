"""Whose tokens a server lets in, as its options say: another process, its output, its exit code and its answers."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric import ec

from tests.server.test_command_line import EXAMPLE, ROOT, run, serve, stop

JWKS = '{"keys": [{"kty": "EC", "crv": "P-256", "kid": "one", "x": "%s", "y": "%s"}]}'


@pytest.fixture
def key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def published(key: ec.EllipticCurvePrivateKey) -> str:
    """A JWKS with this key in it."""
    found = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
    return JWKS % (found["x"], found["y"])


def supabase(key: ec.EllipticCurvePrivateKey, **app_metadata: str) -> str:
    """A token as Supabase makes them."""
    claims = {
        "sub": "1b4e28ba-2fa1-4d3b-a3f5-ef19b5a7633b",
        "aud": "authenticated",
        "role": "authenticated",
        "exp": time.time() + 600,
        "app_metadata": app_metadata,
    }
    return jwt.encode(claims, key, algorithm="ES256", headers={"kid": "one"})


@pytest.mark.parametrize(
    ("jwks", "says"),
    [
        pytest.param("nowhere.json", "nowhere.json: No such file", id="a file that there is not"),
        pytest.param(".", "Is a directory", id="a folder"),
        pytest.param(str(EXAMPLE), "keys", id="a file of something else"),
        pytest.param(str(ROOT / "README.md"), "README.md", id="a file that is no JSON"),
        pytest.param("http://example.com/jwks.json", "write https://", id="http to elsewhere"),
        pytest.param("http://localhost.example.com/", "write https://", id="http to another's localhost"),
        pytest.param("ftp://localhost/jwks.json", "write https://", id="another scheme"),
        pytest.param("https://", "--jwks", id="no host"),
        pytest.param("https://here:99999/", "--jwks", id="a port that there is not"),
    ],
)
async def test_keys_that_cannot_be_read_are_one_line_and_exit_code_2(tmp_path: Path, jwks: str, says: str) -> None:
    code, out, err = await run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--jwks", jwks)

    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert says in err
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    "document", ["", "[]", '{"keys": []}', '{"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}', " " * 1_000_001]
)
async def test_a_file_without_keys_is_one_line_and_exit_code_2(tmp_path: Path, document: str) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(document)

    code, out, err = await run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), CHAIRTIME_JWKS=str(file))

    assert (code, out, len(err.strip().splitlines())) == (2, "", 1)
    assert "jwks.json" in err


async def test_no_audience_is_refused(tmp_path: Path) -> None:
    code, _, err = await run("serve", "--port", "0", "--data-dir", str(tmp_path / "data"), "--jwt-audience", " ")

    assert (code, len(err.strip().splitlines())) == (2, 1)
    assert "--jwt-audience" in err


async def test_supabase_s_tokens_are_let_in_by_a_file_and_the_data_folder_s_are_not(
    database_url: str, tmp_path: Path, key: ec.EllipticCurvePrivateKey
) -> None:
    file = tmp_path / "jwks.json"
    file.write_text(published(key))
    data = ["--data-dir", str(tmp_path / "data")]
    await run("import", str(EXAMPLE), "--database-url", database_url)
    slug = json.loads(EXAMPLE.read_text())["tenant"]["slug"]
    _, local, _ = await run("token", "--role", "admin", "--tenant", slug, *data)
    process, url = await serve(
        *data, "--database-url", database_url, "--jwks", str(file), "--jwt-audience", "authenticated chairtime"
    )

    good = await whole(url, supabase(key, tenant=slug))
    bad = await whole(url, local.strip())
    long = await whole(url, "x" * 1_000_000)
    await stop(process)

    assert good == {"data": {"tenant": {"slug": slug}}}
    assert bad == long
    assert bad["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_url_that_does_not_answer_is_a_warning_without_its_password(database_url: str, tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process, _ = await serve(
        *("--data-dir", str(tmp_path / "data"), "--database-url", database_url),
        *("--jwks", f"http://user:hidden@127.0.0.1:{port}/jwks.json"),
    )
    process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 20)

    assert "--jwks does not answer" in err.decode()
    assert f"127.0.0.1:{port}" in err.decode()
    assert "hidden" not in err.decode()
    assert "Traceback" not in err.decode()


@pytest.mark.parametrize(
    ("status", "body", "headers", "says"),
    [
        pytest.param(200, "", {}, "JWKS", id="as it should be"),
        pytest.param(503, "", {}, "status 503", id="an error"),
        pytest.param(302, "", {"Location": "/jwks.json"}, "status 302", id="a redirect"),
        pytest.param(200, "x" * 1_000_001, {}, "longer than 1,000,000 bytes", id="too much"),
        pytest.param(200, "<html>", {}, "Expecting value", id="a page"),
        pytest.param(200, '{"keys": []}', {}, "no key for RS256", id="no keys"),
    ],
)
async def test_keys_are_got_by_url_with_what_is_wrong_in_the_log(
    database_url: str,
    tmp_path: Path,
    key: ec.EllipticCurvePrivateKey,
    status: int,
    body: str,
    headers: dict[str, str],
    says: str,
) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body or published(key), headers=headers)

    application = web.Application()
    application.router.add_get("/jwks.json", answer)
    issuer = TestServer(application)
    await issuer.start_server()
    await run("import", str(EXAMPLE), "--database-url", database_url)
    slug = json.loads(EXAMPLE.read_text())["tenant"]["slug"]

    process, url = await serve(
        *("--data-dir", str(tmp_path / "data"), "--database-url", database_url, "--jwt-audience", "authenticated"),
        *("--jwks", str(issuer.make_url("/jwks.json"))),
    )
    found = await whole(url, supabase(key, tenant=slug))
    process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 20)
    err = b"".join(line for line in err.splitlines(keepends=True) if b'"event": "slow"' not in line)
    await issuer.close()

    if says == "JWKS":
        assert (found, err) == ({"data": {"tenant": {"slug": slug}}}, b"")
    else:
        assert says in err.decode()
        assert "data" not in found or found["data"] is None


async def whole(url: str, token: str) -> Any:
    """The whole answer to a question that anybody may ask, asked with a token."""
    async with (
        aiohttp.ClientSession() as http,
        http.post(
            f"{url}/graphql", json={"query": "{ tenant { slug } }"}, headers={"Authorization": f"Bearer {token}"}
        ) as response,
    ):
        assert response.status == 200
        return await response.json()
