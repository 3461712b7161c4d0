"""What a dispatcher does with an alert."""

from uuid import UUID

from dispatch.errors import NotFound
from dispatch.models import Alert
from dispatch.signals import announced


def see(alert_id: UUID, by: str) -> None:
    """Somebody looks after it: it is quiet for everybody until its reason is over. `by`: who; "" takes that back.

    Raises NotFound where it is over.
    """
    with announced() as changes:
        if not Alert.objects.filter(pk=alert_id, ended_at=None).update(seen_by=by):
            raise NotFound("This alert is over.")
        changes.alerts.add(alert_id)
