"""GET /v1/events: pages, cursors, times, long poll, formats, and who sees what."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx2
import pytest

from kompetenspass.core.clock import rfc3339
from kompetenspass.core.errors import Problem
from kompetenspass.subscriptions.places import Places
from kompetenspass.testing.subscribed import Rig, granted, revoked
from kompetenspass.testing.waiting import until

JSON = {"Accept": "application/json"}


async def page(rig: Rig, headers: dict[str, str] | None = None, **asked: Any) -> dict[str, Any]:
    answer = await rig.client.get("/v1/events", params=asked, headers=JSON | (headers or {}))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found | {"after": int(found["cursor"].partition(".")[0])}


def positions(found: dict[str, Any]) -> list[int]:
    return [int(event["position"]) for event in found["events"]]


async def test_a_batch_of_cloudevents_and_a_link_to_the_next(rig: Rig) -> None:
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"), granted("org:a", "creator"))
    answer = await rig.client.get("/v1/events", params={"limit": 2})
    assert answer.headers["content-type"] == "application/cloudevents-batch+json"
    assert [event["position"] for event in answer.json()] == ["1", "2"]
    assert answer.json()[0]["specversion"] == "1.0"
    following = answer.headers["link"].partition(">")[0].removeprefix("<")
    assert [event["position"] for event in (await rig.client.get(following)).json()] == ["3"]


async def test_what_is_hidden_moves_the_cursor(rig: Rig) -> None:
    await rig.state("status-1", revoked())
    await rig.state("org-a", granted("org:a"))
    await rig.state("status-2", revoked())
    found = await page(rig)
    assert (positions(found), found["after"], found["ended"]) == ([2], 3, True)
    found = await page(rig, rig.by("org:b", "statistics_consumer"))
    assert (positions(found), found["after"]) == ([1, 2, 3], 3)


async def test_without_the_role_a_token_shows_what_everybody_sees(rig: Rig) -> None:
    await rig.state("status-1", revoked())
    assert positions(await page(rig, rig.by("org:b", "provider"))) == []
    asked = {"audience": "partner"}
    for headers, status in [({}, 403), (rig.by("org:b", "provider"), 403), ({"Authorization": "Bearer x"}, 401)]:
        answer = await rig.client.get("/v1/events", params=asked, headers=headers)
        assert answer.status_code == status
    assert positions(await page(rig, rig.by("org:b", "relying_party"), audience="public")) == []


async def test_types_are_chosen(rig: Rig) -> None:
    await rig.state("org-a", granted("org:a"))
    assert positions(await page(rig, type="registry.RoleWithdrawn.v1")) == []
    assert positions(await page(rig, type="registry.RoleWithdrawn.v1,registry.RoleGranted.v1")) == [1]
    assert positions(await page(rig, type=["registry.RoleWithdrawn.v1", "registry.RoleGranted.v1,", ""])) == [1]
    assert positions(await page(rig, type="")) == [1]
    answer = await rig.client.get("/v1/events", params={"type": "registry.CredentialRevoked.v1"})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_event_type")
    assert "registry.RoleGranted.v1" in answer.json()["types"]


async def test_a_time_is_a_place_to_begin(rig: Rig) -> None:
    for role in ("issuer", "provider", "creator"):
        await rig.state("org-a", granted("org:a", role))
    taken = [row.recorded for row in await rig.runtime.log.read(0, 10)]
    for number, moment in enumerate(taken):
        assert positions(await page(rig, since=rfc3339(moment))) == [1, 2, 3][number:]
    assert positions(await page(rig, since="2020-01-01T00:00:00Z")) == [1, 2, 3]
    assert positions(await page(rig, since="2100-01-01T00:00:00Z")) == []


async def test_now_is_the_end(rig: Rig) -> None:
    await rig.state("org-a", granted("org:a"))
    assert (await page(rig, after="now"))["after"] == 1


async def test_a_long_poll_answers_with_the_first_event(rig: Rig) -> None:
    waiting = asyncio.create_task(page(rig, wait=30))
    await rig.state("status-1", revoked())
    await rig.state("org-a", granted("org:a"))
    found = await waiting
    assert (positions(found), found["after"]) == ([2], 2)


async def test_a_long_poll_ends_with_an_empty_page(rig: Rig) -> None:
    assert positions(await page(rig, wait=0.05)) == []


@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [
        ({"after": -1}, 400, "invalid_request"),
        ({"after": 2**63}, 400, "invalid_request"),
        ({"after": "x"}, 400, "invalid_request"),
        ({"after": 5}, 409, "cursor_ahead"),
        ({"after": f"0.{'0' * 31}"}, 400, "invalid_request"),
        ({"after": f"0.{'0' * 32}"}, 409, "log_restored"),
        ({"after": f"0.{'0' * 32}", "wait": 30}, 409, "log_restored"),
        ({"since": "1700000000"}, 400, "invalid_request"),
        ({"since": "2026-01-01T00:00:00"}, 400, "invalid_request"),
        ({"since": "2026-01-01T00:00:00Z", "after": 0}, 400, "invalid_request"),
        ({"limit": 501}, 400, "invalid_request"),
        ({"wait": 31}, 400, "invalid_request"),
        ({"audience": "internal"}, 400, "invalid_request"),
    ],
)
async def test_what_is_refused_has_a_code(asked: dict[str, Any], status: int, code: str, rig: Rig) -> None:
    answer = await rig.client.get("/v1/events", params=asked)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


async def test_an_old_full_page_may_be_kept_and_a_new_one_is_asked_for_again(rig: Rig) -> None:
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"), granted("org:a", "creator"))
    first = await rig.client.get("/v1/events", params={"limit": 1})
    assert first.headers["cache-control"] == "public, no-cache"  # its address does not say of which life of the log
    second = await rig.client.get(first.links["next"]["url"])
    assert second.headers["cache-control"] == "public, max-age=86400, immutable"
    last = await rig.client.get(second.links["next"]["url"])
    assert last.headers["cache-control"] == "public, no-cache"
    for answer in (first, second, last):
        known = {"If-None-Match": f'"x", W/{answer.headers["etag"]}'}
        again = await rig.client.get(str(answer.url), headers=known)
        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", answer.headers["etag"])
    await rig.state("org-a", granted("org:a", "verifier"))
    grown = await rig.client.get(
        str(last.url).replace("limit=1", "limit=9"), headers={"If-None-Match": last.headers["etag"]}
    )
    assert [event["position"] for event in grown.json()] == ["3", "4"]


async def test_a_page_after_now_or_of_a_bare_position_is_never_kept(rig: Rig) -> None:
    asked: dict[str, Any] = {"wait": 30, "limit": 1, "type": ["registry.RoleGranted.v1", "registry.RoleWithdrawn.v1"]}
    waiting = asyncio.create_task(rig.client.get("/v1/events", params=asked | {"after": "now"}))

    async def held() -> bool:
        return rig.places.held == 1

    await until(held)
    await rig.state("org-a", granted("org:a"), granted("org:a", "provider"), granted("org:a", "creator"))
    for answer in (await waiting, await rig.client.get("/v1/events", params=asked | {"after": 1})):
        assert len(answer.json()) == 1
        assert answer.headers["cache-control"] == "public, no-cache"
    types = "type=registry.RoleGranted.v1,registry.RoleWithdrawn.v1"
    assert f"limit=1&{types}&wait=30.0" in answer.headers["link"]


async def test_what_partners_see_is_kept_by_them_alone(rig: Rig) -> None:
    await rig.state("status-1", revoked(), revoked(), revoked())
    partner = rig.by("org:a", "observer")
    first = await rig.client.get("/v1/events", params={"limit": 1}, headers=partner)
    second = await rig.client.get(first.links["next"]["url"], headers=partner)
    assert second.headers["cache-control"] == "private, max-age=86400, immutable"
    assert second.headers["vary"] == "Accept, Authorization"


async def test_an_event_names_a_schema_that_is_served(rig: Rig) -> None:
    await rig.state("org-a", granted("org:a"))
    event = (await page(rig))["events"][0]
    answer = await rig.client.get(event["dataschema"])
    assert answer.headers["content-type"] == "application/schema+json"
    assert (await rig.client.get(event["dataschema"], headers={"If-None-Match": "*"})).status_code == 304
    assert answer.json()["properties"].keys() >= event["data"].keys()
    for name in (
        "registry.Unknown.v1.public",
        "registry.CredentialRevoked.v1.public",
        "catalog.SectorApproved.v1.public",
    ):
        assert (await rig.client.get(f"/v1/events/schemas/{name}.schema.json")).status_code == 404


async def test_connections_are_counted_by_caller_and_together() -> None:
    places = Places(total=3, each=2)
    with places.hold("a"), places.hold("a"):
        with pytest.raises(Problem, match="too_many_connections"), places.hold("a"):
            pass
        with places.hold("b"), pytest.raises(Problem, match="too_many_connections"), places.hold("c"):
            pass
        with places.hold("c"):
            pass
    with places.hold("a"), places.hold("a"):
        pass


async def test_those_without_a_token_may_not_take_all_places(rig: Rig) -> None:
    polls = [asyncio.create_task(rig.client.get("/v1/events", params={"wait": 30})) for _ in range(17)]

    async def refused() -> list[httpx2.Response]:
        return [poll.result() for poll in polls if poll.done()]

    first = (await until(refused))[0]
    assert (first.status_code, first.json()["code"], first.headers["retry-after"]) == (
        429,
        "too_many_connections",
        "10",
    )
    other = asyncio.create_task(rig.client.get("/v1/events", params={"wait": 30}, headers=rig.by("org:b")))

    async def held() -> bool:
        return rig.places.held == 17

    await until(held)
    await rig.state("org-a", granted("org:a"))
    assert (await other).status_code == 200
    assert sorted(answer.status_code for answer in await asyncio.gather(*polls)) == [200] * 16 + [429]
