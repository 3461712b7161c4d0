// @ts-check
// The dispatcher's desk with a server that answers what each test says.
import assert from "node:assert/strict";
import { beforeEach, mock, test } from "node:test";

import { clockTime } from "../../static/js/clock.js";
import { Api } from "../../static/js/dispatch/api.js";
import { meaningOf } from "../../static/js/dispatch/candidates.js";
import { firstCity } from "../../static/js/dispatch/cities.js";
import { conflictWords } from "../../static/js/dispatch/conflict-words.js";
import { Desk } from "../../static/js/dispatch/desk.js";
import { batteryWords, doingWords, signOf, silenceWords, stateWords, statusWords } from "../../static/js/dispatch/driver-words.js";
import { Fleet } from "../../static/js/dispatch/fleet.js";
import { heirWords, hintWords, takers } from "../../static/js/dispatch/heirs.js";
import { QUESTIONS } from "../../static/js/dispatch/questions.js";
import { at, conflict, driver, order, plan, positions, restaurant, STATUSES, stop } from "./frames.js";

/** @import { CityOfPage, DispatcherFrame, Locale, Urls } from "../../types/server" */

const SUBJECT = "00000000-0000-0000-0000-000000000000";
const OTHER = "00000000-0000-0000-0000-000000000001";
/** @type {Urls} */
const URLS = {
  subject: SUBJECT,
  other: OTHER,
  proposals: `/o/${SUBJECT}/proposals`,
  remedies: `/o/${SUBJECT}/remedies`,
  saving: `/d/${SUBJECT}/saving`,
  assign: `/o/${SUBJECT}/assign`,
  unassign: `/o/${SUBJECT}/unassign`,
  serveFirst: `/o/${SUBJECT}/first`,
  unpin: `/o/${SUBJECT}/unpin`,
  rearrange: `/d/${SUBJECT}/stops`,
  succession: `/d/${SUBJECT}/succession`,
  successionTo: `/d/${SUBJECT}/succession/${OTHER}`,
  handOn: `/d/${SUBJECT}/hand-on`,
  handBack: `/d/${SUBJECT}/hand-back`,
  cancel: `/o/${SUBJECT}/cancel`,
  undoPickup: `/o/${SUBJECT}/undo-pickup`,
  close: `/o/${SUBJECT}/close`,
  settle: `/c/${SUBJECT}/settle`,
  seeAlert: `/a/${SUBJECT}/seen`,
  pause: `/p/${SUBJECT}/pause`,
  resume: `/p/${SUBJECT}/resume`,
  promiseLater: `/p/${SUBJECT}/promise-later`,
  promiseAsUsual: `/p/${SUBJECT}/promise-as-usual`,
};
/** @type {(timeZone: string) => Locale} */
const locale = (timeZone) => ({ timeZone, clock: "12h", units: "mi" });
const city = (/** @type {string} */ id, timeZone = "America/Denver") =>
  /** @type {CityOfPage} */ ({ id, name: id, lat: 0, lng: 0, locale: locale(timeZone) });
const json = (/** @type {unknown} */ body, status = 200) =>
  new Response(JSON.stringify(body), { status, headers: { "Content-Type": "application/json" } });

/** @type {{ url: string, body: unknown, token: string | null }[]} */
let asked;
/** @type {{ words: string, undo?: (() => void) | null }[]} */
let toasts;
/** @type {() => Response} */
let answer;

beforeEach(() => {
  asked = [];
  toasts = [];
  answer = () => new Response(null, { status: 204 });
  mock.method(globalThis, "fetch", async (/** @type {string} */ url, /** @type {RequestInit} */ options = {}) => {
    const token = new Headers(options.headers).get("X-CSRFToken");
    asked.push({ url, body: options.body ? JSON.parse(String(options.body)) : undefined, token });
    return answer();
  });
});

/** @param {...DispatcherFrame} frames */
function deskWith(...frames) {
  const fleet = new Fleet(STATUSES, { staleMs: 15_000, undoMs: 1000 });
  fleet.replace([restaurant(), driver(1), driver(1, { driverId: "d2", name: "Ben" }), ...frames]);
  return new Desk({
    fleet,
    api: new Api(URLS, "secret"),
    statuses: STATUSES,
    cities: [city("c1"), city("c2", "America/New_York")],
    locale: locale("UTC"),
    draw: () => {},
    toast: (words, undo) => toasts.push({ words, undo }),
  });
}

