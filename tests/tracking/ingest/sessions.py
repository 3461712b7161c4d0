"""Drivers' sockets as the pipeline knows them, and what it collects into; nothing of it runs."""

from collections.abc import Callable
from uuid import UUID

from tracking.ingest.domain_writer import DomainWriter
from tracking.ingest.history import HistoryWriter
from tracking.ingest.numbering import Numbering
from tracking.ingest.positions import Positions
from tracking.ingest.publisher import Publisher
from tracking.ingest.recorder import Recorder
from tracking.ingest.session import Session
from tracking.ingest.verdicts import Verdicts

DRIVER = UUID("d0000000-0000-4000-8000-000000000001")
OTHER = UUID("d0000000-0000-4000-8000-000000000002")


def new_session(
    driver_id: UUID = DRIVER, city: str = "denver", acknowledge: Callable[[int], None] = print
) -> Session:
    return Session(driver_id, city, Numbering(acknowledge))


def parts() -> tuple[Publisher, Recorder, DomainWriter, Verdicts]:
    """What collects; nothing of it runs."""
    recorder = Recorder(HistoryWriter(), most_waiting=1000)
    domain = DomainWriter(recorder.considered, most_waiting=1000)
    return Publisher(Positions()), recorder, domain, Verdicts()
