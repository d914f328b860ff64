"""What a fresh platform needs before it can be used: keys, and then organisations, enrolments and definitions."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import yaml
from cryptography.hazmat.primitives.asymmetric import ec

from kompetenspass.embedded.pki import Kind as Leaf
from kompetenspass.keys.file import create_key, load_key, write_private
from services.laptop.five import Names

ROOT = Path(__file__).parents[2]
PILOTS = ROOT / "demo" / "pilots"
DONE = "set-up.done"
"""The file in a platform's folder that says that all services have read what the first start said."""
TOKEN_SECONDS = 12 * 3600
"""How long an access token of the laptop is valid."""
_DNS = ("localhost",)

Command = Callable[..., Awaitable[None]]
"""Runs one command of one service, and raises Problem where it is refused."""


def make_keys(names: Names) -> None:
    """Make the keys of status lists and request objects, once, with leaves of the development CA."""
    for service, leaf, name, subject in (
        ("registry", Leaf.STATUS, "status", "Kompetenspass registry (demo)"),
        ("verification", Leaf.REQUEST_OBJECT, "request_object", "Kompetenspass verification (demo)"),
    ):
        folder = names.folder / service
        folder.mkdir(mode=0o700, exist_ok=True)
        chain = folder / f"{name}.chain.pem"
        if not chain.exists():
            chain.write_text(names.ca.issue(leaf, subject, (), _key(folder, name), san_dns=_DNS))


async def set_up(names: Names, command: Command, say: Callable[[str], object]) -> None:
    """Bring a fresh platform to life by the services' own commands, in their order; nothing once it is `DONE`."""
    if (names.folder / DONE).exists():
        return
    say("First start: organisations, issuer keys, definitions")
    await command("registry", "import", str(PILOTS))
    slugs = issuers()
    with _token_file(names, slugs) as tokens:
        await command("issuance", "keys", "enrol", *slugs, "--token-file", str(tokens))
    await command("catalog", "import", str(PILOTS))


def token_of(names: Names, slug: str, role: str) -> str:
    """Return an access token for one organisation in one role."""
    return names.tokens.mint(f"org:{slug}", [role], f"{slug}:{role}", TOKEN_SECONDS)


def issuers() -> list[str]:
    """Return the slugs of the pilots' organisations that issue."""
    content = yaml.safe_load((PILOTS / "00_organisations.yaml").read_text(encoding="utf-8"))
    return [each["slug"] for each in content["organisations"] if "issuer" in each["roles"]]


@contextlib.contextmanager
def _token_file(names: Names, slugs: list[str]) -> Iterator[Path]:
    """Return a file with each issuer's token, a line each; it is gone after the block."""
    path = names.folder / "issuer-tokens"
    path.unlink(missing_ok=True)
    write_private(path, "\n".join(token_of(names, slug, "issuer") for slug in slugs).encode())
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _key(folder: Path, name: str) -> ec.EllipticCurvePublicKey:
    path = folder / f"{name}.key.pem"
    return load_key(path).public_key() if path.exists() else create_key(path)
