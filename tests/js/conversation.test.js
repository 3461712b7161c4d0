// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { backoff, Conversation } from "../../static/js/conversation.js";

/** @typedef {{ type: "told", n: number }} Told */

const told = (/** @type {number} */ n) => /** @type {Told} */ ({ type: "told", n });

/** @returns {Conversation<Told>} */
const begun = () => new Conversation();

test("what comes between hello and ready is one snapshot", () => {
  const talk = begun();
  assert.deepEqual(talk.hear({ type: "hello", v: 1, now: 7 }), { now: 7 });
  assert.deepEqual([talk.hear(told(1)), talk.hear(told(2))], [{}, {}]);
  assert.deepEqual(talk.hear({ type: "ready" }), { snapshot: [told(1), told(2)] });
});

test("what comes after it is one change each, and is not told again", () => {
  const talk = begun();
  talk.hear({ type: "hello", v: 1, now: 7 });
  talk.hear(told(1));
  talk.hear({ type: "ready" });
  assert.deepEqual(talk.hear(told(2)), { change: told(2) });
  talk.hear({ type: "hello", v: 1, now: 8 });
  assert.deepEqual(talk.hear({ type: "ready" }), { snapshot: [] });
});

test("a heartbeat brings the server’s time, in a snapshot too", () => {
  const talk = begun();
  talk.hear({ type: "hello", v: 1, now: 7 });
  assert.deepEqual(talk.hear({ type: "heartbeat", now: 8 }), { now: 8 });
  assert.deepEqual(talk.hear({ type: "ready" }), { snapshot: [] });
  assert.deepEqual(talk.hear({ type: "heartbeat", now: 9 }), { now: 9 });
});

test("an error is no change of anything", () => {
  assert.deepEqual(begun().hear({ type: "error", code: "x", message: "y" }), {});
});

test("attempts become rarer, up to ten seconds, and are not made by all at once", () => {
  assert.deepEqual([0, 1, 2, 3, 4, 5, 50].map((attempts) => backoff(attempts, 1)), [
    500, 1000, 2000, 4000, 8000, 10_000, 10_000,
  ]);
  assert.deepEqual([0, 0.5, 1].map((chance) => backoff(2, chance)), [1000, 1500, 2000]);
});
