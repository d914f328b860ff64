"""Status lists and the commands that change them, over HTTP."""

import gzip
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from kompetenspass.core.ids import uuid7
from kompetenspass.events.registry import CredentialExpired, CredentialRevoked, CredentialSuspended, StatusListOpened
from kompetenspass.openid.status import MEDIA_TYPE, StatusListToken
from kompetenspass.testing.postgres import Database
from kompetenspass.testing.waiting import until
from services.registry.domain.status_list import first_list, list_after
from services.registry.tests.conftest import BASE, Rig, issued, list_uri, running, stated

LIST = first_list("org:alfa")


async def verified(rig: Rig, org: str = "org:alfa") -> StatusListToken:
    return rig.verified(await rig.list_token(org), org)


async def values(rig: Rig, indices: Sequence[int], org: str = "org:alfa") -> list[int]:
    token = await verified(rig, org)
    return [token.get(index) for index in indices]


async def becomes(rig: Rig, wanted: list[int], *indices: int) -> None:
    """Return once the served list says so. How long that takes, `make bench` measures."""
    await rig.says(dict(zip(indices, wanted, strict=True)))


async def last_event(rig: Rig, stream: str) -> Any:
    return (await rig.runtime.log.read_stream(stream))[-1].event


async def test_an_enrolled_key_opens_a_list_and_a_spare_once(rig: Rig) -> None:
    await rig.enrolled()
    await rig.enrol(rig.key())
    await until(lambda: rig.runtime.log.read_stream(f"list-{list_after(LIST)}"))
    answer = (await rig.client.get("/status")).json()
    spare = f"{BASE}/status/{list_after(LIST)}"
    await until(lambda: rig.client.get(f"/status/{list_after(LIST)}"))
    assert set(answer["status_lists"]) <= {list_uri(), spare}
    assert not await rig.runtime.log.read_stream(f"list-{list_after(list_after(LIST))}")


async def test_the_first_index_of_the_spare_opens_another_spare(rig: Rig) -> None:
    await rig.enrolled()
    spare = list_after(LIST)
    await until(lambda: rig.runtime.log.read_stream(f"list-{spare}"))
    event = issued(uuid7(), 3)
    copy = event.copies[0].model_copy(update={"status_uri": f"{BASE}/status/{spare}"})
    await rig.issue(event.model_copy(update={"copies": (copy,)}))
    (opened,) = await until(lambda: rig.runtime.log.read_stream(f"list-{list_after(spare)}"))
    assert isinstance(opened.event, StatusListOpened)
    assert opened.event.issuer_org == "org:alfa"


async def test_a_fresh_list_is_signed_by_the_status_leaf_and_says_valid(rig: Rig) -> None:
    await rig.enrolled()
    token = await verified(rig)
    assert (token.status_list.bits, token.status_list.size, token.ttl_seconds) == (2, 64, 300)
    assert [token.get(index) for index in range(64)] == [0] * 64


async def test_a_revocation_by_the_issuer_is_published_and_final(rig: Rig) -> None:
    await rig.enrolled()
    credential = uuid7()
    await rig.issue(issued(credential, 5, 9))
    answer = await rig.issuer_command(f"/v1/credentials/{credential}/revoke", {"reason_code": "fraud"})
    assert (answer.status_code, answer.json()["status"]) == (200, "revoked")
    await becomes(rig, [1, 1, 0], 5, 9, 6)
    event = await last_event(rig, f"status-{credential}")
    assert isinstance(event, CredentialRevoked)
    assert [copy.index for copy in event.copies] == [5, 9]
    again = await rig.issuer_command(f"/v1/credentials/{credential}/reinstate", {"reason_code": "cleared"})
    assert (again.status_code, again.json()["code"]) == (409, "credential_revoked")


