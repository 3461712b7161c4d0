"""Why the server ends a socket; docs/protocol.md says what a client does about each."""

TOO_BIG = 1009
INTERNAL_ERROR = 1011
TRY_AGAIN_LATER = 1013
BAD_REQUEST = 4400
NOT_SIGNED_IN = 4401
NOT_FOUND = 4404
TOO_SLOW = 4408
REPLACED = 4409
TOO_MUCH = 4429
