// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Fleet } from "../../static/js/dispatch/fleet.js";
import { at, conflict, driver, order, plan, positions, STATUSES, stop } from "./frames.js";

/** @import { DispatcherFrame, FixTrouble, GeofenceEvent, OrderState, PlanStop } from "../../types/server" */

const LIMITS = { staleMs: 15_000, undoMs: 600_000 };

/** @param {...DispatcherFrame} frames */
function fleet(...frames) {
  const made = new Fleet(STATUSES, LIMITS);
  for (const frame of frames) made.apply(frame, 5000);
  return made;
}

test("an older or equal version says nothing new", () => {
  const known = fleet(order(3, { status: "assigned", driverId: "d1" }), order(2), order(3));
  assert.equal(known.order("o1")?.status, "assigned");
  assert.equal(known.apply(order(3), 0), null);
});

test("a driver and the plan of the driver have versions of their own", () => {
  const known = fleet(driver(4), plan(4, [stop()]));
  assert.equal(known.stopsOf("d1").length, 1);
});

test("an order that is over leaves, and an older frame does not bring it back", () => {
  const known = fleet(order(1), order(5, { status: "delivered" }), order(4, { status: "driver_nearby" }));
  assert.deepEqual(known.orders(), []);
});

test("a position waits for the frame of its driver", () => {
  const known = fleet(positions(at(10)));
  known.apply(driver(1), 0);
  assert.equal(known.positions.get("d1")?.ts, 10);
});

test("a driver whose shift is over leaves, once there are no stops left", () => {
  const off = { onShift: false, status: /** @type {const} */ ("offline") };
  const known = fleet(plan(1, [stop()]), driver(1), positions(at(10)));
  known.apply(plan(2, [stop()]), 0);
  known.apply(driver(2, off), 0);
  assert.equal(known.drivers.size, 1);
  known.apply(plan(3, []), 0);
  known.apply(driver(3, off), 0);
  assert.equal(known.drivers.size + known.plans.size + known.positions.size, 0);
  known.apply(plan(4, []), 0);
  known.apply(driver(4, { onShift: true }), 0);
  assert.equal(known.drivers.get("d1")?.v, 4);
});

test("an older position does not move a driver back", () => {
  const known = fleet(positions(at(20, { lat: 39.8 })), positions(at(10, { lat: 39.7 })));
  assert.equal(known.positions.get("d1")?.lat, 39.8);
});

test("a snapshot replaces everything, older versions too, and is no news", () => {
  const known = fleet(order(9), driver(9), positions(at(10)));
  known.replace([order(2, { orderId: "o2" })]);
  assert.deepEqual(
    known.orders().map(({ orderId }) => orderId),
    ["o2"],
  );
  assert.equal(known.drivers.size + known.positions.size, 0);
  known.apply(order(3, { status: "cancelled" }), 6000);
  assert.equal(known.activity[0].status, "cancelled");
  assert.equal(known.activity.filter(({ orderId }) => orderId === "o2").length, 0);
});

test("a snapshot and the frames after it make what a fresh snapshot makes", () => {
  const folded = fleet(
    order(1),
    driver(1),
    order(2, { status: "assigned", driverId: "d1" }),
    driver(2, { status: "to_restaurant" }),
    positions(at(10)),
  );
  const fresh = new Fleet(STATUSES, LIMITS);
  fresh.replace([
    driver(2, { status: "to_restaurant" }),
    order(2, { status: "assigned", driverId: "d1" }),
    positions(at(10)),
  ]);
  assert.deepEqual(folded.orders(), fresh.orders());
  assert.deepEqual(folded.drivers, fresh.drivers);
  assert.deepEqual(folded.positions, fresh.positions);
});

test("orders are listed oldest first", () => {
  const known = fleet(
    order(1, { orderId: "young", createdAt: 3000 }),
    order(1, { orderId: "old", createdAt: 1000 }),
  );
  assert.deepEqual(
    known.orders().map(({ orderId }) => orderId),
    ["old", "young"],
  );
});

