"""KafkaFeed: everything in order, whatever stands twice; where it begins; what it knows of the log's end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from kompetenspass.core.clock import system_clock
from kompetenspass.core.errors import Kind, Problem
from kompetenspass.core.ids import uuid7
from kompetenspass.log.api import Cursor, LogDiffers, Part
from kompetenspass.log.kafka.connecting import Connecting
from kompetenspass.log.kafka.feed import KafkaFeed
from kompetenspass.log.parts import part_of
from kompetenspass.testing.kafka.feeding import Topic, read_all, read_on, read_through
from kompetenspass.testing.kafka.mock import MockKafka
from kompetenspass.testing.waiting import until


@pytest.fixture
def topic(mock_kafka: MockKafka) -> Topic:
    made = Topic(Connecting(bootstrap_servers=mock_kafka.bootstrap, security="PLAINTEXT", request_timeout_seconds=5))
    mock_kafka.create_topic(made.name, made.partitions)
    return made


async def test_each_part_has_its_streams_in_order(topic: Topic) -> None:
    await topic.append(3000)
    await topic.send()
    async with topic.feed() as feed:
        assert (await feed.parts(), await feed.epoch(), await feed.head()) == (4, topic.epoch, 3000)
        for number in range(4):
            rows, cursor = await read_on(feed, Part(number, 4), topic.begin(), 3000)
            assert rows == [row for row in await topic.log.read(0, 3000) if part_of(row.stream, 4) == number]
            assert cursor.position == 3000


async def test_what_is_sent_again_and_what_comes_late_is_dropped(topic: Topic) -> None:
    await topic.append(300)
    await topic.send(0, 100, fence=1)
    await topic.send(100, 200, fence=1, marked=False)
    await topic.send(100, 180, fence=2)
    await topic.send(100, 200, fence=1)  # by a relay that does not know yet
    await topic.send(180, 300, fence=2, ended=False)
    await topic.send(180, 250, fence=1, marked=False)
    await topic.send(300, 300, fence=2)
    async with topic.feed() as feed:
        assert await read_all(feed, 4, topic.begin(), 300) == await topic.log.read(0, 300)
        for after in (0, 50, 100, 150, 180, 199, 200, 299, 300):
            assert await read_all(feed, 4, topic.begin(after), 300) == await topic.log.read(after, 300)


async def test_it_goes_on_from_any_cursor_that_a_page_has_given(topic: Topic) -> None:
    await topic.append(200)
    for after in range(0, 200, 20):
        await topic.send(after, after + 20, ended=after == 180)
    rows = await topic.log.read(0, 200)
    async with topic.feed() as feed:
        cursors = [topic.begin()]
        while cursors[-1].position < 200:
            cursors.append((await feed.page(Part(1, 4), cursors[-1], 3)).cursor)
    for cursor in cursors:
        async with topic.feed() as feed:
            found, _ = await read_on(feed, Part(1, 4), cursor, 200)
            assert found == [row for row in rows[cursor.position :] if part_of(row.stream, 4) == 1]


async def test_several_readers_share_what_was_read(topic: Topic) -> None:
    await topic.append(2000, streams=1)
    await topic.send()
    part = Part(part_of("s-0", 4), 4)
    async with topic.feed() as feed:
        found = await asyncio.gather(*(read_on(feed, part, topic.begin(), 2000, limit) for limit in (100, 300, 500)))
        assert [len(rows) for rows, _ in found] == [2000] * 3
        assert all(one is other for one, other in zip(found[0][0], found[1][0], strict=True))
        assert sum(stand.partition == part.number for stand in feed._stands._stands.values()) == 1


async def test_who_is_far_behind_does_not_move_those_at_the_head(topic: Topic) -> None:
    part = Part(part_of("s-0", 4), 4)
    await topic.append(5000, streams=1)
    await topic.send()
    async with topic.feed() as feed:
        _, head = await read_on(feed, part, topic.begin(4900), 5000)
        at_head = feed._stands.covering(part.number, head.offset or 0)
        assert at_head is not None
        behind = [read_on(feed, part, topic.begin(after), 5000) for after in (0, 1200, 2400, 3600)]
        found = await asyncio.gather(*behind)
        assert [len(rows) for rows, _ in found] == [5000, 3800, 2600, 1400]
        assert feed._stands.covering(part.number, head.offset or 0) is at_head
        assert len(feed._stands._of(part.number)) <= 3


async def test_a_page_has_ended_where_a_watermark_says_so_and_only_for_a_while(topic: Topic) -> None:
    await topic.append(10)
    await topic.send(ended=False)
    now = system_clock()
    async with topic.feed(clock=lambda: now) as feed:
        page = await feed.page(Part(0, 4), topic.begin(), 500)
        assert (page.cursor.position, page.ended) == (10, False)
        await topic.mark(10, now - timedelta(seconds=60))
        await feed.more(Part(0, 4), page.cursor, 60)
        page = await feed.page(Part(0, 4), page.cursor, 500)
        assert not page.ended
        await topic.mark(10, now)
        await feed.more(Part(0, 4), page.cursor, 60)
        page = await feed.page(Part(0, 4), page.cursor, 500)
        assert page.ended
        assert await feed.page(Part(0, 4), page.cursor, 500) == page


async def test_waiting_ends_with_the_next_record_and_with_its_time(topic: Topic) -> None:
    await topic.append(10)
    await topic.send()
    async with topic.feed() as feed:
        cursor = (await feed.page(Part(0, 4), topic.begin(), 500)).cursor
        await feed.more(Part(0, 4), cursor, 0.05)
        waiting = asyncio.create_task(feed.more(Part(0, 4), cursor, 600))
        await topic.append(10)
        await topic.send(10)
        async with asyncio.timeout(60):
            await waiting
        rows, _ = await read_on(feed, Part(0, 4), cursor, 20)
        assert rows == [row for row in await topic.log.read(10, 10) if part_of(row.stream, 4) == 0]


async def test_an_event_is_found_by_its_position(topic: Topic) -> None:
    await topic.append(500)
    await topic.send(0, 200, fence=1)
    await topic.send(100, 500, fence=2, marked=False)
    rows = await topic.log.read(0, 500)
    async with topic.feed() as feed:
        for position in (1, 2, 150, 200, 201, 500):
            assert await feed.find(position) == rows[position - 1]
        assert await feed.find(501) is None
        assert await feed.find(0) is None


async def test_an_empty_topic_tells_nothing_of_the_log_yet(topic: Topic) -> None:
    async with topic.feed() as feed:
        assert await feed.head() == 0
        assert await feed.find(1) is None
        with pytest.raises(Problem, match="log_unavailable"):
            await feed.epoch()
        page = await feed.page(Part(0, 4), topic.begin(), 500)
        assert (list(page.rows), page.cursor, page.ended) == ([], topic.begin(0, 0), False)


async def test_the_head_follows_the_log(topic: Topic) -> None:
    await topic.append(5)
    await topic.send()
    async with topic.feed() as feed:
        assert await feed.head() == 5
        await topic.append(5)
        await topic.send(5)

        async def is_at_ten() -> bool:
            return await feed.head() == 10

        await until(is_at_ten)


async def test_a_cursor_of_another_log_is_refused(topic: Topic) -> None:
    await topic.append(100, streams=1)
    await topic.send()
    part = Part(part_of("s-0", 4), 4)
    cases = {
        "log_has_another_epoch": [replace(topic.begin(), epoch=uuid7()), replace(topic.begin(5, 5), epoch=uuid7())],
        "log_has_another_event": [topic.begin(4, 10), replace(topic.begin(10, 10), event_id=uuid7())],
        "cursor_ahead_of_log": [topic.begin(200, 102), topic.begin(200, 5000)],
        "log_has_other_parts": [],
    }
    async with topic.feed(ahead_seconds=0.5) as feed:
        for reason, cursors in cases.items():
            for cursor in cursors:
                with pytest.raises(LogDiffers, match=reason):
                    await feed.page(part, cursor, 500)
        with pytest.raises(LogDiffers, match="log_has_other_parts"):
            await feed.page(Part(0, 8), topic.begin(), 500)
        assert len((await read_on(feed, part, topic.begin(), 100))[0]) == 100


async def test_a_topic_that_is_filled_anew_while_it_is_looked_at_is_not_gone_on_with(
    topic: Topic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends before the cursor when it is read, and when its end is looked for it has grown beyond."""
    await topic.append(100, streams=1)
    await topic.send(0, 20)
    look = KafkaFeed._in_range

    async def look_late(feed: KafkaFeed, partition: int, cursor: Cursor) -> tuple[Cursor, bool]:
        await topic.send(20)
        return await look(feed, partition, cursor)

    monkeypatch.setattr(KafkaFeed, "_in_range", look_late)
    async with topic.feed(ahead_seconds=0.5) as feed:
        with pytest.raises(LogDiffers, match="log_has_another_event"):
            await feed.page(Part(part_of("s-0", 4), 4), topic.begin(30, 60), 500)


