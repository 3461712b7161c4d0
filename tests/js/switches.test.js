// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { changed, extraWords, on, pauseWords } from "../../static/js/dispatch/switches.js";

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

test("a pause can be for longer, until somebody resumes, or for another reason", () => {
  const pause = { since: 1, until: 9, reason: "flood" };
  assert.deepEqual(changed(pause, "for:30", 5), { until: 1_800_005, reason: "flood" });
  assert.deepEqual(changed(pause, "for:open", 5), { until: null, reason: "flood" });
  assert.deepEqual(changed(pause, "why:too busy", 5), { until: 9, reason: "too busy" });
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
