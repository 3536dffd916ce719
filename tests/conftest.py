"""Services that all tests of a session share."""

from tests.services.kafka import kafka_address

__all__ = ["kafka_address"]
