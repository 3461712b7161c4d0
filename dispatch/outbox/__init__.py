"""What is told to others' servers: webhooks, messages to customers. At least once, each time under the same id, in
order per order and receiver, and nobody waits for anybody else (docs/adr/0011-one-outbox.md).

What happens is a row of `outbox_events`, written in the transaction of the change. A job asks the consumers what is
to be sent of each (`fan_out.py`) and has it sent (`delivery.py`). Who wants to send something registers two functions
at start (DispatchConfig.ready):

    def consume(event: OutboxEvent) -> list[OutboxEntry]:
        if event.kind != "order.driver_nearby" or event.order is None:
            return []
        return [
            OutboxEntry(
                kind="sms",                        # whose sender sends it
                event=event.kind,
                receiver="sms",                    # has its own pace: one gateway, one endpoint
                lane=str(event.order_id),          # kept in order; "" where order says nothing
                order=event.order,
                body={"to": …, "text": …},
                due_at=…,                          # not before (quiet hours); left out: now
                expires_at=…,                      # dropped, and marked so, from then on; left out: never
            )
        ]

    def send(entry: OutboxEntry) -> Answer:
        \"\"\"Raises TryLater, Refused, Pointless.\"\"\"
        …                                          # ends by itself within SEND_S seconds

    registry.register_consumer("sms", consume, wants=lambda kind: kind == "order.driver_nearby")
    registry.register_sender("sms", send)

`consume` runs once for each event, in the transaction that takes the event out of the queue. `send` runs in a thread
without a connection to the database; one that it opens it closes (`connection.close()`) before it waits for anybody.
It tells the receiver `entry.message_id`, which stays the same however often it is sent.

Events: `order.created` and `order.<status>` for each step (`event.order_event`: the step), also of a change by plain
SQL; `driver.shift` (`event.driver`, `event.data["on_shift"]`); whatever else an action writes in its transaction with
`events.record`, if somebody wants it (`registry.is_wanted`).
"""
