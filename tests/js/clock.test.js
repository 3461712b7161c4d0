// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { age, clockTime, dayAndTime, serverNow, setServerTime, stopwatch, timeFrom } from "../../static/js/clock.js";

test("the time is the server’s, however wrong the viewer’s clock is", (t) => {
  t.mock.method(Date, "now", () => 1_000_000);
  setServerTime(5_000_000);
  assert.equal(serverNow(), 5_000_000);
  t.mock.method(Date, "now", () => 1_000_250);
  assert.equal(serverNow(), 5_000_250);
});

/** @type {(timeZone: string, clock?: "12h" | "24h") => { timeZone: string, clock: "12h" | "24h" }} */
const by = (timeZone, clock = "12h") => ({ timeZone, clock });

test("a time is told in the order’s time zone", () => {
  const moment = Date.UTC(2026, 0, 5, 1, 42);
  assert.equal(clockTime(moment, by("America/Denver")), "6:42\u00a0PM");
  assert.equal(clockTime(moment, by("America/New_York")), "8:42\u00a0PM");
});

test("where clocks count to 24 a time is told so, midnight as 0", () => {
  assert.equal(clockTime(Date.UTC(2026, 0, 5, 1, 42), by("America/Denver", "24h")), "18:42");
  assert.equal(clockTime(Date.UTC(2026, 0, 5, 7, 5), by("America/Denver", "24h")), "00:05");
  assert.equal(clockTime(Date.UTC(2026, 0, 5, 7, 5), by("America/Denver")), "12:05\u00a0AM");
  assert.equal(dayAndTime(Date.UTC(2026, 10, 29, 2, 0), by("Europe/Berlin", "24h")), "Sun, Nov 29, 03:00");
});

test("a day is told as well where it may be another one", () => {
  const moment = Date.UTC(2026, 10, 29, 2, 0);
  assert.equal(dayAndTime(moment, by("America/Denver")), "Sat, Nov 28, 7:00\u00a0PM");
  assert.equal(dayAndTime(moment, by("Europe/Berlin")), "Sun, Nov 29, 3:00\u00a0AM");
});

test("the day is told where it is another one than now", () => {
  const moment = Date.UTC(2026, 10, 29, 2, 0);
  const day = by("America/Denver");
  assert.equal(timeFrom(moment, day, Date.UTC(2026, 10, 28, 7, 0)), "7:00\u00a0PM");
  assert.equal(timeFrom(moment, day, Date.UTC(2026, 10, 28, 6, 59)), "Sat, Nov 28, 7:00\u00a0PM");
});

const table = (/** @type {(ms: number) => string} */ words, /** @type {Record<string, number>} */ rows) => {
  for (const [told, seconds] of Object.entries(rows)) assert.equal(words(seconds * 1000), told);
};

test("how long something has lasted", () => {
  table(stopwatch, { "0:00": -3, "0:42": 42.9, "12:05": 725, "59:59": 3599, "1:00:00": 3600, "1:03:20": 3800 });
});

test("how long ago something was", () => {
  table(age, { "0 s": -3, "89 s": 89, "2 min": 90, "5 min": 290, "2 h": 5400, "3 h": 10_800, "2 d": 129_600 });
});
