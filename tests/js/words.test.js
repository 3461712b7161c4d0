// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import {
  distanceWords,
  noRemedyWords,
  plural,
  savingWords,
  speedWords,
  troubleWords,
} from "../../static/js/dispatch/words.js";

const MILES = /** @type {const} */ ({ units: "mi" });
const KM = /** @type {const} */ ({ units: "km" });

test("why fixes were turned away", () => {
  const clock = (/** @type {number} */ moment) => `${moment} o’clock`;
  const words = (/** @type {Record<string, number>} */ rejected) => troubleWords({ since: 2, rejected }, clock);
  assert.equal(
    words({ teleport: 2, stale: 10 }),
    "12 fixes not used since 2 o’clock: too late (10), jumps (2)",
  );
  assert.equal(words({ out_of_order: 1 }), "1 fix not used since 2 o’clock: out of order (1)");
  assert.equal(words({ refused: 1 }), "1 fix not used since 2 o’clock: not to be stored (1)");
  assert.equal(words({ future: 4 }), "4 fixes used with the time put right: clock ahead");
  assert.equal(words({ behind: 1 }), "1 fix used with the time put right: clock behind");
  assert.equal(words({ inaccurate: 3 }), "3 fixes too inaccurate to move an order along");
  assert.equal(
    words({ malformed: 1, inaccurate: 1 }),
    "1 fix not used since 2 o’clock: unreadable (1); 1 fix too inaccurate to move an order along",
  );
});

test("what the planner’s order would save, and what for", () => {
  const words = (/** @type {number} */ minutes, /** @type {number} */ km) => savingWords({ minutes, km }, MILES);
  assert.equal(words(3.2, 0.6), "The planner’s order saves 3 min and 0.4 mi.");
  assert.equal(words(3.2, -0.6), "The planner’s order saves 3 min for 0.4 mi more.");
  assert.equal(words(3.2, -0.1), "The planner’s order saves 3 min for 350 ft more.");
  assert.equal(words(3.2, 0), "The planner’s order saves 3 min.");
  assert.equal(words(0.4, -0.6), "The planner has another order, for what was promised.");
  assert.equal(savingWords({ minutes: 3.2, km: 0.6 }, KM), "The planner’s order saves 3 min and 600 m.");
});

test("that nothing helps is said only where somebody could tell", () => {
  assert.equal(noRemedyWords(null), "Looking…");
  assert.match(noRemedyWords({ roadsAway: true, remedies: [] }), /^The road server does not answer\./);
  assert.match(noRemedyWords({ roadsAway: false, remedies: [] }), /^Nothing would make it sooner/);
});

test("numbers in words", () => {
  assert.deepEqual([plural(1, "stop"), plural(0, "stop"), plural(2, "fix", "fixes")], ["1 stop", "0 stops", "2 fixes"]);
  const distances = (/** @type {{ units: "mi" | "km" }} */ locale) =>
    [137, 305, 306, 994, 995, 2253].map((metres) => distanceWords(metres, locale));
  assert.deepEqual(distances(MILES), ["450 ft", "1000 ft", "0.2 mi", "0.6 mi", "0.6 mi", "1.4 mi"]);
  assert.deepEqual(distances(KM), ["140 m", "310 m", "310 m", "990 m", "1.0 km", "2.3 km"]);
  assert.deepEqual([speedWords(10, MILES), speedWords(10, KM)], ["22 mph", "36 km/h"]);
});
