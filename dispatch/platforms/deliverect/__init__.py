"""Deliverect's dispatch contract: it asks whether a job can be delivered, creates, updates and cancels it, and is
told of each step.

Its public documentation as of 2026, on developers.deliverect.com and docs.deliverect.com:
reference/dispatch_webhooks and dispatch_validate_job, dispatch_create_job, dispatch_update_job,
dispatch_cancel_job; page/dispatch-delivery-job-model; reference/update-delivery-job, reference/update-delivery-1
and delivery-job-cancel; reference/hmac-authentication and machine-2-machine-access-token; docs/dispatch-faq.

`jobs.py` reads a job, `answers.py` says what is answered, `signatures.py` checks who asks (all pure);
`requests.py` has the four addresses, `updates.py` what is told of which step, and `sender.py` tells it.
"""


def connect() -> None:
    from dispatch.outbox import registry
    from dispatch.platforms.deliverect import sender, updates  # not before there are models

    registry.register_consumer(updates.KIND, updates.consume, wants=updates.wants)
    registry.register_sender(updates.KIND, sender.send)
