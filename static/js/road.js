// @ts-check
// Geometry of the few kilometres of a delivery, on a flat map. Pure. Points are {lat, lng}, lines [[lat, lng], …].

/** @import { LatLng, LineString } from "../../types/server" */
/** @typedef {[lat: number, lng: number][]} Line degrees */

const METRES_PER_DEGREE = 111_195;

const eastScale = (/** @type {number} */ lat) => Math.cos((lat * Math.PI) / 180);

/**
 * Straight distance in metres; within 0.5 % below 50 km.
 * @param {LatLng} a
 * @param {LatLng} b
 */
export function distance(a, b) {
  const east = (b.lng - a.lng) * eastScale((a.lat + b.lat) / 2);
  return Math.hypot(east, b.lat - a.lat) * METRES_PER_DEGREE;
}

/**
 * The line of a GeoJSON LineString; empty where there is none.
 * @param {LineString | null | undefined} geometry
 * @returns {Line}
 */
export function lineOf(geometry) {
  return geometry ? geometry.coordinates.map(([lng, lat]) => [lat, lng]) : [];
}

/**
 * What of `line` lies ahead of `point`: it begins at the point, joins the line where it is nearest and goes on from there.
 * Farther than `within` metres from the line, the whole line is ahead (the driver takes another road).
 * @param {Line} line
 * @param {LatLng} point
 * @param {number} within
 * @returns {Line}
 */
export function ahead(line, point, within = 80) {
  if (line.length < 2) return line;
  const scale = eastScale(point.lat);
  let best = Infinity;
  let next = 0;
  for (let i = 1; i < line.length; i++) {
    const [aLat, aLng] = line[i - 1];
    const dx = (line[i][1] - aLng) * scale;
    const dy = line[i][0] - aLat;
    const px = (point.lng - aLng) * scale;
    const py = point.lat - aLat;
    const squared = dx * dx + dy * dy;
    const along = squared ? Math.min(1, Math.max(0, (px * dx + py * dy) / squared)) : 0;
    const off = Math.hypot(px - along * dx, py - along * dy);
    if (off < best - 1e-9) {
      best = off;
      next = i;
    }
  }
  if (best * METRES_PER_DEGREE > within) return line;
  return [[point.lat, point.lng], ...line.slice(next)];
}
