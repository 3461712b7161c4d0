"""What else may answer at OSRM_URL: a real HTTP server that misbehaves on purpose."""

import json
import logging
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prometheus_client import REGISTRY

from routing.errors import BadRequest, NoRoute, NoSegment, NotAsked, RoutingError, TooBig, Unavailable
from routing.geo import Point
from routing.osrm import Osrm

PLACES = [Point(39.7391, -104.9847), Point(39.7392, -104.9848)]
NEAREST = {
    "code": "Ok",
    "waypoints": [{"location": [-104.98, 39.73], "distance": 3.5, "name": "Grant Street"}],
}

type Behaviour = Callable[[BaseHTTPRequestHandler], None]


class Impostor:
    """Answers request k as `behaviours[k]` says, and from the last one on as that says."""

    def __init__(self) -> None:
        self.behaviours: list[Behaviour] = []
        self.requests = 0
        self.released = threading.Event()
        impostor = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                behaviour = impostor.behaviours[min(impostor.requests, len(impostor.behaviours) - 1)]
                impostor.requests += 1
                behaviour(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.osrm = Osrm(f"http://127.0.0.1:{self.server.server_port}", timeout=(10, 10))


@pytest.fixture
def impostor() -> Iterator[Impostor]:
    impostor = Impostor()
    thread = threading.Thread(target=impostor.server.serve_forever, args=(0.01,))
    thread.start()
    yield impostor
    impostor.released.set()
    impostor.server.shutdown()
    impostor.server.server_close()
    thread.join()


def says(status: int, body: object, content_type: str = "application/json") -> Behaviour:
    text = body if isinstance(body, str) else json.dumps(body)

    def behaviour(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(text.encode())))
        handler.end_headers()
        handler.wfile.write(text.encode())

    return behaviour


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def breaks_off(handler: BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'{"code":"Ok"')
    handler.close_connection = True


def test_one_closed_connection_is_not_noticed(impostor: Impostor) -> None:
    impostor.behaviours = [says(200, NEAREST), hangs_up, says(200, NEAREST)]
    assert impostor.osrm.nearest(PLACES[0]).name == "Grant Street"
    assert impostor.osrm.nearest(PLACES[0]).name == "Grant Street"
    assert impostor.requests == 3


def test_it_is_tried_once_more_and_no_more(impostor: Impostor) -> None:
    impostor.behaviours = [hangs_up]
    with pytest.raises(Unavailable):
        impostor.osrm.nearest(PLACES[0])
    assert impostor.requests == 2


HTML = "<html><body>502 Bad Gateway</body></html>"


@pytest.mark.parametrize(
    "behaviour",
    [
        pytest.param(says(500, HTML, "text/html"), id="500 HTML"),
        pytest.param(says(200, HTML, "text/html"), id="200 HTML"),
        pytest.param(says(500, {"code": "Ok", "waypoints": []}), id="500 JSON"),
        pytest.param(says(503, {"code": "NoSegment"}), id="503 JSON"),
        pytest.param(says(200, '{"code": "Ok", "waypo'), id="half JSON"),
        pytest.param(says(200, ""), id="nothing"),
        pytest.param(says(200, [1, 2]), id="a list"),
        pytest.param(says(200, {"status": "ok"}), id="no code"),
        pytest.param(says(200, {"code": "Ok"}), id="Ok without waypoints"),
        pytest.param(says(200, {"code": "Ok", "waypoints": []}), id="Ok with none"),
        pytest.param(says(200, {"code": "Ok", "waypoints": [{"location": 7}]}), id="Ok with another shape"),
        pytest.param(breaks_off, id="broken off"),
        pytest.param(hangs_up, id="hung up"),
    ],
)
def test_what_is_no_osrm_is_unavailable(impostor: Impostor, behaviour: Behaviour) -> None:
    impostor.behaviours = [behaviour]
    with pytest.raises(Unavailable) as caught:
        impostor.osrm.nearest(PLACES[0])
    assert caught.value.retryable
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    "leg",
    [
        {"duration": 1, "distance": 1},
        {"duration": 1, "distance": 1, "steps": [], "annotation": {"duration": []}},
        {
            "duration": 1,
            "distance": 1,
            "annotation": {"duration": [1, 1]},
            "steps": [
                {"duration": 1, "geometry": {"coordinates": [[-105, 40], [-105.1, 40]]}},
                {"duration": 0, "geometry": {"coordinates": [[-105.1, 40], [-105.1, 40]]}},
            ],
        },
    ],
)
def test_geometry_that_does_not_fit_its_times_is_refused(impostor: Impostor, leg: dict[str, object]) -> None:
    impostor.behaviours = [
        says(200, {"code": "Ok", "routes": [{"duration": 1, "distance": 1, "legs": [leg]}]})
    ]
    with pytest.raises(Unavailable):
        impostor.osrm.route(PLACES, geometry=True)


