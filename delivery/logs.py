"""Keeps secrets out of the logs."""

import logging
import re

_QUERY = re.compile(r"\?[^\s\"]*")


class WithoutTracebacks(logging.Filter):
    """An outage of Redis is one line for each attempt, not forty; and so is what a stranger sent that is refused.

    `name`: of the loggers below this one only.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if super().filter(record):
            record.exc_info = record.exc_text = None
        return True


class WithoutQueryStrings(logging.Filter):
    """A tracking token and a driver's address travel in query strings, which servers like to log."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_QUERY.sub("?…", arg) if isinstance(arg, str) else arg for arg in record.args)
        return True
