"""What time does to texts: it ends those that nobody has ended, and deletes old ones."""

from datetime import timedelta

from django.conf import settings

from dispatch.clock import database_now
from dispatch.models import Message, MessageState, WhyNot

#: Whoever hands a text to a gateway is done with it sooner, or gone.
SENDING_FOR = timedelta(minutes=3)
#: Rows in one statement.
_BATCH = 5000


def end_left() -> None:
    """Texts that the outbox dropped as too late, and those whose sender died."""
    now = database_now()
    Message.objects.filter(state=MessageState.WAITING, expires_at__lte=now).update(
        state=MessageState.NOT_SENT, why_not=WhyNot.TOO_LATE
    )
    Message.objects.filter(state=MessageState.SENDING, sent_at__lte=now - SENDING_FOR).update(
        state=MessageState.UNSURE
    )


def forget() -> None:
    """Deletes texts of so long ago."""
    old = Message.objects.filter(made_at__lt=database_now() - timedelta(days=settings.MESSAGES_DAYS))
    while old.filter(pk__in=old.order_by("made_at").values("pk")[:_BATCH]).delete()[0]:
        pass
