"""An issuer and a verifier as one writes them from the documentation of well-known libraries, and no more thought.

FastAPI with pydantic models in and out, joserfc for the proof, sd-jwt for the credential and the presentation, an ORM
session that is committed once a request. They do the same protocol work as ours: the access token and the nonce are
looked up and spent, the proof is verified, a status index drawn, the credential signed, an event stored before the
answer; a request is looked up, chain, signature, disclosures, key binding and status are verified, a verdict stored.
Left out, which makes them cheaper than they would be: trust at award time, the vault, conflicts, traces, log lines.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Form, Header, HTTPException, Request
from joserfc import jwt
from joserfc.jwk import ECKey
from jwcrypto.jwk import JWK
from pydantic import BaseModel
from sd_jwt.common import SDObj
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier
from sqlalchemy import JSON, make_url, text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from bench.peers.naive_trust import Trust
from kompetenspass.core.ids import uuid7
from kompetenspass.openid import mikromerit

ISSUER = "https://naive.example"
CLIENT_ID = "x509_san_dns:naive.example"
SCHEMA = "naive"
_LIST_SIZE = 2**20
_AT_ONCE = 32  # requests, as the driver sends them: none opens a connection to the database of its own


class Base(DeclarativeBase):
    """The tables of both."""

    type_annotation_map = {dict[str, Any]: JSON}  # noqa: RUF012  as SQLAlchemy has it


class Grant(Base):
    """An access token, and the claims it is for."""

    __tablename__ = "grants"

    access_token: Mapped[str] = mapped_column(primary_key=True)
    claims: Mapped[dict[str, Any]]


class Nonce(Base):
    """A c_nonce that may be used once."""

    __tablename__ = "nonces"

    value: Mapped[str] = mapped_column(primary_key=True)


class PresentationRequest(Base):
    """What a verifier has asked for."""

    __tablename__ = "requests"

    id: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[str]
    state: Mapped[str]


class Event(Base):
    """A fact."""

    __tablename__ = "events"

    id: Mapped[str] = mapped_column(primary_key=True, default=lambda: str(uuid7()))
    type: Mapped[str]
    data: Mapped[dict[str, Any]]


class Proofs(BaseModel):
    """The proofs of a credential request."""

    jwt: list[str]


class CredentialRequest(BaseModel):
    """A credential request."""

    credential_configuration_id: str
    proofs: Proofs


class Credential(BaseModel):
    """One issued credential."""

    credential: str


class CredentialResponse(BaseModel):
    """The answer to a credential request."""

    credentials: list[Credential]


class DirectPostResponse(BaseModel):
    """The answer to a presentation."""

    redirect_uri: str | None = None


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    """Yield a session for one request."""
    async with request.app.state.sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


def create_app(dsn: str, key: Path, chain: Path, anchors: Path, status_token: Path) -> FastAPI:
    """Return the application: its tables are made when it starts."""
    place = {"server_settings": {"search_path": SCHEMA}}
    engine = create_async_engine(
        make_url(dsn).set(drivername="postgresql+asyncpg"), connect_args=place, pool_size=_AT_ONCE
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
            await connection.run_sync(Base.metadata.create_all)
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    trust = Trust.read(anchors, chain, status_token)
    app.include_router(issuing(JWK.from_pem(key.read_bytes()), trust.x5c))
    app.include_router(verifying(trust))
    return app


def issuing(issuer_key: JWK, x5c: list[str]) -> APIRouter:
    """Return the credential endpoint."""
    router = APIRouter()

    @router.post("/credential", response_model=CredentialResponse)
    async def credential(
        body: CredentialRequest, authorization: Annotated[str, Header()], db: Session
    ) -> CredentialResponse:
        grant = await db.get(Grant, authorization.removeprefix("Bearer "))
        if grant is None:
            raise HTTPException(401, "invalid_token")
        holders, nonces = zip(*map(_checked_proof, body.proofs.jwt), strict=True)
        for value in set(nonces):
            nonce = await db.get(Nonce, value)
            if nonce is None:
                raise HTTPException(400, "invalid_nonce")
            await db.delete(nonce)
        credentials = [_issued(grant.claims, issuer_key, holder, x5c) for holder in holders]
        await db.delete(grant)
        db.add_all(
            Event(type="CredentialIssued", data={"digest": sha256(one.encode()).hexdigest()}) for one in credentials
        )
        await db.commit()
        return CredentialResponse(credentials=[Credential(credential=one) for one in credentials])

    return router


def verifying(trust: Trust) -> APIRouter:
    """Return the endpoint for answers to a verifier's requests."""
    router = APIRouter()

    @router.post("/responses/{request_id}", response_model=DirectPostResponse)
    async def response(
        request_id: str, vp_token: Annotated[str, Form()], state: Annotated[str, Form()], db: Session
    ) -> DirectPostResponse:
        asked = await db.get(PresentationRequest, request_id)
        if asked is None or asked.state != state:
            raise HTTPException(404, "unknown request")
        for presentations in json.loads(vp_token).values():
            for presentation in presentations:
                _check_presentation(presentation, asked.nonce, trust)
        await db.delete(asked)
        db.add(Event(type="PresentationVerified", data={"request_id": request_id}))
        await db.commit()
        return DirectPostResponse()

    return router


def _checked_proof(proof: str) -> tuple[dict[str, Any], str]:
    """Return the holder's key and the nonce of a proof that holds."""
    token = jwt.decode(proof, lambda parsed: ECKey.import_key(parsed.headers()["jwk"]), algorithms=["ES256"])
    if token.header.get("typ") != "openid4vci-proof+jwt":
        raise HTTPException(400, "invalid_proof")
    registry = jwt.JWTClaimsRegistry(aud={"essential": True, "value": ISSUER}, iat={"essential": True})
    registry.validate(token.claims)
    return token.header["jwk"], token.claims["nonce"]


def _issued(claims: dict[str, Any], key: JWK, holder: dict[str, Any], x5c: list[str]) -> str:
    status = {"status_list": {"idx": secrets.randbelow(_LIST_SIZE), "uri": claims["status"]["status_list"]["uri"]}}
    full = {**claims, "iss": ISSUER, "jti": f"urn:uuid:{uuid7()}", "status": status}
    marked = {SDObj(name) if (name,) in mikromerit.DISCLOSABLE else name: value for name, value in full.items()}
    header = {"typ": "dc+sd-jwt", "x5c": x5c}
    return str(
        SDJWTIssuer(marked, key, JWK.from_json(json.dumps(holder)), extra_header_parameters=header).sd_jwt_issuance
    )


def _check_presentation(presentation: str, nonce: str, trust: Trust) -> None:
    claims = SDJWTVerifier(presentation, trust.issuer_key, CLIENT_ID, nonce).get_verified_payload()
    if not trust.is_valid(claims["status"]["status_list"]):
        raise HTTPException(400, "revoked")
