// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { mergeProposals } from "../../static/js/dispatch/advice.js";
import { candidates, hintWords } from "../../static/js/dispatch/candidates.js";
import { Fleet } from "../../static/js/dispatch/fleet.js";
import { at, driver, order, positions, restaurant, STATUSES } from "./frames.js";

/** @import { DispatcherFrame, Offer, Proposals, Unable } from "../../types/server" */
/** @import { Order } from "../../static/js/dispatch/fleet.js" */
/** @import { Ranked } from "../../static/js/dispatch/advice.js" */

/** @type {(driverId: string, addedMinutes?: number) => Offer} */
const offer = (driverId, addedMinutes = 1) => ({ driverId, addedMinutes, lateMinutes: 0, deliveredAt: 1, delays: [] });
/** @type {(driverId: string) => Unable} */
const unable = (driverId) => ({ driverId, problem: "no_room", message: "Nothing more fits." });
/** @type {(...proposals: Proposals["proposals"]) => Proposals} */
const answer = (...proposals) => ({ approximate: false, proposals });

/** @param {...DispatcherFrame} frames */
function fleet(...frames) {
  const made = new Fleet(STATUSES, { staleMs: 1, undoMs: 1 });
  made.replace([restaurant(), ...frames]);
  return made;
}

const named = (/** @type {string} */ driverId, cityId = "c1") => driver(1, { driverId, name: driverId, cityId });
/** @type {(fleet: Fleet, order: Order, proposals?: Ranked | null) => string[]} */
const ids = (known, wanted, proposals = null) =>
  candidates(known, wanted, proposals).map((candidate) => candidate.driver.driverId);

test("the nearest comes first until the planner has spoken; whose place is unknown comes last", () => {
  const known = fleet(
    ...["lost", "far", "near"].map((id) => named(id)),
    positions(at(1, { driverId: "far", lat: 39.9 }), at(1, { driverId: "near", lat: 39.76 })),
  );
  assert.deepEqual(ids(known, order(1)), ["near", "far", "lost"]);
});

test("then the best comes first, and whom the planner has not named after those, by name", () => {
  const known = fleet(
    ...["zoe", "eve", "far", "near"].map((id) => named(id)),
    positions(at(1, { driverId: "far", lat: 39.9 }), at(1, { driverId: "near", lat: 39.76 })),
  );
  const ranked = mergeProposals(null, answer(offer("far"), unable("near")));
  assert.deepEqual(ids(known, order(1), ranked), ["far", "near", "eve", "zoe"]);
});

test("who is off shift or has the order already is not asked", () => {
  const known = fleet(named("ana"), named("ben"), driver(1, { driverId: "off", onShift: false }));
  assert.deepEqual(ids(known, order(1, { driverId: "ana" })), ["ben"]);
});

test("of another city’s drivers those who can help are asked", () => {
  const known = fleet(named("own"), named("helper", "c2"), named("full", "c2"), named("other", "c2"));
  const ranked = mergeProposals(null, answer(offer("helper"), unable("full")));
  assert.deepEqual(ids(known, order(1)), ["own"]);
  assert.deepEqual(ids(known, order(1), ranked), ["helper", "own"]);
  assert.deepEqual(ids(known, order(1, { cityId: null })), ["full", "helper", "other", "own"]);
});

test("who is no longer proposed goes; the others keep their order, with new words", () => {
  const first = mergeProposals(null, answer(offer("a"), offer("guest"), offer("b")));
  const then = mergeProposals(first, answer(offer("b"), offer("c"), offer("a", 7)));
  assert.deepEqual([...then.of.keys()], ["a", "b", "c"]);
  assert.deepEqual(then.of.get("a"), offer("a", 7));
});

test("what the order of the drivers means", () => {
  const hints = [null, { approximate: true, of: new Map() }, { approximate: false, of: new Map() }].map(hintWords);
  assert.deepEqual(hints, [
    "nearest first, or on the map",
    "best first, by straight lines: no roads now",
    "best first, or on the map",
  ]);
});
