"""/metrics says in numbers what /readyz says; what is not known has no line."""

from __future__ import annotations

import httpx2

from kompetenspass.web.readiness import METRICS, CursorState, Readiness


def lines_of(text: str) -> set[str]:
    return {line for line in text.splitlines() if not line.startswith("#")}


async def test_lag_readiness_and_what_is_parked_can_be_had_as_metrics(client: httpx2.AsyncClient) -> None:
    answer = await client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, METRICS)
    of_cursor = '{service="trial",reader="timeline",log="trial"}'
    assert lines_of(answer.text) == {
        'kompetenspass_ready{service="trial"} 1',
        f"kompetenspass_reader_lag_events{of_cursor} 2",
        f"kompetenspass_reader_halted{of_cursor} 0",
        f"kompetenspass_reader_stalled{of_cursor} 0",
        'kompetenspass_appender_refusing{service="trial"} 0',
        'kompetenspass_parked_events{service="trial"} 0',
    }


def test_what_is_not_known_has_no_line() -> None:
    away = CursorState("timeline", "issuance", 3, 3, "retries_exhausted", reachable=False)
    said = Readiness(("database_unavailable",), (away,), None, appender_healthy=True, appender_refusing=True)
    found = lines_of(said.as_metrics("wallet"))
    assert not any("lag" in line or "parked" in line for line in found)
    assert 'kompetenspass_ready{service="wallet"} 0' in found
    assert 'kompetenspass_appender_refusing{service="wallet"} 1' in found
    assert 'kompetenspass_reader_halted{service="wallet",reader="timeline",log="issuance"} 1' in found
    assert said.as_json()["cursors"][0]["lag"] is None
