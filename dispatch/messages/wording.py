"""Which text customers of a city are told in a language: staff's own, or the one that Doorstep comes with."""

import logging
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q

from dispatch.messages import texts
from dispatch.models import MessageKind, MessageText

logger = logging.getLogger(__name__)


class Wording(NamedTuple):
    language: str
    text: str


def wording(kind: MessageKind, city_id: UUID | None, *languages: str) -> Wording:
    """In the first of these languages that there is a text in: the city's own, that of all cities, Doorstep's."""
    wanted = list(dict.fromkeys([*(texts.primary(tag) for tag in languages if tag), texts.FALLBACK_LANGUAGE]))
    rows = MessageText.objects.filter(Q(city=None) | Q(city=city_id), kind=kind, language__in=wanted)
    written = {(row.language, row.city_id): row.text for row in rows if _is_good(row)}
    for language in wanted:
        own = written.get((language, city_id)) or written.get((language, None))
        if text := own or texts.default(language, kind):
            return Wording(language, text)
    raise AssertionError("Doorstep speaks its fallback language")  # DEFAULTS has it


def _is_good(row: MessageText) -> bool:
    """The admin's form lets no other one in; SQL might."""
    try:
        texts.check(row.text, MessageKind(row.kind))
    except texts.BadText as error:
        logger.error("text %d to customers is passed over: %s", row.pk, error)
        return False
    return True
