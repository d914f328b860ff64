"""The page of pathways and its routes: for the learner only, well-formed, escaped, without script or style."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from uuid import UUID

import httpx2
import pytest

from kompetenspass.embedded.tokens import DevelopmentTokenIssuer
from kompetenspass.events.base import Event
from services.wallet.tests.conftest import Owners, waiting
from services.wallet.tests.facts import definition
from services.wallet.tests.stack_facts import (
    DUTY,
    TECHNICIAN,
    constituent,
    lapsed,
    merits,
    names,
    progressed,
    proposed,
    stack_suspended,
    stacked,
)

_VOID = {"meta", "link", "rect"}


class WellFormed(HTMLParser):
    """Follows start and end tags; `text` is what a person reads."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.names: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names += [name for name, _ in attrs]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names += [name for name, _ in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def walking(account_id: UUID) -> list[tuple[str, Event]]:
    """Return a life in which the technician's award is suspended and the duty role is one merit away."""
    parts = constituent("lock", "def-lock"), constituent("fall", "def-fall")
    return [
        *names(),
        ("def-evil", definition("def-evil", "<b>&\"'</b>", "<script>")),
        *merits(account_id),
        ("progress-tech", progressed("tech", 2, 2)),
        ("stack-tech", proposed("tech", *parts)),
        ("stack-tech", stacked("tech", *parts)),
        ("stack-tech", stack_suspended("tech", lapsed("lock", "def-lock", "suspended"))),
        ("progress-duty", progressed("duty", 1, 3, ("definition", "def-evil"), ("pathway", TECHNICIAN))),
    ]


@pytest.fixture
async def told(client: httpx2.AsyncClient, owners: Owners, learner: dict[str, str], account_id: UUID) -> None:
    positions = [await owners.state(stream, event) for stream, event in walking(account_id)]
    await client.get("/v1/pathways", headers=learner | waiting(*positions))


@pytest.fixture
async def opened(client: httpx2.AsyncClient, told: None, learner: dict[str, str]) -> None:
    await client.get((await client.post("/v1/links", headers=learner)).json()["url"])


@pytest.mark.usefixtures("told")
async def test_pathways_are_told_with_state_progress_next_and_cause(
    client: httpx2.AsyncClient, learner: dict[str, str]
) -> None:
    tech, duty = (await client.get("/v1/pathways", headers=learner)).json()["pathways"]
    assert (tech["pathway_id"], tech["state"], tech["done"], tech["total"]) == (TECHNICIAN, "suspended", 2, 2)
    assert (tech["outcome"], tech["fetched"], tech["result"]["seqf"]) == ("satisfied", False, 4)
    assert tech["cause"]["sv"] == "pausad: Lås och bryt har spärrats av utfärdaren"
    assert (duty["pathway_id"], duty["state"], duty["cause"]) == (DUTY, "in_progress", None)
    assert duty["text"]["en"] == "1 of 3, next: <script>"
    assert [(part["kind"], part["id"], part["waiting"]) for part in duty["next"]] == [
        ("definition", "def-evil", None),
        ("pathway", TECHNICIAN, "suspended"),
    ]


@pytest.mark.usefixtures("told")
async def test_the_timeline_tells_the_same_suspension_with_its_parts(
    client: httpx2.AsyncClient, learner: dict[str, str]
) -> None:
    found = (await client.get("/v1/timeline", headers=learner)).json()
    (row,) = [row for row in found["rows"] if row["kind"] == "suspended"]
    assert row["text"]["en"] == "paused: Lockout has been suspended by its issuer"
    assert row["cause"].startswith("lapse:")
    assert [(one["definition_id"], one["title"]["sv"], one["change"]) for one in row["lapsed"]] == [
        ("def-lock", "Lås och bryt", "suspended")
    ]
    (award,) = [one for one in found["credentials"] if one["stack_id"]]
    assert (award["status"], award["fetched"], award["text"]["sv"]) == ("suspended", False, row["text"]["sv"])
    assert [(part["definition_id"], part["status"]) for part in award["parts"]] == [
        ("def-lock", "valid"),
        ("def-fall", "valid"),
    ]


@pytest.mark.usefixtures("opened")
@pytest.mark.parametrize("path", ["/timeline", "/timeline/pathways"])
@pytest.mark.parametrize("language", ["sv", "en"])
async def test_the_pages_are_well_formed_escaped_and_without_script_or_style(
    client: httpx2.AsyncClient, path: str, language: str
) -> None:
    page = await client.get(f"{path}?lang={language}")
    assert (page.status_code, page.headers["content-language"]) == (200, language)
    found = WellFormed(page.text.removeprefix("<!doctype html>"))
    assert found.open == []
    assert found.tags & {"script", "style", "b"} == set()
    assert "style" not in found.names
    assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    assert {"/timeline", "/timeline/pathways"} <= {
        part.partition("?")[0].removeprefix("https://wallet.example") for part in page.text.split('"')
    }


@pytest.mark.usefixtures("opened")
async def test_the_pages_say_it_in_words(client: httpx2.AsyncClient) -> None:
    swedish = WellFormed((await client.get("/timeline/pathways")).text).text
    for words in (
        "Mina vägar",
        "pausad: Lås och bryt har spärrats av utfärdaren",
        "1 av 3, nästa: <b>&\"'</b>",
        "Drifttekniker vattenkraft (är pausad)",
        "1 av 3 delar är klara.",
        "Vad som krävs",
        "Mikromeriten Lås och bryt, giltig just nu",
    ):
        assert words in swedish
    timeline = WellFormed((await client.get("/timeline?lang=en")).text).text
    for words in ("paused: Lockout has been suspended by its issuer", "awarded, fetch it", "Rests on 2 parts, 2 hold"):
        assert words in timeline


@pytest.mark.usefixtures("told")
async def test_the_picture_is_drawn_for_the_learners_token(client: httpx2.AsyncClient, learner: dict[str, str]) -> None:
    answer = await client.get(f"/v1/pathways/{DUTY}/progress.svg?lang=en", headers=learner)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
    root = ET.fromstring(answer.text)
    assert root.findtext("{http://www.w3.org/2000/svg}title") == "On duty: 1 of 3, next: <script>"
    swedish = await client.get(f"/v1/pathways/{DUTY}/progress.svg", headers=learner)
    assert "Vakthavande" in swedish.text
    assert (await client.get("/v1/pathways/path-none/progress.svg", headers=learner)).status_code == 404


async def test_only_a_learner_has_pathways(
    client: httpx2.AsyncClient, learner: dict[str, str], tokens: DevelopmentTokenIssuer
) -> None:
    assert (await client.get("/v1/pathways", headers=learner)).json() == {"pathways": []}
    assert (await client.get("/timeline/pathways")).status_code == 410
    issuer = {"Authorization": f"Bearer {tokens.mint('org:alfa', ['issuer'], 'client-1')}"}
    for path in ("/v1/pathways", f"/v1/pathways/{DUTY}/progress.svg"):
        assert (await client.get(path)).status_code == 401
        assert (await client.get(path, headers=issuer)).status_code == 403


async def test_a_learner_without_pathways_sees_an_empty_page(
    client: httpx2.AsyncClient, learner: dict[str, str]
) -> None:
    await client.get((await client.post("/v1/links", headers=learner)).json()["url"])
    assert "Här finns inget ännu" in (await client.get("/timeline/pathways")).text
