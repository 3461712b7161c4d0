// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { Glide } from "../../static/js/glide.js";

/** @type {(a: number | null | undefined, b: number) => void} */
const near = (a, b) => assert.ok(typeof a === "number" && Math.abs(a - b) <= 1e-6, `${a} is not ${b}`);

test("a marker glides from fix to fix at the pace of the fixes", () => {
  const glide = new Glide();
  assert.equal(glide.at(0), undefined);
  glide.to({ lat: 1, lng: 10, heading: 350, ts: 0 }, 0);
  assert.deepEqual(glide.at(0), { lat: 1, lng: 10, heading: 350 });
  glide.to({ lat: 1.001, lng: 10, heading: 10, ts: 2000 }, 100);
  near(glide.at(1100)?.lat, 1.0005);
  near(glide.at(100 + 2000 / 6)?.heading, 0); // the shorter way round, done in the first third
  assert.equal(glide.moving(2000), true);
  assert.deepEqual(glide.at(2100), { lat: 1.001, lng: 10, heading: 10 });
  assert.equal(glide.moving(2100), false);
});

test("nobody drives two kilometres between two fixes: that jumps", () => {
  const glide = new Glide();
  glide.to({ lat: 1, lng: 10, ts: 0 }, 0);
  glide.to({ lat: 1.1, lng: 10, ts: 2000 }, 0);
  assert.equal(glide.at(1)?.lat, 1.1);
});

test("who wants less motion sees jumps", () => {
  const glide = new Glide({ still: true });
  glide.to({ lat: 1, lng: 10, ts: 0 }, 0);
  glide.to({ lat: 1.001, lng: 10, ts: 2000 }, 0);
  assert.equal(glide.at(1)?.lat, 1.001);
});

test("fixes that come often or seldom are neither too quick to see nor forever on the way", () => {
  const glide = new Glide();
  glide.to({ lat: 1, lng: 10, ts: 0 }, 0);
  glide.to({ lat: 1.001, lng: 10, ts: 50 }, 1000);
  assert.deepEqual([glide.moving(1199), glide.moving(1200)], [true, false]);
  glide.to({ lat: 1.002, lng: 10, ts: 20_050 }, 2000);
  assert.deepEqual([glide.moving(6999), glide.moving(7000)], [true, false]);
});

test("after half a minute without a fix, or from an older one, the marker jumps", () => {
  const glide = new Glide();
  glide.to({ lat: 1, lng: 10, ts: 0 }, 0);
  glide.to({ lat: 1.001, lng: 10, ts: 30_001 }, 1000);
  assert.equal(glide.at(1001)?.lat, 1.001);
  glide.to({ lat: 1, lng: 10, ts: 20_000 }, 2000);
  assert.equal(glide.at(2001)?.lat, 1);
});

test("a heading that is not known stays what it was", () => {
  const glide = new Glide();
  glide.to({ lat: 1, lng: 10, heading: 90, ts: 0 }, 0);
  glide.to({ lat: 1.001, lng: 10, ts: 1000 }, 1000);
  assert.deepEqual([glide.at(1500)?.heading, glide.at(3000)?.heading], [90, 90]);
});
