// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { extraWords, on, pausedUntil, pauseWords } from "../../static/js/dispatch/switches.js";

/** @import { Locale } from "../../types/server" */

/** @type {Locale} */
const DENVER = { timeZone: "America/Denver", clock: "12h", units: "mi" };
/** Monday, 18:00 in Denver. */
const NOW = Date.UTC(2026, 0, 6, 1, 0);
const HOUR = 3_600_000;

test("a switch is on from its beginning until its end, or until somebody ends it", () => {
  const pause = { since: 10, until: 20, reason: "" };
  assert.deepEqual([9, 10, 19, 20].map((now) => on(pause, now) === pause), [false, true, true, false]);
  const open = { ...pause, until: null };
  assert.equal(on(open, 1e15), open);
  assert.deepEqual([on(null, 15), on(undefined, 15)], [null, null]);
});

test("a pause goes on for so long from now on, or until somebody resumes", () => {
  assert.deepEqual([pausedUntil("30", 5), pausedUntil("open", 5)], [1_800_005, null]);
});

test("what is on says until when, and why", () => {
  const words = (/** @type {number | null} */ until, reason = "") =>
    pauseWords({ since: NOW, until, reason }, DENVER, NOW).replaceAll("\u00a0", " ");
  assert.equal(words(NOW + HOUR), "Paused until 7:00 PM");
  assert.equal(words(NOW + HOUR, "too busy"), "Paused until 7:00 PM: too busy");
  assert.equal(words(NOW + 14 * HOUR), "Paused until Tue, Jan 6, 8:00 AM");
  assert.equal(words(null), "Paused");
  const extra = { minutes: 15, since: NOW, until: NOW + HOUR };
  assert.equal(extraWords(extra, DENVER, NOW).replace("\u00a0", " "), "+15 min until 7:00 PM");
  assert.equal(extraWords(extra, { ...DENVER, clock: "24h" }, NOW), "+15 min until 19:00");
});
