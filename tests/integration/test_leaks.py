"""What a learner entrusts to the platform stands in the vault and in the credential, and nowhere else."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Mapping

import asyncpg
import pytest

from kompetenspass.core.ids import uuid7
from tests.integration.parties import (
    AWARDING_BODY,
    DEFINITION,
    VERIFIER,
    Merit,
    Parties,
    fetched,
    offered,
    planned,
)

LEARNER = {"given_name": "Zebulonia", "family_name": "Quistgårdh", "birth_date": "1907-03-19"}
PERCENTS = [91.734, 86.219]
PERSONAL = [*LEARNER.values(), "Quistg\\u00e5rdh", *map(str, PERCENTS)]
NOT_FOR_THE_LOG = re.compile(r"eyJ[A-Za-z0-9_-]{10,}|timeline/[A-Za-z0-9_-]{20,}|offers/[A-Za-z0-9_-]{20,}")


@pytest.fixture(scope="module")
def secrets(parties: Parties) -> Mapping[str, str]:
    """Play two flows, with a wallet of our own and with the hosted one; return every value that must not be found."""
    own = planned(parties, LEARNER)
    offered(parties, own, PERCENTS)
    refused(parties, own)
    fetched(parties, own)
    hosted = planned(parties, LEARNER)
    offered(parties, hosted, PERCENTS)
    account = parties.learner(uuid7())
    accepted = {"offer_uri": hosted.offer["offer_uri"], "tx_code": hosted.offer["tx_code"]}
    parties.must("wallet", "/v1/credentials", account, accepted)
    link = parties.must("wallet", "/v1/links", account, {})["url"]
    page = parties.http.get(link, follow_redirects=True)
    assert page.status_code == 200
    shown(parties, account)
    found = {**of(own, "own"), **of(hosted, "hosted"), "link": link.rpartition("/")[2]}
    found |= {"session": parties.http.cookies["kompetenspass_timeline"], "account token": account}
    asyncio.run(everything_is_read(parties))
    return {name: value for name, value in found.items() if value}


def of(merit: Merit, whose: str) -> dict[str, str]:
    """Return the secrets of one flow."""
    return {
        f"{whose} code": merit.code,
        f"{whose} tx_code": f'"{merit.offer["tx_code"]}"',
        f"{whose} reference": merit.offer["qr_svg_url"].rpartition("/offers/")[2].partition("/")[0],
        f"{whose} access token": merit.access_token,
        f"{whose} nonce": merit.nonce,
        f"{whose} holder key": merit.holder.public_jwk["x"] if merit.credential else "",
        f"{whose} credential": merit.credential.partition(".")[2].partition(".")[0],
        f"{whose} signature": merit.credential.partition("~")[0].rpartition(".")[2],
    }


def refused(parties: Parties, merit: Merit) -> None:
    """Make refusals that come near the secrets: a wrong transaction code, a used nonce, bodies that are wrong."""
    provider = parties.token("org:skelleftea-vux", "provider")
    plan = {"definition_id": DEFINITION, "route": "course", "learner": LEARNER}
    issuer = f"/issuers/{AWARDING_BODY.removeprefix('org:')}"
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:pre-authorized_code", "pre-authorized_code": merit.code}
    for answer in (
        parties.ask("post", "issuance", "/v1/achievements", provider, json=plan | {"route": "Zebulonia"}),
        parties.ask("post", "issuance", "/v1/achievements", provider, json=plan | {"learner": LEARNER | {"x": 1}}),
        parties.ask("post", "issuance", "/v1/achievements", provider, json=plan | {"definition_id": "no-such"}),
        parties.ask("post", "issuance", f"{issuer}/token", data=grant | {"tx_code": "000000"}),
        parties.ask("post", "issuance", f"{issuer}/token", data=grant | {"client_id": "Zebulonia"}),
        parties.ask("post", "issuance", f"{issuer}/credential", merit.code, json=LEARNER),
        parties.ask("post", "wallet", "/v1/credentials", provider, json={"offer_uri": merit.offer["offer_uri"]}),
    ):
        assert answer.status_code >= 400
        assert not [value for value in (*PERSONAL, merit.code) if value in answer.text], answer.text


def shown(parties: Parties, account: str) -> None:
    """Let the hosted wallet show a credential to an employer, who reads the claims."""
    asyncio.run(everything_is_read(parties))
    verifier = parties.token(VERIFIER, "verifier")
    wanted = {"definition_id": DEFINITION, "claims": [["given_name"], ["family_name"]]}
    request = parties.must("verification", "/v1/requests", verifier, wanted)
    outcome = parties.must("wallet", "/v1/presentations", account, {"uri": request["uri"]})
    assert outcome["outcome"] == "accepted", outcome
    path = f"/v1/requests/{request['request_id']}"
    verdict = parties.ask("get", "verification", path, verifier).json()["verdict"]
    assert LEARNER["given_name"] in json.dumps(verdict["claims"], ensure_ascii=False)
    assert "claims" not in parties.ask("get", "verification", path, verifier).json()["verdict"], "claims are read once"


async def everything_is_read(parties: Parties) -> None:
    """Return when the wallet has read what issuance has said."""
    head = len(await parties.platform.log_of("issuance"))
    for service in ("wallet", "registry", "verification"):
        parties.reached(service, f"issuance={head}")


def found_in(text: str, secrets: Mapping[str, str]) -> list[str]:
    """Return the names of what stands in a text that must not hold any of it."""
    names = [name for name, value in secrets.items() if value in text]
    return names + [value for value in PERSONAL if value in text]


async def test_the_logs_hold_none_of_it(parties: Parties, secrets: Mapping[str, str]) -> None:
    for owner in parties.urls:
        for row in await parties.platform.rows(owner, f"SELECT stream, type, data FROM {owner}_log.log"):
            assert found_in(" ".join(map(str, row)), secrets) == []


async def test_no_table_holds_any_of_it_in_the_clear(parties: Parties, secrets: Mapping[str, str]) -> None:
    dsn = parties.platform.dsn("wallet").replace("//wallet@", "//postgres@")
    connection = await asyncpg.connect(dsn)
    looked_at = 0
    try:
        tables = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^(pg_|information)'"
        )
        for (table,) in tables:
            for (row,) in await connection.fetch(f"SELECT row_to_json(t)::text FROM {table} t"):
                looked_at += 1
                assert found_in(readable(row), secrets) == [], table
    finally:
        await connection.close()
    assert looked_at > 100


def readable(row: str) -> str:
    """Return a row's text, as it is and without the backslashes of quoted text, and what its bytes would be as text."""
    parts = [bytes.fromhex(hexed).decode("utf-8", "replace") for hexed in re.findall(r"\\\\x((?:[0-9a-f]{2})+)", row)]
    return " ".join([row, row.replace("\\\\", "\\").replace('\\"', '"'), *parts])


