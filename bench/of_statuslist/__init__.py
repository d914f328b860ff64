"""What the case `statuslist` is made of: lists in memory, a registry under revocations, ticks over many lists."""