async def test_a_suspension_is_published_and_lifted(rig: Rig) -> None:
    await rig.enrolled()
    credential = uuid7()
    await rig.issue(issued(credential, 5))
    body = {"reason_code": "under_review"}
    suspended = await rig.issuer_command(f"/v1/credentials/{credential}/suspend", body)
    assert suspended.json() == {"credential_id": str(credential), "status": "suspended", "causes": ["issuer"]}
    await becomes(rig, [2], 5)
    headers = rig.headers("org:alfa", "issuer") | {"Wait-For": suspended.headers["Log-Position"]}
    shown = (await rig.client.get(f"/v1/credentials/{credential}", headers=headers)).json()
    assert (shown["status"], shown["reason_code"], len(shown["copies"])) == ("suspended", "under_review", 1)
    await rig.issuer_command(f"/v1/credentials/{credential}/reinstate", {"reason_code": "cleared"})
    await becomes(rig, [0], 5)


async def test_only_the_own_issuer_may_look_or_act(rig: Rig) -> None:
    await rig.enrolled()
    credential = uuid7()
    await rig.issue(issued(credential, 5))
    path = f"/v1/credentials/{credential}"
    assert (await rig.issuer_command(f"{path}/revoke", {"reason_code": "fraud"}, "org:beta")).status_code == 404
    assert (await rig.client.get(path, headers=rig.headers("org:beta", "issuer"))).status_code == 404
    assert (await rig.client.get(path, headers=rig.headers("org:alfa", "provider"))).status_code == 403
    assert not await rig.runtime.log.read_stream(f"status-{credential}")


async def test_an_unknown_credential_or_reason_is_refused(rig: Rig) -> None:
    unknown = await rig.issuer_command(f"/v1/credentials/{uuid7()}/revoke", {"reason_code": "fraud"})
    assert unknown.status_code == 404
    for path, reason in (("revoke", "mood"), ("suspend", "Anna Andersson")):
        answer = await rig.issuer_command(f"/v1/credentials/{uuid7()}/{path}", {"reason_code": reason})
        assert answer.status_code == 400


async def test_replaced_copies_become_invalid_and_the_new_one_is_valid(rig: Rig) -> None:
    await rig.enrolled()
    credential = uuid7()
    first = issued(credential, 5)
    await rig.issue(first)
    await rig.issue(issued(credential, 8, replaces=(first.copies[0].digest,)), version=1)
    await becomes(rig, [1, 0], 5, 8)
    await rig.issuer_command(f"/v1/credentials/{credential}/revoke", {"reason_code": "holder_request"})
    assert [copy.index for copy in (await last_event(rig, f"status-{credential}")).copies] == [8]


async def test_a_merit_expires_when_its_end_has_passed(rig: Rig) -> None:
    await rig.enrolled()
    credential = uuid7()
    end = rig.clock() + timedelta(hours=1)
    await rig.issue(issued(credential, 5, valid_to=end))
    assert not await rig.runtime.log.read_stream(f"status-{credential}")
    rig.clock.advance(timedelta(hours=2))
    (recorded,) = await until(lambda: rig.runtime.log.read_stream(f"status-{credential}"))
    assert isinstance(recorded.event, CredentialExpired)
    assert recorded.event.at == end
    refused = await rig.issuer_command(f"/v1/credentials/{credential}/revoke", {"reason_code": "fraud"})
    assert refused.json()["code"] == "credential_expired"


async def test_all_merits_that_end_at_once_expire_once_each(rig: Rig) -> None:
    await rig.enrolled()
    end = rig.clock() + timedelta(hours=1)
    ended = [uuid7() for _ in range(20)]
    for index, credential in enumerate(ended):
        await rig.issue(issued(credential, index, valid_to=end))
    rig.clock.advance(timedelta(hours=2))

    async def all_expired() -> bool:
        return all([await rig.runtime.log.read_stream(f"status-{credential}") for credential in ended])

    await until(all_expired)
    streams = [await rig.runtime.log.read_stream(f"status-{credential}") for credential in ended]
    assert [[type(recorded.event) for recorded in stream] for stream in streams] == [[CredentialExpired]] * 20


