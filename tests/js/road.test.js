// @ts-check
import assert from "node:assert/strict";
import { test } from "node:test";

import { ahead, distance, lineOf } from "../../static/js/road.js";

/** @type {(a: number, b: number, tolerance: number) => void} */
const near = (a, b, tolerance) => assert.ok(Math.abs(a - b) <= tolerance, `${a} is not ${b} ± ${tolerance}`);

test("distance is metres", () => {
  near(distance({ lat: 39.75, lng: -105 }, { lat: 39.76, lng: -105 }), 1112, 1);
  near(distance({ lat: 39.75, lng: -105 }, { lat: 39.75, lng: -104.99 }), 855, 1);
});

test("GeoJSON has the longitude first", () => {
  assert.deepEqual(lineOf({ type: "LineString", coordinates: [[-105, 39.7]] }), [[39.7, -105]]);
  assert.deepEqual(lineOf(null), []);
});

/** @type {import("../../static/js/road.js").Line} */
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
