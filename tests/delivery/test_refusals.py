import pytest
from django.test import Client

from dispatch.models import Order, User

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "address",
    [
        "/admin/dispatch/order/add/?restaurant=1,2",
        "/admin/dispatch/order/?customer_address__range=x",
        "/admin/dispatch/restaurant/?name__regex=(",
        "/admin/dispatch/restaurant/?name__regex=a%00b",
        "/admin/dispatch/order/%00/change/",
        "/track/?t=%00",
    ],
)
def test_what_means_nothing_is_refused(address: str, order: Order) -> None:
    client = Client()
    client.force_login(User.objects.create_superuser("dana"))
    assert client.get(address.format(order=order)).status_code == 400