def test_what_the_process_prints_holds_none_of_it(parties: Parties, secrets: Mapping[str, str]) -> None:
    for line in (parties.platform.folder / "services.log").read_text().splitlines():
        assert found_in(line, secrets) == [], line
        assert not NOT_FOR_THE_LOG.search(line), line
        if line.startswith("{"):
            assert "trace_id" in line or json.loads(line)["event"] not in ("request_refused", "request_failed"), line


def test_the_reference_of_a_learner_stays_inside(parties: Parties) -> None:
    merit = planned(parties, LEARNER)
    offered(parties, merit, PERCENTS, tx_code=False)
    fetched(parties, merit)
    header, claims, *disclosures = re.split(r"[.~]", merit.credential)
    opened_parts = [base64.urlsafe_b64decode(part + "==") for part in (header, claims, *disclosures[1:])]
    assert not [part for part in opened_parts if merit.learner_ref.encode() in part]
    assert merit.learner_ref not in json.dumps(merit.offer)
    reference = merit.offer["qr_svg_url"].removesuffix("/qr.svg").removeprefix(parties.urls["issuance"])
    assert merit.learner_ref not in parties.ask("get", "issuance", reference).text
    parties.reached("registry", f"issuance={len(asyncio.run(parties.platform.log_of('issuance')))}")
    own = parties.ask(
        "get", "registry", f"/v1/credentials/{merit.credential_id}", parties.token(AWARDING_BODY, "issuer")
    )
    assert own.status_code == 200
    assert merit.learner_ref not in own.text
