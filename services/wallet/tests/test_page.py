"""The page: links that open once, a cookie, both languages, no script; and the JSON beside it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import httpx2
import pytest

from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.testing.clock import NOON, FixedClock
from services.wallet.tests.conftest import BASE, Owners, waiting
from services.wallet.tests.facts import everything


@pytest.fixture
async def link(client: httpx2.AsyncClient, owners: Owners, learner: dict[str, str], account_id: UUID) -> str:
    positions = [await owners.state(stream, event) for stream, event in everything(account_id)]
    await client.get("/v1/timeline", headers=learner | waiting(*positions))
    answer = await client.post("/v1/links", headers=learner)
    assert answer.status_code == 201
    url: str = answer.json()["url"]
    assert url.startswith(f"{BASE}/timeline/")
    return url


async def test_a_link_opens_the_page_once(client: httpx2.AsyncClient, link: str) -> None:
    opened = await client.get(link)
    assert (opened.status_code, opened.headers["location"]) == (303, f"{BASE}/timeline")
    cookie = opened.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "secure" in cookie
    assert "samesite=lax" in cookie
    page = await client.get("/timeline")
    assert page.status_code == 200
    client.cookies.clear()
    again = await client.get(link)
    assert again.status_code == 410
    assert "Länken gäller inte längre" in again.text


async def test_looking_at_a_link_without_opening_it_does_not_use_it_up(client: httpx2.AsyncClient, link: str) -> None:
    assert (await client.head(link)).status_code == 200
    assert (await client.get(link)).status_code == 303


async def test_a_link_that_is_too_old_opens_nothing(client: httpx2.AsyncClient, link: str, clock: FixedClock) -> None:
    clock.advance(timedelta(seconds=601))
    assert (await client.get(link)).status_code == 410


async def test_the_page_closes_when_its_session_is_over(
    client: httpx2.AsyncClient, link: str, clock: FixedClock
) -> None:
    await client.get(link)
    clock.advance(timedelta(seconds=3601))
    assert (await client.get("/timeline")).status_code == 410


async def test_a_merit_is_shown_with_the_last_day_on_which_it_holds(client: httpx2.AsyncClient, link: str) -> None:
    await client.get(link)
    last = (NOON + timedelta(days=399)).date().isoformat()
    assert f'datetime="{last}"' in (await client.get("/timeline")).text


async def test_the_page_tells_the_story_in_both_languages(client: httpx2.AsyncClient, link: str) -> None:
    await client.get(link)
    swedish = await client.get("/timeline")
    assert swedish.headers["content-language"] == "sv"
    for words in (
        '<html lang="sv">',
        "Ord och begrepp",
        "Alfa kommun",
        "Återkallades",
        "Oriktiga uppgifter",
        "Gick ut",
    ):
        assert words in swedish.text
    english = await client.get("/timeline", headers={"Accept-Language": "en"})
    for words in (
        '<html lang="en">',
        "Words and concepts",
        "Alfa municipality",
        "Was revoked",
        "Incorrect information",
    ):
        assert words in english.text
    assert '<html lang="sv">' in (await client.get("/timeline?lang=sv", headers={"Accept-Language": "en"})).text


async def test_the_page_runs_no_script_and_loads_only_its_stylesheet(client: httpx2.AsyncClient, link: str) -> None:
    await client.get(link)
    page = await client.get("/timeline")
    assert "<script" not in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert page.headers["cache-control"] == "no-store"
    style = await client.get("/timeline.css")
    assert (style.status_code, style.headers["content-type"]) == (200, "text/css; charset=utf-8")


async def test_a_learner_without_credentials_sees_an_empty_page(
    client: httpx2.AsyncClient, learner: dict[str, str]
) -> None:
    assert (await client.get("/v1/timeline", headers=learner)).json() == {"rows": [], "credentials": [], "shares": []}
    url = (await client.post("/v1/links", headers=learner)).json()["url"]
    await client.get(url)
    assert "Här finns inget ännu" in (await client.get("/timeline")).text


async def test_only_a_learner_has_a_timeline(client: httpx2.AsyncClient, tokens: DevelopmentTokenIssuer) -> None:
    assert (await client.get("/v1/timeline")).status_code == 401
    issuer = {"Authorization": f"Bearer {tokens.mint('org:alfa', ['issuer'], 'client-1')}"}
    assert (await client.get("/v1/timeline", headers=issuer)).status_code == 403
    nobody = {"Authorization": f"Bearer {tokens.mint('learner', ['learner'], 'not-an-account')}"}
    assert (await client.get("/v1/timeline", headers=nobody)).status_code == 404