test("an order is assigned at once on the page, and by the server’s address for it", async () => {
  const desk = deskWith(order(1));
  const assigning = desk.assign("o1", "d1");
  assert.equal(desk.fleet.order("o1")?.status, "assigned");
  await assigning;
  assert.deepEqual(asked, [{ url: "/o/o1/assign", body: { driver: "d1" }, token: "secret" }]);
  assert.equal(toasts[0].words, "Larimer Noodles → Ana");
});

test("what the server refuses is taken back, in the server’s words", async () => {
  answer = () => json({ code: "conflict", message: "Somebody else was faster." }, 409);
  const desk = deskWith(order(1));
  await desk.assign("o1", "d1");
  assert.equal(desk.fleet.order("o1")?.status, "pending");
  assert.deepEqual(toasts, [{ words: "Somebody else was faster.", undo: undefined }]);
});

test("a server that is away, or answers with a page, is told as that", async () => {
  const desk = deskWith(order(1));
  answer = () => new Response("<h1>Oh</h1>", { status: 502 });
  await desk.cancel("o1", "");
  answer = () => {
    throw new TypeError("Failed to fetch");
  };
  await desk.cancel("o1", "");
  assert.deepEqual(
    toasts.map(({ words }) => words),
    ["The server answered 502. Load the page anew.", "No connection to the server. Nothing was changed."],
  );
});

test("undoing an assignment gives the order back, its stops at their places", async () => {
  const stops = [stop({ stopId: "s1", orderId: "o9", pinned: true }), stop({ stopId: "s2" })];
  const desk = deskWith(order(1, { status: "assigned", driverId: "d1" }), plan(1, stops));
  await desk.assign("o1", "d2");
  desk.fleet.apply(order(2, { status: "assigned", driverId: "d2" }), 0);
  desk.fleet.apply(plan(2, [stops[0]]), 0);
  asked = [];
  toasts[0].undo?.();
  await new Promise(setImmediate);
  assert.deepEqual(
    asked.map(({ url, body }) => [url, body]),
    [
      ["/o/o1/assign", { driver: "d1" }],
      [
        "/d/d1/stops",
        {
          stops: [
            { order: "o9", kind: "dropoff", pinned: true },
            { order: "o1", kind: "dropoff", pinned: false },
          ],
        },
      ],
    ],
  );
});

test("what is handed on can be undone, with the shift and each stop at its place", async () => {
  const stops = [stop({ stopId: "s1", kind: "pickup", pinned: true }), stop({ stopId: "s2" })];
  const desk = deskWith(order(1, { status: "assigned", driverId: "d1" }), plan(1, stops));
  const moves = [{ order: "o1", driver: "d2" }];
  await desk.handOn("d1", moves, true);
  desk.fleet.apply(plan(2, []), 0);
  desk.fleet.apply(driver(2, { onShift: false }), 0); // who leaves the dashboard
  assert.equal(toasts[0].words, "1 order of Ana handed on.");
  toasts[0].undo?.();
  await new Promise(setImmediate);
  const back = [
    { order: "o1", kind: "pickup", pinned: true },
    { order: "o1", kind: "dropoff", pinned: false },
  ];
  assert.deepEqual(
    asked.map(({ url, body }) => [url, body]),
    [
      ["/d/d1/hand-on", { moves, endShift: true }],
      ["/d/d1/hand-back", { stops: back, onShift: true }],
    ],
  );
  assert.equal(toasts[1].words, "Ana has the orders back.");
});

test("where the shift goes on, undo leaves it as it is", async () => {
  const desk = deskWith(order(1, { status: "assigned", driverId: "d1" }), plan(1, [stop()]));
  await desk.handOn("d1", [{ order: "o1", driver: "d2" }], false);
  toasts[0].undo?.();
  await new Promise(setImmediate);
  assert.equal(/** @type {{ onShift: unknown }} */ (asked[1].body).onShift, null);
});

