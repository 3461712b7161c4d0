// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Fleet } from "../../static/js/dispatch/fleet.js";
import {
  customerWords,
  etaWords,
  itemsWords,
  lateWords,
  notesWords,
  pickupWords,
  problemWords,
  waited,
} from "../../static/js/dispatch/order-words.js";
import { order, STATUSES } from "./frames.js";

const MINUTE = 60_000;

test("the minutes to the door: a range, an approximation, none, or nothing to say", () => {
  const assigned = { status: /** @type {const} */ ("assigned") };
  const words = (/** @type {Parameters<typeof order>[1]} */ fields) => etaWords(order(1, { ...assigned, ...fields }));
  assert.equal(words({ etaMinutes: 14, etaLow: 12, etaHigh: 16 }), "12–16 min");
  assert.equal(words({ etaMinutes: 14 }), "14 min");
  assert.equal(words({ etaMinutes: 14, problem: "roads_away" }), "~14 min");
  assert.equal(words({ problem: "customer_unplaced" }), "no ETA");
  assert.equal(words({}), "");
  assert.equal(words({ etaMinutes: 14, status: "pending" }), "");
  assert.equal(etaWords({ ...order(1, { ...assigned, etaMinutes: 14 }), claimed: true }), "");
});

test("what is in the bags, and what is to be minded", () => {
  assert.equal(itemsWords(order(1)), "");
  const items = [{ count: 2, text: "Pad Thai" }, { count: 1, text: "Tea" }];
  assert.equal(itemsWords(order(1, { items, bags: 2 })), "2 × Pad Thai\n1 × Tea\nin 2 bags");
  assert.equal(notesWords(order(1)), "");
  const notes = { kitchenNote: "no nuts", driverNote: "ring twice", doorNote: "4th floor", cashDue: "$12.50" };
  const lines = "Kitchen: no nuts\nDriver: ring twice\nDoor: 4th floor\nCash due: $12.50";
  assert.equal(notesWords(order(1, notes)), lines);
  assert.equal(notesWords(order(1, { ...notes, ageCheck: 21 })), `${lines}\nAge check: 21 or older`);
});

test("a problem is told where a dispatcher can do something about it", () => {
  const passing = STATUSES.passingProblems;
  const lost = order(1, { problem: "customer_unplaced", problemText: "Set them." });
  assert.equal(problemWords(lost, passing), "Set them.");
  assert.equal(problemWords({ ...lost, claimed: true }, passing), "");
  assert.equal(problemWords(order(1, { problem: "roads_away", problemText: "Away." }), passing), "");
  assert.equal(problemWords(order(1), passing), "");
});

test("how late it will be, and not while an answer is awaited", () => {
  const fleet = new Fleet(STATUSES, { staleMs: 1, undoMs: 1 });
  const late = order(1, { promisedAt: 0, etaMinutes: 12 });
  assert.equal(lateWords(fleet, late, 0), "12 min late");
  assert.equal(lateWords(fleet, { ...late, claimed: true }, 0), "");
  assert.equal(lateWords(fleet, order(1, { promisedAt: 20 * MINUTE, etaMinutes: 12 }), 0), "");
});

test("the rest of a row", () => {
  assert.equal(customerWords(order(1)), "Maya · 1 Elm St");
  assert.equal(customerWords(order(1, { customerName: "" })), "1 Elm St");
  assert.equal(pickupWords(order(1, { autoPickupAt: 1000 }), 121_000), "Picked up automatically 2 min ago");
  assert.equal(pickupWords(order(1), 0), "");
  const waits = [5, 5.1, 10, 10.1].map((minutes) => waited(order(1, { createdAt: 0 }), minutes * MINUTE));
  assert.deepEqual(waits, [null, "yes", "yes", "very"]);
});
