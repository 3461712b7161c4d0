// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  apply,
  arrivalWords,
  minutesWords,
  note,
  replace,
  stepStates,
  unknown,
} from "../../static/js/track/delivery.js";
import { eta, said, STATUSES } from "./frames.js";

/** @import { CustomerFrame, DriverPosition, Locale, OrderStatus } from "../../types/server" */

const MINUTE = 60_000;
const PAGE = {
  final: STATUSES.final,
  locale: /** @type {Locale} */ ({ timeZone: "America/Denver", clock: "12h", units: "mi" }),
  staleAfterMs: 15_000,
  noEta: { ...STATUSES.orders, pending: "Once a driver takes it.", cancelled: "Nothing is on its way." },
};

/** @type {(ts: number, lat?: number) => DriverPosition} */
const driverAt = (ts, lat = 39.7) => ({ type: "driver_pos", lat, lng: -105, ts });
const hidden = /** @type {CustomerFrame} */ ({ type: "driver_hidden", v: 1 });
/** @type {CustomerFrame} */
const route = { type: "route", v: 1, geometry: { type: "LineString", coordinates: [[-105, 39.7]] } };

/** @param {...CustomerFrame} frames */
const told = (...frames) => frames.reduce((known, frame) => apply(known, frame, 0), unknown(null));

test("the latest of each kind is known", () => {
  const known = told(said("assigned"), eta(20), route, driverAt(1), said("to_restaurant"), eta(15, { v: 2 }), driverAt(2));
  assert.equal(known.status?.status, "to_restaurant");
  assert.equal(known.eta?.minutes, 15);
  assert.equal(known.driver?.ts, 2);
  assert.equal(known.route?.type, "LineString");
});

test("an older position does not move the driver back; of two of the same time the later counts", () => {
  assert.equal(told(driverAt(5, 39.8), driverAt(4, 39.7)).driver?.lat, 39.8);
  assert.equal(told(driverAt(5, 39.8), driverAt(5, 39.7)).driver?.lat, 39.7);
});

test("a driver who is hidden takes the road along", () => {
  const known = told(route, driverAt(1), hidden);
  assert.deepEqual([known.driver, known.route], [null, null]);
});

test("a snapshot replaces everything", () => {
  const known = replace(told(said("to_restaurant"), eta(15), route, driverAt(1)), [said("assigned")], 0);
  assert.deepEqual(known, { ...unknown(null), status: said("assigned") });
});

test("a frame of a kind that is not known yet changes nothing", () => {
  const known = told(said("assigned"));
  assert.equal(apply(known, /** @type {any} */ ({ type: "weather" }), 0), known);
});

test("an arrival is counted from when the minutes were told first", () => {
  let known = apply(unknown(null), eta(10), 0);
  assert.equal(known.arrivesAt, 10 * MINUTE);
  known = replace(known, [eta(10)], 3 * MINUTE); // the connection was lost, and nothing is new
  assert.equal(known.arrivesAt, 10 * MINUTE);
  known = apply(known, eta(10, { v: 2 }), 3 * MINUTE); // the same minutes, predicted anew
  assert.equal(known.arrivesAt, 13 * MINUTE);
  known = apply(known, { type: "eta_unknown", v: 3 }, 4 * MINUTE);
  assert.deepEqual([known.eta, known.arrivesAt], [null, null]);
  known = apply(known, eta(0, { v: 4 }), 5 * MINUTE); // the driver was at the door
  assert.equal(known.arrivesAt, null);
});

test("a road that is not known any longer goes, and the driver stays", () => {
  const known = told(route, driverAt(1), { type: "route_hidden", v: 2 });
  assert.deepEqual([known.route, known.driver?.ts], [null, 1]);
});

test("the minutes, as a range where there is one", () => {
  assert.deepEqual([eta(14, { low: 12, high: 16 }), eta(14), eta(0), null].map(minutesWords), [
    "12–16",
    "14",
    "",
    "",
  ]);
});

test("when it comes, came, or why nobody can say", () => {
  const at = Date.UTC(2026, 0, 5, 1, 42);
  const words = (/** @type {OrderStatus} */ status, /** @type {Partial<ReturnType<typeof unknown>>} */ fields) =>
    arrivalWords({ ...unknown(null), ...fields }, status, PAGE).replace("\u00a0", " ");
  assert.equal(words("to_restaurant", { arrivesAt: at }), "Arrives around 6:42 PM");
  assert.equal(words("delivered", { arrivesAt: at, deliveredAt: at + MINUTE }), "Handed over at 6:43 PM");
  assert.equal(words("pending", {}), "Once a driver takes it.");
  assert.equal(words("cancelled", { arrivesAt: at }), "Nothing is on its way.");
});

test("it was handed over when the page was told so first", () => {
  const known = apply(unknown(null), said("delivered"), 5);
  assert.equal(known.deliveredAt, 5);
  assert.equal(apply(known, said("delivered"), 9).deliveredAt, 5);
  assert.equal(apply(unknown(3), said("delivered"), 9).deliveredAt, 3);
  assert.equal(apply(unknown(null), said("picked_up"), 9).deliveredAt, null);
});

test("the steps that are done, the one at hand, and those ahead", () => {
  /** @type {OrderStatus[]} */
  const steps = ["assigned", "picked_up", "delivered"];
  assert.deepEqual(stepStates("pending", steps), ["current", "ahead", "ahead"]);
  assert.deepEqual(stepStates("picked_up", steps), ["done", "current", "ahead"]);
  assert.deepEqual(stepStates("delivered", steps), ["done", "done", "done"]);
});

test("a position that is old is called that", () => {
  const known = told(said("to_restaurant"), driverAt(0));
  assert.deepEqual(note(known, PAGE, 15_000), { words: "", silence: null });
  assert.deepEqual(note(known, PAGE, 15_001), { words: "Driver last seen 15 s ago", silence: 15_001 });
});

test("why nobody is on the map is said while others come first", () => {
  const waiting = told(said("picked_up"), eta(20, { stopsBefore: 1 }));
  assert.match(note(waiting, PAGE, 0).words, /^Your driver shows up on the map/);
  assert.equal(note(told(said("picked_up"), eta(20)), PAGE, 0).words, "");
  assert.equal(note(apply(waiting, said("cancelled"), 0), PAGE, 0).words, "");
});
