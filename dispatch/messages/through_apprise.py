"""Any service that Apprise knows, as a gateway: https://github.com/caronc/apprise lists how addresses are written."""

from urllib.parse import quote, unquote

from apprise import Apprise, AppriseAsset, NotifyBase, PersistentStoreMode

from dispatch.messages.apprise_log import overheard
from dispatch.messages.gateway_urls import PHONE, GatewayUrl
from dispatch.messages.outcomes import GatewayFailed, GatewayUnsure

#: A number that nobody has, to try an address with.
_SAMPLE = "+13035550142"
#: What Apprise says of a connection that never came about; of any other one the text may have gone.
_NEVER_LEFT = (
    "Failed to establish a new connection",
    "NewConnectionError",
    "ConnectTimeout",
    "NameResolutionError",
    "SSLError",
)
_ASSET = AppriseAsset(app_id="Doorstep", app_desc="Doorstep", storage_mode=PersistentStoreMode.MEMORY)


def why_unusable(gateway: GatewayUrl) -> str | None:
    service = _service(gateway, _SAMPLE)
    if service is None:
        return f"Apprise can't use its address: look up how those of {gateway.scheme}:// are written"
    if not _goes_to_one(service, _SAMPLE[1:]):
        return f"a text would not go to the customer alone: {PHONE} must stand where the one number goes"
    return None


def _goes_to_one(service: NotifyBase, digits: str) -> bool:
    """Not to somebody else as well, and not to the sender: some services take that for a missing number."""
    targets = service.targets if hasattr(service, "targets") else service.url(privacy=False)
    return len(service) == 1 and digits in unquote(str(targets))


def send(gateway: GatewayUrl, phone: str, text: str) -> None:
    service = _service(gateway, phone)
    if service is None:
        raise GatewayFailed(f"Gateway {gateway.name}: Apprise can't use its address.")
    with overheard() as lines:
        try:
            taken = service.notify(body=text)
        except Exception as error:  # noqa: BLE001 (of any plugin; its words may have secrets in them)
            raise GatewayUnsure(f"Gateway {gateway.name}: {type(error).__name__} of its plugin.") from None
    if taken:
        return
    broken = [line for line in lines if line.startswith("Socket Exception")]
    if broken and not any(words in line for line in broken for words in _NEVER_LEFT):
        raise GatewayUnsure(f"Gateway {gateway.name}: the connection ended without an answer.")
    raise GatewayFailed(f"Gateway {gateway.name} did not take it.")


def _service(gateway: GatewayUrl, phone: str) -> NotifyBase | None:
    # Quoted: a plus sign by itself is a blank where it stands behind a question mark.
    service = Apprise.instantiate(gateway.url.replace(PHONE, quote(phone, safe="")), asset=_ASSET)
    return service if isinstance(service, NotifyBase) else None
