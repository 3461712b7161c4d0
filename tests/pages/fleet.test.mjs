import assert from "node:assert/strict";
import { test } from "node:test";

import { Fleet } from "../../static/js/dispatch/fleet.js";

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