test("who could take over is asked of several, or of one", async () => {
  const desk = deskWith();
  answer = () => json({ approximate: false, heirs: [], delays: [] });
  assert.deepEqual(await desk.succession("d1", null), { approximate: false, heirs: [], delays: [] });
  await desk.succession("d1", "d2");
  assert.deepEqual(
    asked.map(({ url }) => url),
    ["/d/d1/succession", "/d/d1/succession/d2"],
  );
  answer = () => json({ code: "invalid", message: "Ben is off shift." }, 400);
  assert.equal(await desk.succession("d1", "d2"), null);
  assert.deepEqual(toasts, [{ words: "Ben is off shift.", undo: undefined }]);
});

test("what becomes of each order that is handed on is said, and whom it makes late", () => {
  const desk = deskWith(order(1), order(1, { orderId: "o2", customerName: "Lou" }));
  const there = Date.UTC(2027, 0, 15, 19, 42);
  assert.deepEqual(heirWords(desk, { orderId: "o1", driverId: "d2", lateMinutes: 3.4, deliveredAt: there }), {
    customer: "Maya",
    restaurant: "Larimer Noodles",
    driver: "→ Ben",
    door: `at the door ${clockTime(there, locale("America/Denver"))}`,
    late: "3 min late",
    problem: "",
  });
  const stays = heirWords(desk, { orderId: "o2", problem: "no_driver", message: "No driver can take it now." });
  assert.deepEqual([stays.driver, stays.problem], ["stays", "No driver can take it now."]);
  const heirs = [{ orderId: "o1", driverId: "d2", lateMinutes: 0, deliveredAt: there }];
  assert.equal(hintWords(desk, null), "Looking who can take them…");
  assert.equal(
    hintWords(desk, { approximate: false, heirs, delays: [] }),
    "No other order becomes late by it.",
  );
  assert.equal(
    hintWords(desk, { approximate: true, heirs, delays: [{ orderId: "o2", minutes: 6.2 }] }),
    "⚠ Lou 6 min later than promised. By straight lines: no roads now.",
  );
  const far = driver(1, { driverId: "d3", name: "Abe", cityId: "c2" });
  desk.fleet.apply(far, 0);
  assert.deepEqual(
    takers(desk, driver(1)).map(({ name }) => name),
    ["Ben", "Abe"],
  );
});

test("a phone that is nearly empty is marked", () => {
  const desk = deskWith(positions(at(1000, { battery: 15 })));
  const sign = () => signOf(desk.fleet, driver(1), new Set(), 1000);
  assert.equal(sign(), "⚠ battery 15 %");
  desk.fleet.apply(positions(at(2000, { battery: 16, background: true })), 0);
  assert.equal(sign(), "");
  assert.equal(batteryWords(desk.fleet.positions.get("d1")), "16 %, app in the background");
  assert.equal(batteryWords(at(3000)), "unknown");
  assert.equal(batteryWords(undefined), "unknown");
});

test("a conflict names both sides and what each answer makes of the order", async () => {
  const desk = deskWith();
  const time = (/** @type {number} */ moment) => clockTime(moment, locale("America/Denver"));
  assert.deepEqual(conflictWords(desk, conflict(1, { number: "A17" })), {
    customer: "#A17 · Maya",
    city: "",
    restaurant: "Larimer Noodles",
    driver: `Ana without a network: delivered at ${time(60_000)}, heard of at ${time(600_000)}`,
    people: `Dana: cancelled at ${time(120_000)}: Nobody home`,
    believe: "Delivered, as Ana says",
    keep: "Leave it as it is",
  });
  const against = { .../** @type {const} */ ({ status: "assigned", at: 120_000, by: "Dana" }), driverName: "Ben" };
  assert.equal(
    conflictWords(desk, conflict(1, { against })).people,
    `Dana: assigned to Ben at ${time(120_000)}`,
  );
  desk.cityId = "c2";
  assert.equal(conflictWords(desk, conflict(1)).city, "c1");
  await desk.settle("x1", "driver");
  await desk.settle("x1", "stands");
  assert.deepEqual(
    asked.map(({ url, body }) => [url, body]),
    [
      ["/c/x1/settle", { outcome: "driver" }],
      ["/c/x1/settle", { outcome: "stands" }],
    ],
  );
});

