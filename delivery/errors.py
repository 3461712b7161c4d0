class StackError(Exception):
    """Something that the person at the terminal has to know: what went wrong and what to do, in a line."""


class ChildDied(StackError):
    """A process has ended that should run, or has failed; the message carries the end of its log."""


class Interrupted(Exception):
    """Ctrl-C, SIGTERM or a closed terminal: stop everything and leave."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number