test("a claim shows at once, ends with the server's word, and can be taken back", () => {
  const known = fleet(order(1));
  known.claim("o1", "d1");
  assert.deepEqual(
    [known.order("o1")?.status, known.order("o1")?.driverId, known.order("o1")?.claimed],
    ["assigned", "d1", true],
  );
  known.release("o1");
  assert.equal(known.order("o1")?.status, "pending");
  known.claim("o1", "d1");
  known.apply(order(2, { status: "assigned", driverId: "d2" }), 0);
  assert.deepEqual([known.order("o1")?.driverId, known.order("o1")?.claimed], ["d2", undefined]);
});

test("a geofence and the order that it moved are one entry, whichever comes first", () => {
  /** @type {GeofenceEvent} */
  const fence = {
    type: "geofence",
    orderId: "o1",
    driverId: "d1",
    status: "picked_up",
    at: 4000,
    evidence: { dwell: 60 },
  };
  const moved = order(2, { status: "picked_up", driverId: "d1" });
  for (const frames of [
    [fence, moved],
    [moved, fence],
  ]) {
    const known = fleet(order(1, { status: "driver_at_restaurant", driverId: "d1" }), ...frames);
    assert.deepEqual(
      known.activity.map(({ status, evidence }) => [status, evidence]),
      [
        ["picked_up", { dwell: 60 }],
        ["driver_at_restaurant", null],
      ],
    );
  }
});

test("a status that comes back later is another entry", () => {
  const known = fleet(order(1), order(2, { status: "assigned", driverId: "d1" }), order(3));
  assert.deepEqual(
    known.activity.map(({ status }) => status),
    ["pending", "assigned", "pending"],
  );
  assert.equal(new Set(known.activity.map(({ key }) => key)).size, 3);
});

/**
 * @param {number} v
 * @param {Partial<OrderState>} fields
 */
const nearby = (v, fields = {}) => order(v, { status: "driver_nearby", driverId: "d1", ...fields });

test("a door that was left is an alert until it is so no more", () => {
  const known = fleet(
    nearby(1, { orderId: "young", leftDropoffAt: 3000 }),
    nearby(1, { orderId: "old", leftDropoffAt: 2000 }),
    nearby(1, { orderId: "none" }),
  );
  const alerts = () => known.alerts().map(({ orderId }) => orderId);
  assert.deepEqual(alerts(), ["old", "young"]);
  known.apply(nearby(2, { orderId: "old" }), 6000); // the driver is back
  assert.deepEqual(alerts(), ["young"]);
  known.apply(nearby(2, { orderId: "young", status: "delivered", leftDropoffAt: 3000 }), 6000);
  assert.deepEqual(alerts(), []);
});

test("a driver who ends the shift with orders is stranded until others have them", () => {
  const stops = [stop({ kind: "pickup" }), stop({ stopId: "s2" }), stop({ stopId: "s3", orderId: "o2", leftAt: 1 })];
  const known = fleet(driver(1), driver(1, { driverId: "d2", name: "Ben" }), plan(1, stops));
  const stranded = () => known.stranded().map(({ name }) => name);
  assert.equal(known.toHandOn("d1"), 1); // the door that was left is another question
  assert.deepEqual(stranded(), []);
  known.apply(driver(2, { onShift: false, status: "offline" }), 6000);
  known.apply(driver(2, { driverId: "d2", onShift: false, status: "offline" }), 6000);
  assert.deepEqual(stranded(), ["Ana"]);
  known.apply(plan(2, [stop({ stopId: "s4", kind: "return" })]), 6000); // food that goes back is nobody's order
  assert.deepEqual(stranded(), []);
});

test("a conflict is shown until it is settled, whatever comes late", () => {
  const known = fleet(conflict(1), conflict(1, { conflictId: "x2" }));
  assert.deepEqual([...known.conflicts.keys()], ["x1", "x2"]);
  known.apply(conflict(2, { settled: true }), 6000);
  known.apply(conflict(1), 6000);
  assert.deepEqual([...known.conflicts.keys()], ["x2"]);
  known.replace([]);
  assert.equal(known.conflicts.size, 0);
});

