"""How a text did not go."""


class GatewayFailed(Exception):
    """It was not taken. The message names the gateway alone: no address, no number, no text."""


class GatewayUnsure(Exception):
    """It may have been taken: the connection ended before the gateway said so. The message as above."""