async def test_a_partition_that_ends_before_the_cursor_is_waited_for_before_it_is_taken_for_another(
    topic: Topic,
) -> None:
    await topic.append(100, streams=1)
    await topic.send(0, 50)
    part, cursor = Part(part_of("s-0", 4), 4), topic.begin(51, 52)
    async with topic.feed(ahead_seconds=3600) as feed:
        for _ in range(2):
            with pytest.raises(Problem, match="log_unavailable") as refused:
                await feed.page(part, cursor, 500)
            assert refused.value.kind is Kind.UNAVAILABLE
        await topic.send(50, 100, marked=False)
        rows, _ = await read_through(feed, part, cursor, 100)
        assert rows == await topic.log.read(51, 100)


async def test_a_log_that_gets_another_epoch_is_noticed_on_the_way(topic: Topic) -> None:
    await topic.append(100, streams=1)
    await topic.send(0, 50)
    part = Part(part_of("s-0", 4), 4)
    async with topic.feed() as feed:
        _, cursor = await read_on(feed, part, topic.begin(), 50)
        topic.epoch = uuid7()
        await topic.send(0, 100, fence=2)
        await feed.more(part, cursor, 60)
        with pytest.raises(LogDiffers, match="log_has_another_epoch"):
            await read_on(feed, part, cursor, 100)


