"""Webhooks: ordering platforms are told what happens, as Standard Webhooks say (https://www.standardwebhooks.com).

An event becomes messages for those endpoints that hear of it (`consumer.py`, `payloads.py`), which the outbox sends
(`sender.py`) over a connection that leads to no address of our own (`posting.py`, `addresses.py`).
"""


def connect() -> None:
    from dispatch.outbox import registry
    from dispatch.webhooks import consumer, sender  # not before there are models

    registry.register_consumer(consumer.KIND, consumer.consume, wants=consumer.wants)
    registry.register_sender(consumer.KIND, sender.send)