async def test_an_issuer_of_one_bit_lists_revokes_but_cannot_suspend(database: Database, tmp_path: Path) -> None:
    async with running(database, tmp_path, one_bit_issuers=frozenset({"org:alfa"})) as rig:
        await rig.enrolled()
        credential = uuid7()
        await rig.issue(issued(credential, 5))
        refused = await rig.issuer_command(f"/v1/credentials/{credential}/suspend", {"reason_code": "under_review"})
        assert (refused.status_code, refused.json()["code"]) == (409, "suspension_not_supported")
        await rig.issuer_command(f"/v1/credentials/{credential}/revoke", {"reason_code": "fraud"})
        await becomes(rig, [1, 0], 5, 6)
        assert (await verified(rig)).status_list.bits == 1


async def test_the_list_is_served_with_its_tag_its_age_and_to_every_origin(rig: Rig) -> None:
    await rig.enrolled()
    answer = await rig.client.get(f"/status/{LIST}", headers={"Accept-Encoding": "identity"})
    assert answer.headers["content-type"] == MEDIA_TYPE
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"
    tag = answer.headers["etag"]
    unchanged = await rig.client.get(f"/status/{LIST}", headers={"If-None-Match": f'"x", W/{tag}'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    head = await rig.client.head(f"/status/{LIST}", headers={"Accept-Encoding": "identity"})
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", tag)
    assert head.headers["content-length"] == str(len(answer.content))


async def test_the_list_is_gzipped_where_that_is_accepted(rig: Rig) -> None:
    await rig.enrolled()
    plain = await rig.client.get(f"/status/{LIST}", headers={"Accept-Encoding": "gzip;q=0"})
    assert "content-encoding" not in plain.headers
    async with rig.client.stream("GET", f"/status/{LIST}", headers={"Accept-Encoding": "gzip"}) as zipped:
        raw = b"".join([part async for part in zipped.aiter_raw()])
    assert zipped.headers["content-encoding"] == "gzip"
    assert zipped.headers["vary"] == "Accept, Accept-Encoding"
    assert gzip.decompress(raw) == plain.content


async def test_another_media_type_is_not_acceptable(rig: Rig) -> None:
    await rig.enrolled()
    for accept, code in (
        ("application/statuslist+cwt", 406),
        (f"{MEDIA_TYPE};q=0, */*", 406),
        (MEDIA_TYPE, 200),
        ("application/statuslist+cwt, application/*;q=0.1", 200),
    ):
        assert (await rig.client.get(f"/status/{LIST}", headers={"Accept": accept})).status_code == code


async def test_history_is_not_supported_and_unknown_lists_are_not_found(rig: Rig) -> None:
    await rig.enrolled()
    assert (await rig.client.get(f"/status/{LIST}?time=1")).status_code == 501
    assert (await rig.client.get(f"/status/{uuid7()}")).status_code == 404
    assert (await rig.client.get("/status/none")).status_code == 404
    assert (await rig.client.post(f"/status/{LIST}")).status_code == 405


async def test_a_clean_list_keeps_its_bytes_and_is_signed_again_half_way_through_its_life(rig: Rig) -> None:
    await rig.enrolled()
    first = await rig.list_token()
    await rig.issue(issued(uuid7(), 5))
    assert await rig.list_token() == first
    rig.clock.advance(timedelta(seconds=rig.settings.status_lifetime_seconds / 2))

    async def signed_again() -> bool:
        return await rig.list_token() != first

    await until(signed_again)
    assert (await verified(rig)).get(5) == 0


async def test_a_suspension_that_arrives_first_is_what_the_credential_is_born_with(rig: Rig) -> None:
    await rig.enrolled()
    credential = uuid7()
    event = issued(credential, 5, 6)
    suspended = CredentialSuspended(
        credential_id=credential, copies=event.copies[:1], cause="issuer", causes=("issuer",), reason_code="review"
    )
    await stated(rig.runtime.log, f"status-{credential}", 0, suspended)
    await rig.issue(event)
    await becomes(rig, [2, 2, 0], 5, 6, 7)
