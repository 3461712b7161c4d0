import assert from "node:assert/strict";
import { test } from "node:test";

import { mergeProposals } from "../../static/js/dispatch/advice.js";
import { Fleet } from "../../static/js/dispatch/fleet.js";
import { noRemedyWords, savingWords, troubleWords } from "../../static/js/dispatch/words.js";

const order = (v, fields = {}) => ({
  type: "order",
  orderId: "o1",
  v,
  status: "pending",
  cityId: "c1",
  restaurantId: "r1",
  customerName: "Maya",
  createdAt: 1000,
  ...fields,
});
const driver = (v, fields = {}) => ({
  type: "driver",
  driverId: "d1",
  v,
  name: "Ana",
  status: "idle",
  onShift: true,
  cityId: "c1",
  ...fields,
});
const positions = (...drivers) => ({ type: "driver_pos", cityId: "c1", drivers });
const at = (ts, lat = 39.7, driverId = "d1") => ({ driverId, lat, lng: -105, ts });

function fleet(...frames) {
  const made = new Fleet();
  for (const frame of frames) made.apply(frame, 5000);
  return made;
}

test("an older or equal version says nothing new", () => {
  const known = fleet(order(3, { status: "assigned", driverId: "d1" }), order(2), order(3));
  assert.equal(known.order("o1").status, "assigned");
  assert.equal(known.apply(order(3), 0), null);
});

test("a driver and the plan of the driver have versions of their own", () => {
  const known = fleet(driver(4), { type: "plan", driverId: "d1", v: 4, stops: [{ stopId: "s1" }] });
  assert.equal(known.stopsOf("d1").length, 1);
});

test("an order that is over leaves, and an older frame does not bring it back", () => {
  const known = fleet(order(1), order(5, { status: "delivered" }), order(4, { status: "driver_nearby" }));
  assert.deepEqual(known.orders(), []);
});

test("a position waits for the frame of its driver", () => {
  const known = fleet(positions(at(10)));
  assert.deepEqual(known.strangers(), ["d1"]);
  known.apply(driver(1), 0);
  assert.deepEqual(known.strangers(), []);
  assert.equal(known.positions.get("d1").ts, 10);
});

test("an older position does not move a driver back", () => {
  const known = fleet(positions(at(20, 39.8)), positions(at(10, 39.7)));
  assert.equal(known.positions.get("d1").lat, 39.8);
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
  const fresh = new Fleet();
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
    [known.order("o1").status, known.order("o1").driverId, known.order("o1").claimed],
    ["assigned", "d1", true],
  );
  known.release("o1");
  assert.equal(known.order("o1").status, "pending");
  known.claim("o1", "d1");
  known.apply(order(2, { status: "assigned", driverId: "d2" }), 0);
  assert.deepEqual([known.order("o1").driverId, known.order("o1").claimed], ["d2", undefined]);
});

