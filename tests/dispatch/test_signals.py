"""When the domain says what changed."""

import pytest

from dispatch import signals
from dispatch.errors import WrongStatus
from dispatch.models import Driver, Order
from dispatch.orders import actions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def heard():
    said: list[dict] = []

    def hear(signal, sender, **facts):
        said.append(facts)

    signals.fleet_changed.connect(hear)
    yield said
    signals.fleet_changed.disconnect(hear)


def test_actions_inside_a_larger_whole_are_announced_once_at_its_end(heard, new_order, driver):
    with signals.announced():
        first, second = new_order(), new_order()
        actions.assign(first.pk, driver.pk, actor=actions.SYSTEM)
        assert heard == []
    assert heard == [{"orders": frozenset({first.pk, second.pk}), "drivers": frozenset({driver.pk})}]


def test_what_is_rolled_back_is_never_announced(heard, new_order):
    with pytest.raises(RuntimeError), signals.announced():
        new_order()
        raise RuntimeError
    assert (heard, Order.objects.count()) == ([], 0)
    new_order()
    assert len(heard) == 1  # the one after it is not taken for a part of it


def test_a_part_that_fails_leaves_the_whole(heard, order, driver):
    heard.clear()
    with signals.announced():
        actions.set_shift(driver.pk, False)
        with pytest.raises(WrongStatus):
            actions.unassign(order.pk, actor=actions.SYSTEM)
    assert not Driver.objects.get().on_shift
    assert heard == [{"orders": frozenset(), "drivers": frozenset({driver.pk})}]
