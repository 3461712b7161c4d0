// @ts-check
// The server's alerts: as they are folded, worded, told once, and heard.
import assert from "node:assert/strict";
import { test } from "node:test";

import { clockTime } from "../../static/js/clock.js";
import { alarmWords, News } from "../../static/js/dispatch/alarm-words.js";
import { Api } from "../../static/js/dispatch/api.js";
import { Beeper } from "../../static/js/dispatch/beeper.js";
import { Desk } from "../../static/js/dispatch/desk.js";
import { Fleet } from "../../static/js/dispatch/fleet.js";
import { alarm, driver, order, plan, restaurant, STATUSES, stop } from "./frames.js";

/** @import { AlertState, DispatcherFrame, Urls } from "../../types/server" */

/** @param {...DispatcherFrame} frames */
function fleetWith(...frames) {
  const fleet = new Fleet(STATUSES, { staleMs: 15_000, undoMs: 1000 });
  for (const frame of frames) fleet.apply(frame, 5000);
  return fleet;
}

/** @param {Fleet} fleet */
const ids = (fleet) => fleet.unseen().map(({ alertId }) => alertId);

test("an alert is there until it has ended, and an older frame does not bring it back", () => {
  const fleet = fleetWith(alarm(1));
  assert.deepEqual(ids(fleet), ["a1"]);
  assert.equal(fleet.apply(alarm(1), 0), null);
  fleet.apply(alarm(3, { ended: true }), 0);
  fleet.apply(alarm(2, { seenBy: "Dana" }), 0);
  assert.deepEqual([...fleet.alarms], []);
});

test("one that somebody has seen is quiet, and comes back when that is taken back", () => {
  const fleet = fleetWith(alarm(1), alarm(1, { alertId: "a2", since: 500 }));
  assert.deepEqual(ids(fleet), ["a2", "a1"]);
  fleet.apply(alarm(2, { seenBy: "Dana" }), 0);
  assert.deepEqual(ids(fleet), ["a2"]);
  fleet.apply(alarm(3), 0);
  assert.deepEqual(ids(fleet), ["a2", "a1"]);
});

test("a snapshot has what is open, and nothing else", () => {
  const fleet = fleetWith(alarm(1), alarm(1, { alertId: "a2" }));
  fleet.replace([alarm(1, { alertId: "a2" })]);
  assert.deepEqual(ids(fleet), ["a2"]);
});

/** @type {import("../../types/server").Locale} */
const DENVER = { timeZone: "America/Denver", clock: "12h", units: "mi" };

/** @param {...DispatcherFrame} frames */
function deskWith(...frames) {
  return new Desk({
    fleet: fleetWith(...frames),
    api: new Api(/** @type {Urls} */ ({}), ""),
    statuses: STATUSES,
    cities: [{ id: "c1", name: "Denver", lat: 0, lng: 0, locale: DENVER }],
    locale: DENVER,
    draw: () => {},
    toast: () => {},
  });
}

test("each kind says whom it is of, what is wrong, and for how long", () => {
  const desk = deskWith(restaurant(), driver(1), order(1), plan(1, [stop(), stop({ stopId: "s2" })]));
  const dueAt = 1_700_000_000_000;
  /** @type {[Partial<AlertState>, string, string, string][]} */
  const cases = [
    [{ kind: "unassigned", driverId: undefined }, "Larimer Noodles", "no driver yet · Maya", "1:02"],
    [{ kind: "not_set_out" }, "Ana", "has not set out for Larimer Noodles", "1:02"],
    [{ kind: "at_restaurant" }, "Ana", "still at Larimer Noodles", "1:02"],
    [{ kind: "standing" }, "Ana", "stands on the way, at no stop", "1:02"],
    [{ kind: "off_route" }, "Ana", "off the planned road, and comes no nearer", "1:02"],
    [{ kind: "silent" }, "Ana", "nothing heard, with food on board", "1:02"],
    [
      { kind: "shift_ending", orderId: undefined, dueAt },
      "Ana",
      `shift ends ${clockTime(dueAt, DENVER)}, 2 stops left`,
      "",
    ],
    [{ kind: "at_restaurant", driverId: "gone", orderId: "gone" }, "A driver", "still at the restaurant", "1:02"],
    [{ kind: "unassigned", driverId: undefined, orderId: "gone" }, "An order", "no driver yet", "1:02"],
  ];
  for (const [fields, who, what, when] of cases)
    assert.deepEqual(alarmWords(desk, alarm(1, fields), 63_000), { who, what, when });
});

test("what is there as the page is opened is no news, and nothing is news twice", () => {
  const news = new News();
  assert.deepEqual(news.of(["a"]), []);
  assert.deepEqual(news.of(["a", "b"]), ["b"]);
  assert.deepEqual(news.of([]), []);
  assert.deepEqual(news.of(["b", "c"]), ["c"]);
});

/** An AudioContext that runs as soon as it may, and counts what is played. */
class FakeContext {
  state = "suspended";
  currentTime = 0;
  destination = {};
  started = 0;
  onstatechange = () => {};
  allowed = true;

  async resume() {
    if (this.allowed) this.state = "running";
  }

  createOscillator() {
    return { frequency: {}, connect: (/** @type {unknown} */ to) => to, start: () => (this.started += 1), stop() {} };
  }

  createGain() {
    const ramp = () => {};
    return { gain: { setValueAtTime: ramp, linearRampToValueAtTime: ramp }, connect() {} };
  }
}

/** @param {Record<string, string>} kept */
function beeperWith(kept = {}) {
  const context = new FakeContext();
  const storage = {
    getItem: (/** @type {string} */ key) => kept[key] ?? null,
    setItem: (/** @type {string} */ key, /** @type {string} */ value) => void (kept[key] = value),
  };
  const beeper = new Beeper(storage, () => /** @type {AudioContext} */ (/** @type {unknown} */ (context)));
  return { beeper, context, kept };
}

test("there is no sound before the first gesture, and the button says so", async () => {
  const { beeper, context } = beeperWith();
  beeper.beep();
  assert.deepEqual([beeper.state, beeper.played, context.started], ["waiting", 0, 0]);
  await beeper.unlock();
  beeper.beep();
  assert.deepEqual([beeper.state, beeper.played, context.started], ["on", 1, 2]);
});

test("a browser that still forbids it leaves the button waiting", async () => {
  const { beeper, context } = beeperWith();
  context.allowed = false;
  await beeper.unlock();
  beeper.beep();
  assert.deepEqual([beeper.state, beeper.played], ["waiting", 0]);
});

test("the button allows the sound first, then mutes it, and that is remembered", async () => {
  const { beeper, kept } = beeperWith();
  await beeper.toggle();
  assert.deepEqual([beeper.state, beeper.played], ["on", 1]);
  await beeper.toggle();
  beeper.beep();
  assert.deepEqual([beeper.state, beeper.played], ["muted", 1]);
  const later = beeperWith(kept).beeper;
  await later.unlock();
  later.beep();
  assert.deepEqual([later.state, later.played], ["muted", 0]);
  await later.toggle();
  assert.deepEqual([later.state, later.played], ["on", 1]);
});
