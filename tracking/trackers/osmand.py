"""OsmAnd's online tracking (the plugin “Trip recording”): one fix in the parameters of a GET.

As its source has it (OsmAnd, net/osmand/plus/plugins/monitoring/live/LiveSender.java and
LiveMonitoringData.java): the placeholders of the address are {0} latitude, {1} longitude, {2} the phone's time in
ms, {3} “hdop”, which is `Location.getAccuracy()`, metres, {4} altitude, {5} `Location.getSpeed()`, m/s, {6}
bearing, {11} battery, per cent. The names are ours to choose in the address (docs/trackers.md has it); those that
Traccar's documentation gives them (https://www.traccar.org/osmand/) are read. What is not answered with 2xx is
sent again, until it is older than the app's own limit.
"""

from tracking.trackers.payloads import Payload, Sent, parameters, times


def read(sent: Sent) -> Payload:
    return read_parameters(parameters(sent), speed_unit=1.0)


def read_parameters(given: dict[str, str], speed_unit: float) -> Payload:
    """`speed_unit`: m/s of one unit of `speed`, which apps that share this form do not agree on."""
    lat, lng = given.get("lat"), given.get("lon")
    if lat is None and lng is None and "," in given.get("location", ""):
        lat, _, lng = given["location"].partition(",")
    token = given.get("id") or given.get("deviceid") or ""
    if lat is None and lng is None:
        return Payload(signs_of_life=1, token=token)
    fix = {
        "lat": lat,
        "lng": lng,
        "ts": given.get("timestamp"),
        "speed": times(given.get("speed"), speed_unit),
        "heading": given.get("bearing") or given.get("heading"),
        "accuracy": given.get("accuracy") or given.get("hdop"),
        "battery": given.get("batt"),
    }
    return Payload([fix], token=token)