test("each action has its address", async () => {
  const desk = deskWith(order(1, { status: "assigned", driverId: "d1" }));
  await desk.unassign("o1");
  await desk.serveFirst("o1");
  await desk.unpin("o1");
  await desk.undoPickup("o1");
  await desk.close("o1", "failed", "Nobody there");
  await desk.rearrange("d1", [], "So.");
  assert.deepEqual(
    asked.map(({ url }) => url),
    ["/o/o1/unassign", "/o/o1/first", "/o/o1/unpin", "/o/o1/undo-pickup", "/o/o1/close", "/d/d1/stops"],
  );
  assert.deepEqual(asked[4].body, { status: "failed", reason: "Nobody there" });
});

test("a pause, and its end, can be undone as they were", async () => {
  const desk = deskWith();
  const place = { id: "r1", name: "Larimer Noodles" };
  await desk.pause(place, 5000);
  toasts[0].undo?.();
  await new Promise(setImmediate);
  await desk.resume({ ...place, pause: { since: 1, until: null, reason: "flood" } });
  toasts[2].undo?.();
  await new Promise(setImmediate);
  assert.deepEqual(
    asked.map(({ url, body }) => [url, body]),
    [
      ["/p/r1/pause", { until: 5000, reason: "" }],
      ["/p/r1/resume", {}],
      ["/p/r1/resume", {}],
      ["/p/r1/pause", { until: null, reason: "flood" }],
    ],
  );
  assert.match(toasts[0].words, /^Larimer Noodles is paused: nobody is sent for food/);
  assert.equal(toasts[1].words, "Larimer Noodles goes on.");
});

test("minutes that are promised more, and their end, can be undone as they were", async () => {
  const desk = deskWith();
  const place = { id: "c1", name: "Denver" };
  await desk.promiseLater(place, 15, 5000);
  toasts[0].undo?.();
  await new Promise(setImmediate);
  await desk.promiseAsUsual({ ...place, extra: { minutes: 20, since: 1, until: 7000 } });
  toasts[2].undo?.();
  await new Promise(setImmediate);
  assert.deepEqual(
    asked.map(({ url, body }) => [url, body]),
    [
      ["/p/c1/promise-later", { minutes: 15, until: 5000 }],
      ["/p/c1/promise-as-usual", {}],
      ["/p/c1/promise-as-usual", {}],
      ["/p/c1/promise-later", { minutes: 20, until: 7000 }],
    ],
  );
});

test("advice is asked for once in a while, and anew after something was done", async () => {
  answer = () => json({ roadsAway: true, remedies: [] });
  const desk = deskWith(order(1));
  assert.equal(desk.remedies.for("o1", 0), null);
  await new Promise(setImmediate);
  assert.deepEqual(desk.remedies.for("o1", 20_000), { roadsAway: true, remedies: [] });
  assert.equal(asked.length, 1);
  desk.remedies.for("o1", 20_001);
  assert.equal(asked.length, 2);
  desk.remedies.forget();
  assert.equal(desk.remedies.for("o1", 20_002), null);
  assert.equal(asked.length, 3);
});

test("advice that comes when another order is looked at is not taken for that one’s", async () => {
  answer = () => json({ roadsAway: true, remedies: [] });
  const desk = deskWith(order(1));
  desk.remedies.for("o1", 0);
  answer = () => json({ code: "not_found", message: "No such order." }, 404);
  assert.equal(desk.remedies.for("o2", 1), null);
  await new Promise(setImmediate);
  assert.equal(desk.remedies.for("o2", 2), null);
  assert.deepEqual(toasts, []);
});

test("a driver who is clicked is chosen for an order that waits, else looked at", () => {
  const desk = deskWith(order(1), order(1, { orderId: "o2", status: "assigned", driverId: "d1" }));
  const waits = () => desk.assigning?.orderId;
  desk.selectOrder("o2");
  assert.equal(waits(), undefined);
  desk.reassign();
  assert.equal(waits(), "o2");
  desk.selectOrder("o1");
  desk.choose("d1");
  assert.equal(asked[0].url, "/o/o1/assign");
  desk.choose("d1");
  assert.deepEqual([desk.driver?.name, desk.order], ["Ana", undefined]);
});

test("a search finds an order by its customer, restaurant or driver", () => {
  const desk = deskWith();
  const found = order(1, { status: "assigned", driverId: "d1", customerPhone: "+1 303" });
  for (const [query, matches] of Object.entries({ maya: true, elm: true, "303": true, larimer: true, ana: true, ben: false })) {
    desk.query = query;
    assert.equal(desk.matchesOrder(found), matches, query);
  }
});

