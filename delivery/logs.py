"""Keeps secrets out of the logs."""

import logging
import re

_QUERY = re.compile(r"\?[^\s\"]*")
#: In paths that servers name, what follows these is a secret.
_INBOUND = re.compile(r"(/messages/inbound/)[^\s\"?]*")
_TRACKER_TOKEN = re.compile(r"(/positions/[^/\s\"]*/)[^\s\"]+")


class WithoutTracebacks(logging.Filter):
    """An outage of Redis is one line for each attempt, not forty."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        return True


class RefusalsWithoutTracebacks(logging.Filter):
    """What somebody sent that is refused is one line: the fault is not in the code."""

    def filter(self, record: logging.LogRecord) -> bool:
        refused = record.name.startswith("django.security") or getattr(record, "status_code", 500) < 500
        if refused:
            record.exc_info = record.exc_text = None
        return True


class _WithoutSecrets(logging.Filter):
    """Masks what a pattern finds behind its first group."""

    pattern: re.Pattern[str]

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                self.pattern.sub(r"\1…", arg) if isinstance(arg, str) else arg for arg in record.args
            )
        return True


class WithoutInboundSecrets(_WithoutSecrets):
    """Where gateways hand on what customers answer is a secret, and stands in the path."""

    pattern = _INBOUND


class WithoutTrackerTokens(_WithoutSecrets):
    """A driver’s token may be the end of a tracker app’s path, and Django names the paths that it refuses."""

    pattern = _TRACKER_TOKEN


class WithoutQueryStrings(logging.Filter):
    """A tracking token and a driver's address travel in query strings, which servers like to log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_QUERY.sub("?…", arg) if isinstance(arg, str) else arg for arg in record.args)
        return True