def test_an_answer_that_takes_too_long_is_not_asked_for_twice(impostor: Impostor) -> None:
    impostor.behaviours = [lambda _: impostor.released.wait(10) and None]
    impatient = Osrm(impostor.osrm.base_url, timeout=(10, 0.3))
    with pytest.raises(Unavailable, match="too long"):
        impatient.nearest(PLACES[0])
    assert impostor.requests == 1


def test_a_port_where_nothing_listens() -> None:
    with pytest.raises(Unavailable):
        Osrm("http://127.0.0.1:1").nearest(PLACES[0])


@pytest.mark.parametrize("url", ["", "osrm:5000", "http://", "http://[bad"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(Unavailable):
        Osrm(url).nearest(PLACES[0])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("NoRoute", NoRoute),
        ("NoTrips", NoRoute),
        ("NoSegment", NoSegment),
        ("TooBig", TooBig),
        ("InvalidQuery", BadRequest),
        ("SomethingNew", BadRequest),
    ],
)
def test_refusals_are_final(impostor: Impostor, code: str, kind: type[RoutingError]) -> None:
    impostor.behaviours = [says(400, {"code": code, "message": "No."})]
    with pytest.raises(RoutingError) as caught:
        impostor.osrm.trip(PLACES[0], PLACES[1:])
    assert type(caught.value) is kind
    assert not caught.value.retryable
    assert impostor.requests == 1


OUTCOMES = {
    "ok": says(200, NEAREST),
    "off_the_map": says(400, {"code": "NoSegment"}),
    "bad_routing_request": says(400, {"code": "InvalidQuery"}),
    "routing_unavailable": hangs_up,
}


def counted() -> dict[str, float]:
    """How many questions of the kind that these tests ask came to what, in this process so far."""
    (family,) = (one for one in REGISTRY.collect() if one.name == "doorstep_osrm_requests")
    return {
        sample.labels["outcome"]: sample.value
        for sample in family.samples
        if sample.name.endswith("_total") and sample.labels["service"] == "nearest"
    }


def timed() -> float:
    return REGISTRY.get_sample_value("doorstep_osrm_seconds_count", {"service": "nearest"}) or 0


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_each_question_is_counted_once_by_what_came_of_it(impostor: Impostor, outcome: str) -> None:
    impostor.behaviours = [OUTCOMES[outcome]]
    counts, times = counted(), timed()
    with suppress(RoutingError):
        impostor.osrm.nearest(PLACES[0])
    assert counted() == counts | {outcome: counts.get(outcome, 0) + 1}
    assert timed() == times + 1


def test_an_answer_of_another_shape_counts_as_none(impostor: Impostor) -> None:
    impostor.behaviours = [says(200, {"code": "Ok"})]
    before = counted()
    with pytest.raises(Unavailable):
        impostor.osrm.nearest(PLACES[0])
    assert counted()["routing_unavailable"] == before.get("routing_unavailable", 0) + 1
    assert counted().get("ok") == before.get("ok")


def test_a_question_that_is_spared_is_counted_as_that(impostor: Impostor) -> None:
    impostor.behaviours = [hangs_up]
    with pytest.raises(Unavailable):
        impostor.osrm.nearest(PLACES[0])
    before, times, asked = counted(), timed(), impostor.requests
    with pytest.raises(NotAsked):
        impostor.osrm.nearest(PLACES[0])
    assert counted() == before | {"not_asked": before.get("not_asked", 0) + 1}
    assert (timed(), impostor.requests) == (times, asked)


@pytest.mark.parametrize(
    "behaviour", [hangs_up, breaks_off, says(500, HTML), says(400, {"code": "NoSegment"})]
)
def test_no_position_leaks(
    impostor: Impostor, behaviour: Behaviour, caplog: pytest.LogCaptureFixture
) -> None:
    impostor.behaviours = [behaviour]
    assert_no_position_leaks(impostor.osrm, caplog)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "osrm:5000"])
def test_no_position_leaks_where_nobody_answers(url: str, caplog: pytest.LogCaptureFixture) -> None:
    assert_no_position_leaks(Osrm(url), caplog)


def assert_no_position_leaks(osrm: Osrm, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(RoutingError) as caught:
        osrm.route(PLACES)
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "9847" not in told
    assert "7391" not in told