test("times are told where the order is", () => {
  const desk = deskWith();
  assert.deepEqual(
    ["c2", "gone", null].map((cityId) => desk.localeOf({ cityId }).timeZone),
    ["America/New_York", "UTC", "UTC"],
  );
});

test("the city of last time is looked at first, or the busiest", () => {
  const desk = deskWith(
    ...["x", "y", "z"].map((driverId) => driver(1, { driverId, cityId: "c2" })),
    driver(1, { driverId: "off", cityId: "c1", onShift: false }),
  );
  assert.deepEqual(
    ["c1", "", "gone", null].map((remembered) => firstCity(desk, remembered)),
    ["c1", null, "c2", "c2"],
  );
});

test("what an offer means", () => {
  const desk = deskWith(order(1, { orderId: "o2", customerName: "Ines" }));
  const offer = { driverId: "d1", addedMinutes: -2, lateMinutes: 3.4, deliveredAt: Date.UTC(2026, 0, 5, 1, 42) };
  const delays = [
    { orderId: "o2", minutes: 5.2 },
    { orderId: "gone", minutes: 2 },
    { orderId: "o3", minutes: 0.9 },
  ];
  assert.deepEqual(meaningOf(desk, order(1), { ...offer, delays }), {
    door: "At the door 6:42\u00a0PM",
    added: "+0 min work",
    harm: "⚠ 3 min late · Ines 5 min later than promised · another order 2 min later than promised",
  });
  const unable = { driverId: "d1", problem: /** @type {const} */ ("no_room"), message: "Nothing more fits." };
  assert.equal(meaningOf(desk, order(1), unable).door, "Nothing more fits.");
});

test("what a driver does, and what is wrong", () => {
  const desk = deskWith(positions(at(0)));
  const ana = driver(1, { status: "to_restaurant" });
  const next = stop({ name: "Sakura Ramen", eta: Date.UTC(2026, 0, 5, 1, 42) });
  assert.equal(doingWords(desk, ana, next, 0), "To restaurant · Sakura Ramen · 6:42\u00a0PM");
  assert.equal(statusWords(driver(1, { onShift: false }), STATUSES.drivers), "Off shift");
  const breakUntil = Date.UTC(2026, 0, 5, 1, 42);
  const resting = driver(1, { breakUntil });
  assert.equal(stateWords(desk, resting, breakUntil - 1), "On a break until 6:42\u00a0PM");
  assert.equal(stateWords(desk, resting, breakUntil), "Idle");
  assert.equal(stateWords(desk, { ...resting, onShift: false }, 0), "Off shift");
  assert.deepEqual([15_000, 42_000].map((now) => silenceWords(desk.fleet, ana, now)), ["", "no fix for 0:42"]);
  const unseen = driver(1, { driverId: "d2" });
  assert.equal(silenceWords(desk.fleet, unseen, 0), "no fix yet");
  assert.equal(silenceWords(desk.fleet, { ...unseen, status: "offline" }, 0), "");
  assert.equal(signOf(desk.fleet, ana, new Set(["d1"]), 0), "⚠ left a door");
  assert.equal(signOf(desk.fleet, ana, new Set(), 0), "");
  desk.fleet.apply({ type: "fixes", driverId: "d1", v: 40_000, since: 0, last: "stale", rejected: { stale: 1 } }, 0);
  assert.equal(signOf(desk.fleet, ana, new Set(), 42_000), "⊗ fixes turned away");
});

test("food that is with the driver is cancelled with a reason only", () => {
  const desk = deskWith();
  const { needsReason, words } = QUESTIONS.cancel;
  assert.equal(needsReason(desk, order(1, { status: "picked_up" })), true);
  assert.equal(needsReason(desk, order(1)), false);
  assert.match(words({ customer: "Maya", driver: "Ana", needsReason: true }), /^Maya’s food is with the driver/);
});

test("an alert is seen for everybody, which can be taken back", async () => {
  const desk = deskWith();
  await desk.see("a1");
  assert.deepEqual(asked, [{ url: "/a/a1/seen", body: { seen: true }, token: "secret" }]);
  toasts[0].undo?.();
  assert.deepEqual(asked[1], { url: "/a/a1/seen", body: { seen: false }, token: "secret" });
});
