"""The durable table of a relay: how far its log was sent, and who may send it."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

TABLES = MetaData()

RELAY_CURSOR = Table(
    "relay_cursor",
    TABLES,
    Column("log", Text, primary_key=True),
    Column("epoch", Uuid),
    Column("position", BigInteger, nullable=False),
    Column("event_id", Uuid),
    Column("fence", BigInteger, nullable=False),
    Column("holder", Integer),
    Column("places", ARRAY(BigInteger), nullable=False),
)
"""`epoch`, `position` and `event_id`: the last event that all of Kafka has confirmed; without `epoch` there is none.
`fence`: one more for each relay that took over. `holder`: the number under which the last of them gives signs of life,
none once it has ended. `places`: for each partition of the internal topic the offset of the
last record that is known, -1 for none."""
