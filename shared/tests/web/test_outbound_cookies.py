"""The outbound client forgets: a server that it called cannot recognise it, nor fill its memory."""

from __future__ import annotations

from collections.abc import Sequence

import httpx2

from kompetenspass.web.outbound import Outbound


async def test_a_cookie_is_neither_kept_nor_sent_back() -> None:
    sent: list[str | None] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.headers.get("cookie"))
        return httpx2.Response(200, headers={"Set-Cookie": f"learner{len(sent)}=x; Path=/; Max-Age=86400"})

    async def resolver(_host: str, _port: int) -> Sequence[str]:
        return ["93.184.215.14"]

    async with Outbound(transport=httpx2.MockTransport(handler), resolver=resolver) as outbound:
        for _ in range(3):
            await outbound.get("https://verifier.example/request")
    assert sent == [None, None, None]
