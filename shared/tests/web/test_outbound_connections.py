"""The outbound client's connections: where they go, and for whom they serve. Real sockets on loopback."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kompetenspass.core.clock import system_clock
from kompetenspass.core.errors import Problem
from kompetenspass.web.connections import Checked
from kompetenspass.web.outbound import Outbound

HERE, NOBODY = "127.0.0.1", "127.0.0.2"


def certified(folder: Path, name: str) -> Path:
    """Return a file with a key and its own certificate, for one name."""
    key, now = ec.generate_private_key(ec.SECP256R1()), system_clock()
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    certificate = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    file = folder / f"{name}.pem"
    file.write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain) + certificate)
    return file


class Server:
    """Answers every request with the name under which it was asked, and counts connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while asked := await reader.readuntil(b"\r\n\r\n"):
                name = asked.lower().partition(b"\r\nhost: ")[2].partition(b"\r\n")[0]
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(name), name))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side has closed
        finally:
            writer.close()


@asynccontextmanager
async def serving(file: Path | None = None) -> AsyncIterator[Server]:
    server, trust = Server(), None
    if file:
        trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        trust.load_cert_chain(file)
    listening = await asyncio.start_server(server.serve, HERE, 0, ssl=trust)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        await listening.wait_closed()


async def both(_host: str, _port: int) -> Sequence[str]:
    return [NOBODY, HERE]


async def test_another_address_of_the_host_is_tried_when_one_does_not_answer() -> None:
    async with serving() as server, Outbound(allow_loopback=True, resolver=both) as outbound:
        answer = await outbound.get(f"http://issuer.localhost:{server.port}/")
        assert answer.body == f"issuer.localhost:{server.port}".encode()


async def test_another_address_of_the_host_is_tried_when_one_is_silent() -> None:
    async with serving() as server:
        with socket.socket() as silent, socket.socket() as first:
            silent.bind((NOBODY, server.port))
            silent.listen(0)
            first.connect((NOBODY, server.port))  # nobody else is let in
            stream = await Checked(both).connect_tcp("issuer.localhost", server.port, timeout=0.5)
            assert stream.get_extra_info("server_addr")[0] == HERE
            await stream.aclose()


async def test_a_connection_is_used_again_for_the_same_name() -> None:
    async with serving() as server, Outbound(allow_loopback=True, resolver=both) as outbound:
        for _ in range(3):
            await outbound.get(f"http://issuer.localhost:{server.port}/")
        assert server.connections == 1


async def test_a_connection_serves_no_other_name_whose_certificate_was_not_seen(tmp_path: Path) -> None:
    """Although both names lead to the same address and port, and a connection to it is open."""
    file = certified(tmp_path, "one.localhost")
    async with serving(file) as server, Outbound(allow_loopback=True, resolver=both, ca_file=file) as outbound:
        assert (await outbound.get(f"https://one.localhost:{server.port}/")).status == 200
        with pytest.raises(Problem, match="upstream_unavailable"):
            await outbound.get(f"https://two.localhost:{server.port}/")
        assert (await outbound.get(f"https://one.localhost:{server.port}/")).status == 200


async def test_a_name_that_leads_elsewhere_by_the_time_of_connecting_is_refused() -> None:
    """It is the lookup of the connection that counts, not one before it."""
    answers = iter([["93.184.215.14"], ["10.0.0.1"]])

    async def changing(_host: str, _port: int) -> Sequence[str]:
        return next(answers)

    async with Outbound(resolver=changing) as outbound:
        with pytest.raises(Problem, match="address_refused"):
            await outbound.get("https://sneaky.example/")
