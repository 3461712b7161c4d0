// @ts-check
// The restaurant page of the admin: a pin and a geofence circle that follow the form, and a form that follows them.

import { byId, pageData } from "./dom.js";
import { createMap } from "./map.js";

/** @import { LatLng } from "leaflet" */
/** @import { PlaceMap } from "../../types/server" */

const { L } = window;
const SMALLEST_RADIUS = 20;
const LARGEST_RADIUS = 5000;
const DENVER = { lat: 39.75, lng: -104.99 };

/** @type {PlaceMap} */
const { restaurant, cities, map: config } = pageData("place-map-data");
/** Null for who may only look. */
const form = fieldsOfForm();

function fieldsOfForm() {
  const [lat, lng, radius] = ["id_lat", "id_lng", "id_geofence_radius"].map((id) => document.getElementById(id));
  const isInput = (/** @type {unknown} */ field) => field instanceof HTMLInputElement;
  if (!(isInput(lat) && isInput(lng) && isInput(radius))) return null;
  return { lat, lng, radius, city: byId("id_city", HTMLSelectElement) };
}

const map = createMap(byId("place-map"), config);
L.control.zoom({ position: "topright" }).addTo(map);

const circle = L.circle([0, 0], { radius: 200, color: "#d62839", weight: 2, fillOpacity: 0.12, interactive: false });
const pin = marker("place-pin", 22, "The restaurant");
const handle = marker("place-radius", 14, "The geofence's radius");

/**
 * @param {string} className
 * @param {number} size
 * @param {string} title
 */
function marker(className, size, title) {
  const icon = L.divIcon({ className, iconSize: [size, size] });
  return L.marker([0, 0], { icon, title, draggable: form !== null, autoPan: form !== null, keyboard: false });
}

/** The place in the form, or null while it is incomplete or out of range. */
function typed() {
  if (!form) return restaurant;
  const [lat, lng] = [form.lat, form.lng].map(({ value }) => (value.trim() ? Number(value) : NaN));
  const radius = Number(form.radius.value);
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 && radius > 0 ? { lat, lng, radius } : null;
}

/**
 * East of the pin on the circle.
 * @param {number} lat
 * @param {number} lng
 * @param {number} radius metres
 */
function edge(lat, lng, radius) {
  const degrees = radius / (111_320 * Math.cos((lat * Math.PI) / 180));
  return L.latLng(lat, lng + degrees);
}

function draw() {
  const place = typed();
  if (!place) {
    [circle, pin, handle].forEach((layer) => layer.remove());
    return;
  }
  const { lat, lng, radius } = place;
  circle.setLatLng([lat, lng]).setRadius(radius).addTo(map);
  pin.setLatLng([lat, lng]).addTo(map);
  handle.setLatLng(edge(lat, lng, radius));
  if (form) handle.addTo(map);
}

function look() {
  const place = typed();
  if (place) {
    map.fitBounds(L.latLng(place.lat, place.lng).toBounds(Math.max(place.radius, SMALLEST_RADIUS) * 4));
    return;
  }
  const city = form && cities[form.city.value];
  map.setView(city ?? Object.values(cities)[0] ?? DENVER, 14);
}

if (form) {
  const write = (/** @type {LatLng} */ latlng) => {
    form.lat.value = latlng.lat.toFixed(6);
    form.lng.value = latlng.wrap().lng.toFixed(6);
    draw();
  };
  for (const input of [form.lat, form.lng]) {
    input.addEventListener("input", draw);
    input.addEventListener("change", look);
  }
  form.radius.addEventListener("input", draw);
  form.city.addEventListener("change", () => typed() || look());
  pin.on("drag", () => write(pin.getLatLng()));
  map.on("click", (event) => write(event.latlng));
  handle.on("drag", () => {
    const metres = Math.round(map.distance(pin.getLatLng(), handle.getLatLng()));
    const radius = Math.min(Math.max(metres, SMALLEST_RADIUS), LARGEST_RADIUS);
    form.radius.value = String(radius);
    circle.setRadius(radius);
  });
  handle.on("dragend", draw);
}

draw();
look();
