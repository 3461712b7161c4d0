"""Who may see what; and that a guesser learns nothing from the answer."""

from collections.abc import Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser, Group, Permission
from django.utils import timezone

from dispatch.access import Claim, drivers_by_claim, may_dispatch, order_by_token, order_ids_by_token
from dispatch.errors import NotFound
from dispatch.models import Driver, Order, User
from dispatch.orders import actions
from tests.dispatch.story import bring_to

NO_SUCH_LINK = "This tracking link does not exist or is no longer valid."


def end(order: Order, seconds_ago: float) -> None:
    """The order came to its end so long ago."""
    Order.objects.filter(pk=order.pk).update(ended_at=timezone.now() - timedelta(seconds=seconds_ago))


def refusal(token: str) -> tuple[type, str, str]:
    with pytest.raises(NotFound) as refused:
        order_by_token(token)
    return type(refused.value), refused.value.code, refused.value.message


# -------------------------------------------------------------------------------------------- tracking links


def test_a_tracking_link_leads_to_its_order(new_order: Callable[..., Order]) -> None:
    first, second = new_order(), new_order()
    assert order_by_token(first.tracking_token) == first
    assert order_by_token(second.tracking_token) == second


def test_what_does_not_exist_and_what_is_over_are_answered_alike(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "delivered")
    end(order, 901)
    assert refusal(order.tracking_token) == refusal("f" * 32) == (NotFound, "not_found", NO_SUCH_LINK)


@pytest.mark.parametrize("over", ["delivered", "cancelled", "failed"])
def test_a_link_works_a_while_after_the_end(order: Order, driver: Driver, over: str) -> None:
    bring_to(order, driver, over)
    end(order, 890)
    assert order_by_token(order.tracking_token) == order
    assert order_ids_by_token([order.tracking_token]) == {order.tracking_token: order.pk}
    end(order, 910)
    assert refusal(order.tracking_token)[2] == NO_SUCH_LINK
    assert order_ids_by_token([order.tracking_token]) == {}


def test_a_link_works_for_as_long_as_the_order_is_not_over(order: Order, driver: Driver) -> None:
    Order.objects.update(created_at=timezone.now() - timedelta(days=10))
    assert order_by_token(order.tracking_token) == order
    bring_to(order, driver, "driver_nearby")
    assert order_by_token(order.tracking_token) == order


def test_a_correction_after_the_end_opens_no_link_again(order: Order, driver: Driver) -> None:
    bring_to(order, driver, "delivered")
    end(order, 910)
    Order.objects.update(customer_phone="")
    assert refusal(order.tracking_token)[2] == NO_SUCH_LINK


@pytest.mark.parametrize(
    "change",
    [
        lambda token: "",
        lambda token: token[:-1],
        lambda token: token + "0",
        lambda token: token + "\n",
        lambda token: token + "\x00",
        lambda token: " " + token,
        lambda token: token.upper().replace("0", "A"),
        lambda token: token.replace(token[0], "x"),
        lambda token: "%" * 32,
        lambda token: "\x00" * 32,
        lambda token: "\ud800" * 32,
        lambda token: "٣" * 32,
        lambda token: "' OR 1=1 --",
        lambda token: "a" * 100_000,
    ],
)
def test_what_is_no_token(order: Order, change: Callable[[str], str]) -> None:
    assert refusal(change(order.tracking_token)) == (NotFound, "not_found", NO_SUCH_LINK)


# ------------------------------------------------------------------------------------------- drivers' tokens


def sign_in_refused(token: str, claimed: str = "") -> None:
    assert drivers_by_claim([Claim(token, claimed)]) == {}


def test_a_drivers_own_token(driver: Driver) -> None:
    token = actions.issue_token(driver.pk)
    claims = [Claim(token), Claim(token, str(driver.pk)), Claim(token, str(driver.pk).upper())]
    assert drivers_by_claim([*claims, Claim("nobody's")]) == dict.fromkeys(claims, driver)


def test_a_token_with_the_id_of_another_driver(new_driver: Callable[..., Driver]) -> None:
    mine, other = new_driver(), new_driver()
    token = actions.issue_token(mine.pk)
    actions.issue_token(other.pk)
    sign_in_refused(token, str(other.pk))
    sign_in_refused(token, str(uuid4()))
    sign_in_refused(token, "nonsense")


def test_an_id_alone_opens_nothing(driver: Driver) -> None:
    actions.issue_token(driver.pk)
    sign_in_refused("", str(driver.pk))
    sign_in_refused(str(driver.pk), str(driver.pk))


def test_the_digest_opens_nothing(driver: Driver) -> None:
    token = actions.issue_token(driver.pk)
    sign_in_refused(Driver.digest(token))


def test_a_replaced_token_opens_nothing(driver: Driver) -> None:
    old = actions.issue_token(driver.pk)
    actions.issue_token(driver.pk)
    sign_in_refused(old)


@pytest.mark.parametrize("token", ["", " ", "x", "\x00", "\ud800", "a" * 100_000])
def test_a_driver_without_a_token_cannot_be_signed_in(driver: Driver, token: str) -> None:
    assert driver.token_digest is None
    sign_in_refused(token)


def test_no_token_for_a_driver_who_does_not_exist(db: None) -> None:
    with pytest.raises(NotFound):
        actions.issue_token(uuid4())


# ---------------------------------------------------------------------------------------------- dispatchers


def user(*, is_staff: bool = True, is_active: bool = True, permitted: bool = True) -> User:
    made = User.objects.create_user("dana", is_staff=is_staff, is_active=is_active)
    if permitted:
        made.user_permissions.add(Permission.objects.get(codename="dispatch_orders"))
    return made


def test_staff_with_the_permission_may_dispatch(db: None) -> None:
    assert may_dispatch(user())


@pytest.mark.parametrize("lacking", ["is_staff", "is_active", "permitted"])
def test_who_lacks_anything_may_not(db: None, lacking: str) -> None:
    assert not may_dispatch(user(**{lacking: False}))


def test_nobody_may_not() -> None:
    assert not may_dispatch(AnonymousUser())


@pytest.mark.parametrize(("group", "allowed"), [("dispatcher", True), ("staff", False)])
def test_the_groups(db: None, group: str, allowed: bool) -> None:
    member = user(permitted=False)
    member.groups.add(Group.objects.get(name=group))
    assert may_dispatch(member) == allowed


def test_a_superuser_may_dispatch(db: None) -> None:
    assert may_dispatch(User.objects.create_superuser("root"))
