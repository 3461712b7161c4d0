import assert from "node:assert/strict";
import { test } from "node:test";

import { Glide } from "../../static/js/glide.js";
import { ahead, distance, lineOf } from "../../static/js/road.js";

const near = (a, b, tolerance) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b} ± ${tolerance}`);

test("distance is metres", () => {
  near(distance({ lat: 39.75, lng: -105 }, { lat: 39.76, lng: -105 }), 1112, 1);
  near(distance({ lat: 39.75, lng: -105 }, { lat: 39.75, lng: -104.99 }), 855, 1);
});

test("GeoJSON has the longitude first", () => {
  assert.deepEqual(lineOf({ type: "LineString", coordinates: [[-105, 39.7]] }), [[39.7, -105]]);
  assert.deepEqual(lineOf(null), []);
});

const ROAD = [
  [39.75, -105],
  [39.75, -104.99],
  [39.76, -104.99],
];

test("what lies behind the driver is cut off", () => {
  assert.deepEqual(ahead(ROAD, { lat: 39.7501, lng: -104.995 }), [
    [39.7501, -104.995],
    [39.75, -104.99],
    [39.76, -104.99],
  ]);
  assert.deepEqual(ahead(ROAD, { lat: 39.755, lng: -104.9901 }), [
    [39.755, -104.9901],
    [39.76, -104.99],
  ]);
});

test("a driver on another road has the whole line ahead", () => {
  assert.deepEqual(ahead(ROAD, { lat: 39.74, lng: -105 }), ROAD);
  assert.deepEqual(ahead([], { lat: 39.74, lng: -105 }), []);
});

test("a marker glides from fix to fix at the pace of the fixes", () => {
  const glide = new Glide();
  assert.equal(glide.at(0), undefined);
  glide.to({ lat: 1, lng: 10, heading: 350, ts: 0 }, 0);
  assert.deepEqual(glide.at(0), { lat: 1, lng: 10, heading: 350 });
  glide.to({ lat: 1.001, lng: 10, heading: 10, ts: 2000 }, 100);
  near(glide.at(1100).lat, 1.0005, 1e-9);
  near(glide.at(100 + 2000 / 6).heading, 0, 1e-6); // the shorter way round, done in the first third
  assert.equal(glide.moving(2000), true);
  assert.deepEqual(glide.at(2100), { lat: 1.001, lng: 10, heading: 10 });
  assert.equal(glide.moving(2100), false);
});

test("nobody drives two kilometres between two fixes: that jumps", () => {
  const glide = new Glide();
  glide.to({ lat: 1, lng: 10, ts: 0 }, 0);
  glide.to({ lat: 1.1, lng: 10, ts: 2000 }, 0);
  assert.equal(glide.at(1).lat, 1.1);
});

test("who wants less motion sees jumps", () => {
  const glide = new Glide({ still: true });
  glide.to({ lat: 1, lng: 10, ts: 0 }, 0);
  glide.to({ lat: 1.001, lng: 10, ts: 2000 }, 0);
  assert.equal(glide.at(1).lat, 1.001);
});
