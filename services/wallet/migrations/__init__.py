"""The wallet's durable tables, one history."""