test("a geofence and the order that it moved are one entry, whichever comes first", () => {
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

test("an automatic pickup can be undone for a while", () => {
  const known = new Fleet({ undoMs: 1000 });
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
  const known = new Fleet({ staleMs: 15_000 });
  known.replace([driver(1), positions(at(10_000))]);
  assert.deepEqual(known.presence("d1", 25_000), { silence: 15_000, stale: false, troubled: false });
  assert.deepEqual(known.presence("d1", 25_001), { silence: 15_001, stale: true, troubled: false });
  known.apply(driver(2, { status: "offline" }), 0);
  assert.equal(known.presence("d1", 90_000).stale, false);
  assert.deepEqual(known.presence("nobody", 0), { silence: null, stale: false, troubled: false });
});

test("a driver is in trouble while fixes come and none of them is used", () => {
  const trouble = (v, rejected) => ({ type: "fixes", driverId: "d1", v, since: 1000, last: "future", rejected });
  const known = fleet(driver(1), positions(at(10_000)), trouble(30_000, { future: 2 }));
  assert.equal(known.presence("d1", 20_000).troubled, false); // the place on the map is good
  assert.equal(known.presence("d1", 40_000).troubled, true);
  assert.equal(known.presence("d1", 90_001).troubled, false); // silent by now
  assert.equal(known.apply(trouble(29_000, { future: 1 }), 0), null);
  assert.deepEqual(known.troubles.get("d1").rejected, { future: 2 });
  known.replace([driver(2, { status: "offline" }), trouble(95_000, { future: 9 })]);
  assert.equal(known.presence("d1", 96_000).troubled, true); // who was never seen is in trouble, too
});

test("why fixes were turned away, in words", () => {
  const clock = (moment) => `${moment} o’clock`;
  const words = (rejected) => troubleWords({ since: 2, rejected }, clock);
  assert.equal(
    words({ teleport: 2, stale: 10 }),
    "12 fixes not used since 2 o’clock: too late (10), jumps (2)",
  );
  assert.equal(words({ out_of_order: 1 }), "1 fix not used since 2 o’clock: out of order (1)");
  assert.equal(words({ future: 4 }), "4 fixes used with the time put right: clock ahead");
  assert.equal(words({ inaccurate: 3 }), "3 fixes too inaccurate to move an order along");
  assert.equal(
    words({ malformed: 1, inaccurate: 1 }),
    "1 fix not used since 2 o’clock: unreadable (1); 1 fix too inaccurate to move an order along",
  );
});

test("how late an order will be, by what was promised", () => {
  const known = fleet();
  const minutes = (n) => n * 60_000;
  const level = (etaMinutes, now = 0) => known.lateness({ etaMinutes, promisedAt: minutes(30) }, now).level;
  assert.deepEqual([level(30), level(31), level(40), level(41)], [null, "yes", "yes", "very"]);
  assert.equal(known.lateness({ etaMinutes: 25, promisedAt: minutes(30) }, minutes(17)).late, minutes(12));
  // Without a prediction only what is over is late.
  assert.deepEqual([level(null, minutes(30)), level(null, minutes(31))], [null, "yes"]);
});

const MINUTE = 60_000;
let planned = 0;
/** The driver's plan: the arrival at the order's door is predicted for `eta`. */
const plan = (eta, fields = {}) => ({
  type: "plan",
  driverId: "d1",
  v: ++planned,
  stops: [
    { stopId: "s1", orderId: "o1", kind: "pickup", eta: 1 },
    { stopId: "s2", orderId: "o2", kind: "dropoff", eta: 90 * MINUTE },
    { stopId: "s3", orderId: "o1", kind: "dropoff", eta, ...fields },
  ],
});
const promised = (fields = {}) => order(1, { driverId: "d1", promisedAt: 30 * MINUTE, etaMinutes: 32, ...fields });

test("how late an order will be is told by its exact arrival, where that is known", () => {
  const known = fleet(promised(), plan(30 * MINUTE));
  const late = (now = 0) => known.lateness(known.order("o1"), now).late;
  // Exactly at the promise, however long ago the customer was told minutes that were rounded up.
  assert.deepEqual([late(), late(20 * MINUTE)], [0, 0]);
  // What was predicted has passed: now is the earliest.
  assert.equal(late(33 * MINUTE), 3 * MINUTE);
  known.apply(plan(null), 0);
  assert.equal(late(), 2 * MINUTE);
});

test("a prediction that wavers makes no colour flicker, and tells nothing twice", () => {
  const known = fleet(promised(), plan(30 * MINUTE));
  const begun = known.activity.length;
  const predicted = (late) => {
    known.apply(plan(30 * MINUTE + late * 1000), 0);
    known.noteLateness(0);
    return known.lateness(known.order("o1"), 0).level;
  };
  assert.deepEqual([0, 59, 60, 45, 59, 31, 60, 30].map(predicted), [null, null, ...Array(6).fill("yes")]);
  assert.deepEqual([29, 59, 61].map(predicted), [null, null, "yes"]);
  assert.deepEqual([600, 601, 571, 601, 570].map(predicted), ["yes", "very", "very", "very", "yes"]);
  assert.deepEqual([599, 29, 601].map(predicted), ["yes", null, "very"]);
  // The same again, as after a lost connection.
  known.replace([promised(), plan(30 * MINUTE + 571_000)]);
  known.noteLateness(0);
  assert.equal(known.lateness(known.order("o1"), 0).level, "very");
  const told = known.activity.slice(0, known.activity.length - begun).map(({ status }) => status);
  assert.deepEqual(told, ["very_late", "late"]);
});

test("what lies ahead of a driver is the plan without the doors that were left", () => {
  const known = fleet(plan(30 * MINUTE, { leftAt: 5 }));
  assert.deepEqual(
    known.stopsAhead("d1").map(({ stopId }) => stopId),
    ["s1", "s2"],
  );
  assert.deepEqual(known.stopsAhead("nobody"), []);
});

test("what the planner’s order would save, and what for", () => {
  const words = (minutes, km) => savingWords({ minutes, km });
  assert.equal(words(3.2, 0.6), "The planner’s order saves 3 min and 0.4 mi.");
  assert.equal(words(3.2, -0.6), "The planner’s order saves 3 min for 0.4 mi more.");
  assert.equal(words(3.2, -0.1), "The planner’s order saves 3 min for 350 ft more.");
  assert.equal(words(3.2, 0), "The planner’s order saves 3 min.");
  assert.equal(words(0.4, -0.6), "The planner has another order, for what was promised.");
});

test("that nothing helps is said only where somebody could tell", () => {
  assert.equal(noRemedyWords(null), "Looking…");
  assert.match(noRemedyWords({ roadsAway: true, remedies: [] }), /^The road server does not answer\./);
  assert.match(noRemedyWords({ roadsAway: false, remedies: [] }), /^Nothing would make it sooner/);
});

test("who is no longer proposed goes; the others keep their order", () => {
  const answer = (...ids) => ({ approximate: false, proposals: ids.map((driverId, cost) => ({ driverId, cost })) });
  const first = mergeProposals(null, answer("a", "guest", "b"));
  const then = mergeProposals(first, answer("b", "c", "a"));
  assert.deepEqual([...then.of.keys()], ["a", "b", "c"]);
  assert.equal(then.of.get("a").cost, 2);
});

test("an order that will be late is told once, and once more when it is very late", () => {
  const minutes = (n) => n * 60_000;
  const known = fleet(order(1, { promisedAt: minutes(30), etaMinutes: 29 }));
  const told = () => known.activity.map(({ status, minutes: late }) => [status, late]);
  const begun = known.activity.length;
  [29, 33, 35, 29, 33, 45, 50, 33].forEach((etaMinutes, n) => {
    known.apply(order(n + 2, { promisedAt: minutes(30), etaMinutes }), 0);
    known.noteLateness(0);
  });
  assert.deepEqual(told().slice(0, known.activity.length - begun), [
    ["very_late", 15],
    ["late", 3],
  ]);
});