test("an automatic pickup can be undone for a while", () => {
  const known = new Fleet(STATUSES, { ...LIMITS, undoMs: 1000 });
  const picked = order(1, { status: "picked_up", autoPickupAt: 5000 });
  assert.equal(known.canUndoPickup(picked, 5999), true);
  assert.equal(known.canUndoPickup(picked, 6000), false);
  assert.equal(known.canUndoPickup(order(1, { status: "picked_up" }), 5999), false);
});

test("an undone pickup is told as that, not as an arrival", () => {
  const known = fleet(nearby(1), order(2, { status: "driver_at_restaurant", driverId: "d1" }));
  assert.equal(known.activity[0].status, "pickup_undone");
});

test("a driver of whom no fix came for long is stale, by the server's clock", () => {
  const known = new Fleet(STATUSES, LIMITS);
  known.replace([driver(1), positions(at(10_000))]);
  assert.deepEqual(known.presence("d1", 25_000), { silence: 15_000, stale: false, troubled: false });
  assert.deepEqual(known.presence("d1", 25_001), { silence: 15_001, stale: true, troubled: false });
  known.apply(driver(2, { status: "offline" }), 0);
  assert.equal(known.presence("d1", 90_000).stale, false);
  assert.deepEqual(known.presence("nobody", 0), { silence: null, stale: false, troubled: false });
});

test("a driver is in trouble while fixes come and none of them is used", () => {
  /** @type {(v: number, rejected: Record<string, number>) => FixTrouble} */
  const trouble = (v, rejected) => ({ type: "fixes", driverId: "d1", v, since: 1000, last: "future", rejected });
  const known = fleet(driver(1), positions(at(10_000)), trouble(30_000, { future: 2 }));
  assert.equal(known.presence("d1", 20_000).troubled, false); // the place on the map is good
  assert.equal(known.presence("d1", 40_000).troubled, true);
  assert.equal(known.presence("d1", 90_001).troubled, false); // silent by now
  assert.equal(known.apply(trouble(29_000, { future: 1 }), 0), null);
  assert.deepEqual(known.troubles.get("d1")?.rejected, { future: 2 });
  known.replace([driver(2, { status: "offline" }), trouble(95_000, { future: 9 })]);
  assert.equal(known.presence("d1", 96_000).troubled, true); // who was never seen is in trouble, too
});

const MINUTE = 60_000;

test("how late an order will be, by what was promised", () => {
  const known = fleet();
  const told = (/** @type {number | undefined} */ etaMinutes, now = 0) =>
    known.lateness(order(1, { etaMinutes }), now);
  const levels = [30, 31, 40, 41].map((minutes) => told(minutes).level);
  assert.deepEqual(levels, [null, "yes", "yes", "very"]);
  assert.equal(told(25, 17 * MINUTE).late, 12 * MINUTE);
  // Without a prediction only what is over is late.
  assert.deepEqual([told(undefined, 30 * MINUTE).level, told(undefined, 31 * MINUTE).level], [null, "yes"]);
});

let planned = 0;
/**
 * The driver's plan: the arrival at the order's door is predicted for `eta`.
 * @param {number | undefined} eta
 * @param {Partial<PlanStop>} fields
 */
const predicted = (eta, fields = {}) =>
  plan(++planned, [
    stop({ stopId: "s1", kind: "pickup", eta: 1 }),
    stop({ stopId: "s2", orderId: "o2", eta: 90 * MINUTE }),
    stop({ stopId: "s3", eta, ...fields }),
  ]);
const promised = () => order(1, { driverId: "d1", promisedAt: 30 * MINUTE, etaMinutes: 32 });

/**
 * @param {Fleet} known
 * @param {number} now
 */
function lateness(known, now = 0) {
  const [first] = known.orders();
  return known.lateness(first, now);
}

