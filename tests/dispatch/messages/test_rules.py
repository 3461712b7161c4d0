"""The one decision, as a table and by chance."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.messages.quiet_hours import QuietHours
from dispatch.messages.rules import (
    KINDS,
    OLD_NEWS_AFTER,
    City,
    News,
    Send,
    Standing,
    decide,
    kinds_of,
)
from dispatch.models import LinkFrom, MessageKind, WhyNot
from dispatch.outbox.arrivals import LATE_BY
from dispatch.statuses import FINAL, OrderStatus

S, K = OrderStatus, MessageKind
NOON = datetime(2026, 11, 28, 19, tzinfo=UTC)
NIGHT = datetime(2026, 11, 29, 6, tzinfo=UTC)  # 11 PM there
QUIET = QuietHours(time(21), time(8), ZoneInfo("America/Denver"))
MORNING = datetime(2026, 11, 29, 15, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def order(status: OrderStatus, **others: object) -> Standing:
    facts: dict[str, object] = {
        "for_later": False,
        "restaurant": True,
        "phone": True,
        "stopped": False,
        "told": frozenset(),
    }
    return Standing(status=status, **facts | others)  # type: ignore[arg-type]


def news(kind: MessageKind, at: datetime = NOON, late: timedelta = timedelta(0)) -> News:
    return News(kind, at - late, at)


LATE_ORDER = {"promised_at": NOON + 30 * MINUTE, "arrival": NOON + 41 * MINUTE}


@pytest.mark.parametrize(
    ("kind", "standing", "city", "after", "decided"),
    [
        # As it should be.
        (K.LINK, order(S.PENDING), City(), 0, Send),
        (K.LINK, order(S.PICKED_UP), City(), 60, Send),
        (K.NEARBY, order(S.DRIVER_NEARBY), City(), 0, Send),
        (K.LATER, order(S.PICKED_UP, **LATE_ORDER), City(), 0, Send),
        (K.DELIVERED, order(S.DELIVERED), City(), 0, Send),
        (K.CANCELLED, order(S.CANCELLED), City(), 0, Send),
        (K.FAILED, order(S.FAILED), City(), 0, Send),
        # The order has moved on.
        (K.LINK, order(S.DELIVERED), City(), 0, WhyNot.MOVED_ON),
        (K.LINK, order(S.CANCELLED), City(), 0, WhyNot.MOVED_ON),
        (K.NEARBY, order(S.DELIVERED), City(), 0, WhyNot.MOVED_ON),
        (K.NEARBY, order(S.PICKED_UP), City(), 0, WhyNot.MOVED_ON),
        (K.DELIVERED, order(S.PICKED_UP), City(), 0, WhyNot.MOVED_ON),
        (K.CANCELLED, order(S.DELIVERED), City(), 0, WhyNot.MOVED_ON),
        (K.LATER, order(S.DRIVER_NEARBY, **LATE_ORDER), City(), 0, WhyNot.MOVED_ON),
        (K.LATER, order(S.PENDING, **LATE_ORDER), City(), 0, WhyNot.MOVED_ON),
        # In time again, or by no more than is worth a text; or nobody can say.
        (
            K.LATER,
            order(S.PICKED_UP, promised_at=NOON, arrival=NOON + LATE_BY - MINUTE),
            City(),
            0,
            WhyNot.MOVED_ON,
        ),
        (K.LATER, order(S.PICKED_UP, promised_at=NOON, arrival=None), City(), 0, WhyNot.MOVED_ON),
        # Told before.
        (K.NEARBY, order(S.DRIVER_NEARBY, told=frozenset({K.NEARBY})), City(), 0, WhyNot.ALREADY),
        (K.NEARBY, order(S.DRIVER_NEARBY, told=frozenset({K.LINK})), City(), 0, Send),
        # Nobody to tell.
        (K.LINK, order(S.PENDING, phone=False), City(), 0, WhyNot.NO_PHONE),
        (K.LINK, order(S.PENDING, restaurant=False), City(), 0, WhyNot.NO_RESTAURANT),
        (K.LINK, order(S.PENDING, stopped=True), City(), 0, WhyNot.STOPPED),
        (K.LINK, order(S.PENDING, stopped=None), City(), 0, WhyNot.STOP_LIST),
        (K.LINK, order(S.PENDING), City(gateway=False), 0, WhyNot.NO_GATEWAY),
        # No news any more.
        (K.NEARBY, order(S.DRIVER_NEARBY), City(), 4, Send),
        (K.NEARBY, order(S.DRIVER_NEARBY), City(), 5, WhyNot.TOO_LATE),
        (K.DELIVERED, order(S.DELIVERED), City(), 15, WhyNot.TOO_LATE),
        # The budget is for links.
        (K.NEARBY, order(S.DRIVER_NEARBY), City(segments_left=1), 0, Send),
        (K.NEARBY, order(S.DRIVER_NEARBY), City(segments_left=0), 0, WhyNot.BUDGET),
        (K.CANCELLED, order(S.CANCELLED), City(segments_left=-3), 0, WhyNot.BUDGET),
        (K.LINK, order(S.PENDING), City(segments_left=-3), 0, Send),
        # By day quiet hours say nothing.
        (K.NEARBY, order(S.DRIVER_NEARBY), City(quiet=QUIET), 0, Send),
    ],
)
def test_what_is_sent(
    kind: MessageKind, standing: Standing, city: City, after: int, decided: type[Send] | WhyNot
) -> None:
    now = NOON + after * MINUTE
    decision = decide(news(kind), standing, city, now)
    if decided is Send:
        assert decision == Send(now, NOON + KINDS[kind].fresh_for)
    else:
        assert decision == decided


@pytest.mark.parametrize("kind", MessageKind)
@pytest.mark.parametrize("status", OrderStatus)
def test_what_doorstep_heard_too_late_is_no_news(kind: MessageKind, status: OrderStatus) -> None:
    """A press without a network that is uploaded 25 minutes later, a fix that only history wants."""
    late = order(status, **LATE_ORDER)
    assert decide(news(kind, late=25 * MINUTE), late, City(), NOON) == WhyNot.OLD_NEWS
    assert decide(news(kind, late=OLD_NEWS_AFTER), late, City(), NOON) != WhyNot.OLD_NEWS


@pytest.mark.parametrize(
    ("kind", "status", "for_later", "decided"),
    [
        # Who orders now is awake, and wants to know that there will be no food.
        (K.LINK, S.PENDING, False, NIGHT),
        (K.CANCELLED, S.CANCELLED, False, NIGHT),
        (K.FAILED, S.FAILED, False, NIGHT),
        # Who ordered for tomorrow can wait until the morning.
        (K.LINK, S.SCHEDULED, True, MORNING),
        (K.CANCELLED, S.CANCELLED, True, MORNING),
        # In the morning it would be old.
        (K.NEARBY, S.DRIVER_NEARBY, False, WhyNot.QUIET),
        (K.LATER, S.PICKED_UP, False, WhyNot.QUIET),
        (K.DELIVERED, S.DELIVERED, False, WhyNot.QUIET),
    ],
)
def test_quiet_hours(
    kind: MessageKind, status: OrderStatus, for_later: bool, decided: datetime | WhyNot
) -> None:
    late = {"promised_at": NIGHT, "arrival": NIGHT + 20 * MINUTE}
    decision = decide(news(kind, NIGHT), order(status, for_later=for_later, **late), City(quiet=QUIET), NIGHT)
    if isinstance(decided, datetime):
        assert decision == Send(decided, NIGHT + KINDS[kind].fresh_for)
    else:
        assert decision == decided


def test_what_is_still_news_after_the_quiet_hours_waits_for_their_end() -> None:
    just_before = MORNING - 2 * MINUTE
    decision = decide(news(K.DELIVERED, just_before), order(S.DELIVERED), City(quiet=QUIET), just_before)
    assert decision == Send(MORNING, just_before + KINDS[K.DELIVERED].fresh_for)


STANDINGS = st.builds(
    Standing,
    status=st.sampled_from(OrderStatus),
    for_later=st.booleans(),
    restaurant=st.booleans(),
    phone=st.booleans(),
    stopped=st.sampled_from([True, False, None]),
    told=st.frozensets(st.sampled_from(MessageKind)),
    promised_at=st.none()
    | st.datetimes(datetime(2026, 11, 28), datetime(2026, 11, 30), timezones=st.just(UTC)),
    arrival=st.none() | st.datetimes(datetime(2026, 11, 28), datetime(2026, 11, 30), timezones=st.just(UTC)),
)
CITIES = st.builds(
    City,
    gateway=st.booleans(),
    quiet=st.none() | st.just(QUIET),
    segments_left=st.none() | st.integers(-5, 5),
)


@given(
    st.sampled_from(MessageKind),
    STANDINGS,
    CITIES,
    st.timedeltas(timedelta(0), timedelta(hours=1)),
    st.timedeltas(timedelta(0), timedelta(days=2)),
)
def test_whatever_is_sent_is_true_wanted_and_in_time(
    kind: MessageKind, standing: Standing, city: City, late: timedelta, after: timedelta
) -> None:
    now = NOON + after
    decision = decide(news(kind, late=late), standing, city, now)
    if not isinstance(decision, Send):
        return
    assert late <= OLD_NEWS_AFTER
    assert standing.phone
    assert standing.restaurant
    assert standing.stopped is False
    assert city.gateway
    assert kind not in standing.told
    assert standing.status in KINDS[kind].holds_in
    assert now <= decision.due_at < decision.expires_at
    assert kind == K.LINK or city.segments_left is None or city.segments_left > 0
    if city.quiet and KINDS[kind].can_wait:
        assert city.quiet.until(decision.due_at) is None


@pytest.mark.parametrize("status", OrderStatus)
@pytest.mark.parametrize("link_from", LinkFrom)
def test_the_link_is_owed_from_a_status_on(status: OrderStatus, link_from: LinkFrom) -> None:
    owed = status not in FINAL and (link_from == LinkFrom.PLACED or status not in (S.SCHEDULED, S.PENDING))
    assert (K.LINK in kinds_of(status, link_from)) == owed


def test_which_statuses_are_told() -> None:
    told = {status: kinds_of(status, LinkFrom.PLACED)[-1:] for status in OrderStatus}
    assert told[S.DRIVER_NEARBY] == [K.NEARBY]
    assert told[S.DELIVERED] == [K.DELIVERED]
    assert told[S.CANCELLED] == [K.CANCELLED]
    assert told[S.FAILED] == [K.FAILED]
    assert all(told[status] == [K.LINK] for status in set(OrderStatus) - FINAL - {S.DRIVER_NEARBY})