async def test_other_partitions_than_the_settings_say_are_refused(topic: Topic) -> None:
    async with topic.feed(partitions=5) as feed:
        with pytest.raises(Problem, match="kafka_topics_differ"):
            await feed.start()
        with pytest.raises(Problem, match="kafka_topics_differ"):
            await feed.page(Part(0, 5), topic.begin(), 500)


async def test_what_was_removed_is_missed_only_by_who_needs_it(topic: Topic) -> None:
    """The mock cluster removes what is older than the newest 5 MiB of a partition."""
    await topic.append(9000, streams=1)
    for after in range(0, 9000, 500):
        await topic.send(after, after + 500)
    part = Part(part_of("s-0", 4), 4)
    async with topic.feed() as feed:
        assert await feed.find(1) is None
        for cursor in (topic.begin(), topic.begin(100), topic.begin(100, 100)):
            with pytest.raises(LogDiffers, match="log_no_longer_kept"):
                await feed.page(part, cursor, 500)
        rows, cursor = await read_on(feed, part, topic.begin(8000), 9000)
        assert rows == await topic.log.read(8000, 1000)
        assert await feed.find(8500) == rows[499]
        begin, _ = (await feed._looking.bounds())[part.number]  # type: ignore[union-attr]  # it has looked
        first = (await feed._looking.look(part.number, begin, 1))[0]  # type: ignore[union-attr]  # as above
        assert (
            len((await read_on(feed, part, topic.begin(first.position - 1, begin), 9000))[0]) == 9001 - first.position
        )