test("how late an order will be is told by its exact arrival, where that is known", () => {
  const known = fleet(promised(), predicted(30 * MINUTE));
  const late = (now = 0) => lateness(known, now).late;
  // Exactly at the promise, however long ago the customer was told minutes that were rounded up.
  assert.deepEqual([late(), late(20 * MINUTE)], [0, 0]);
  // What was predicted has passed: now is the earliest.
  assert.equal(late(33 * MINUTE), 3 * MINUTE);
  known.apply(predicted(undefined), 0);
  assert.equal(late(), 2 * MINUTE);
});

test("a prediction that wavers makes no colour flicker, and tells nothing twice", () => {
  const known = fleet(promised(), predicted(30 * MINUTE));
  const begun = known.activity.length;
  const level = (/** @type {number} */ late) => {
    known.apply(predicted(30 * MINUTE + late * 1000), 0);
    known.noteLateness(0);
    return lateness(known).level;
  };
  assert.deepEqual([0, 59, 60, 45, 59, 31, 60, 30].map(level), [null, null, ...Array(6).fill("yes")]);
  assert.deepEqual([29, 59, 61].map(level), [null, null, "yes"]);
  assert.deepEqual([600, 601, 571, 601, 570].map(level), ["yes", "very", "very", "very", "yes"]);
  assert.deepEqual([599, 29, 601].map(level), ["yes", null, "very"]);
  // The same again, as after a lost connection.
  known.replace([promised(), predicted(30 * MINUTE + 571_000)]);
  known.noteLateness(0);
  assert.equal(lateness(known).level, "very");
  const told = known.activity.slice(0, known.activity.length - begun).map(({ status }) => status);
  assert.deepEqual(told, ["very_late", "late"]);
});

test("what lies ahead of a driver is the plan without the doors that were left", () => {
  const known = fleet(predicted(30 * MINUTE, { leftAt: 5 }));
  assert.deepEqual(
    known.stopsAhead("d1").map(({ stopId }) => stopId),
    ["s1", "s2"],
  );
  assert.deepEqual(known.stopsAhead("nobody"), []);
});

test("an order that will be late is told once, and once more when it is very late", () => {
  const known = fleet(order(1, { etaMinutes: 29 }));
  const told = () => known.activity.map(({ status, minutes }) => [status, minutes]);
  const begun = known.activity.length;
  [29, 33, 35, 29, 33, 45, 50, 33].forEach((etaMinutes, n) => {
    known.apply(order(n + 2, { etaMinutes }), 0);
    known.noteLateness(0);
  });
  assert.deepEqual(told().slice(0, known.activity.length - begun), [
    ["very_late", 15],
    ["late", 3],
  ]);
});

test("what is switched on in a city is known until a snapshot no longer tells it", () => {
  const known = fleet();
  const extra = { minutes: 15, since: 0, until: 9 };
  assert.equal(known.apply({ type: "city", cityId: "c1", extra }, 0), "fleet");
  assert.deepEqual(known.cities.get("c1")?.extra, extra);
  known.replace([]);
  assert.equal(known.cities.size, 0);
});

test("a frame of a kind that is not known yet changes nothing", () => {
  const known = fleet(order(1));
  assert.equal(known.apply(/** @type {any} */ ({ type: "weather", v: 9 }), 0), null);
  assert.equal(known.orders().length, 1);
});

test("what can be done with an order follows from the server’s sets of statuses", () => {
  const other = new Fleet({ beforePickup: ["pending"], inTheBag: ["assigned"], final: ["picked_up"] }, LIMITS);
  assert.deepEqual([other.isBeforePickup(order(1)), fleet().isBeforePickup(order(1))], [true, false]);
  assert.deepEqual([other.isInTheBag(order(1)), other.isInTheBag(order(1, { status: "assigned" }))], [false, true]);
  other.apply(order(1), 0);
  other.apply(order(2, { status: "picked_up" }), 0);
  assert.deepEqual(other.orders(), []);
});

test("a hundred entries of the activity are kept", () => {
  const known = fleet();
  for (let n = 1; n <= 101; n++) known.apply(order(1, { orderId: `o${n}` }), n);
  assert.equal(known.activity.length, 100);
  assert.deepEqual([known.activity[0].orderId, known.activity[99].orderId], ["o101", "o2"]);
});
