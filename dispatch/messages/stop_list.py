"""Who answered STOP, and has not answered START since."""

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from dispatch.messages import phones
from dispatch.models import StoppedNumber


def stop(phone: str) -> None:
    """No text goes to this number (E.164) any more."""
    key = settings.STOP_LIST_KEY
    StoppedNumber.objects.update_or_create(
        digest=phones.digest(phone, key),
        defaults={"stopped_at": Now(), "started_at": None},
        create_defaults={
            "key_id": phones.key_id(key),
            "ending": phones.ending(phone),
            "stopped_at": Now(),
        },
    )


def start(phone: str) -> None:
    """Texts go to it again, if it had stopped them."""
    stopped = StoppedNumber.objects.filter(digest=phones.digest(phone, settings.STOP_LIST_KEY))
    stopped.filter(started_at=None).update(started_at=Now())


def has_stopped(phone: str) -> bool | None:
    """None where the list was made with another key, and nobody can say."""
    digest = phones.digest(phone, settings.STOP_LIST_KEY)
    if StoppedNumber.objects.filter(digest=digest, started_at=None).exists():
        return True
    return None if is_unreadable() else False


def is_unreadable() -> bool:
    """Whether some number was stopped while STOP_LIST_KEY was another."""
    ours = phones.key_id(settings.STOP_LIST_KEY)
    # Along the index: there is none of what is not equal.
    return StoppedNumber.objects.filter(Q(key_id__lt=ours) | Q(key_id__gt=ours)).exists()
