// @ts-check
// A page of the admin that has a place: a pin, and a restaurant's geofence around it, follow the form, and the form
// follows them. An address that is searched for moves the pin.

import { byId, el, pageData, setText } from "./dom.js";
import { createMap } from "./map.js";

/** @import { LatLng } from "leaflet" */
/** @import { FoundAddress, FoundAddresses, PlaceMap } from "../../types/server" */

const { L } = window;
const SMALLEST_RADIUS = 20;
const LARGEST_RADIUS = 5000;
/** Around a pin without a geofence so many metres are shown. */
const STREETS_AROUND = 100;
const DENVER = { lat: 39.75, lng: -104.99 };

/** @type {PlaceMap} */
const { pin: stored, radius: storedRadius, title: what, fields, around, cities, searchUrl, map: config } =
  pageData("place-map-data");
/** Null for who may only look. */
const form = fieldsOfForm();

function fieldsOfForm() {
  const [lat, lng] = [fields.lat, fields.lng].map((id) => document.getElementById(id));
  if (!(lat instanceof HTMLInputElement && lng instanceof HTMLInputElement)) return null;
  return {
    lat,
    lng,
    address: byId(fields.address, HTMLInputElement),
    radius: fields.radius ? byId(fields.radius, HTMLInputElement) : null,
    city: fields.city ? byId(fields.city, HTMLSelectElement) : null,
  };
}

const map = createMap(byId("place-map"), config);
L.control.zoom({ position: "topright" }).addTo(map);

const circle = L.circle([0, 0], { radius: 200, color: "#d62839", weight: 2, fillOpacity: 0.12, interactive: false });
const pin = marker("place-pin", 22, what);
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

/** The place in the form, or null while it is incomplete or out of range. Without a geofence its radius is null. */
function typed() {
  if (!form) return stored && { ...stored, radius: storedRadius };
  const [lat, lng] = [form.lat, form.lng].map(({ value }) => (value.trim() ? Number(value) : NaN));
  const radius = form.radius && Number(form.radius.value);
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 && (radius === null || radius > 0) ? { lat, lng, radius } : null;
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
  pin.setLatLng([lat, lng]).addTo(map);
  if (radius === null) return;
  circle.setLatLng([lat, lng]).setRadius(radius).addTo(map);
  handle.setLatLng(edge(lat, lng, radius));
  if (form) handle.addTo(map);
}

function look() {
  const place = typed();
  if (place) {
    const metres = Math.max(place.radius ?? STREETS_AROUND, SMALLEST_RADIUS);
    map.fitBounds(L.latLng(place.lat, place.lng).toBounds(metres * 4));
    return;
  }
  const city = form?.city ? cities[form.city.value] : null;
  map.setView(city ?? around ?? Object.values(cities)[0] ?? DENVER, 14);
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
  form.radius?.addEventListener("input", draw);
  form.city?.addEventListener("change", () => typed() || look());
  pin.on("drag", () => write(pin.getLatLng()));
  map.on("click", (event) => write(event.latlng));
  handle.on("drag", () => {
    const metres = Math.round(map.distance(pin.getLatLng(), handle.getLatLng()));
    const radius = Math.min(Math.max(metres, SMALLEST_RADIUS), LARGEST_RADIUS);
    if (form.radius) form.radius.value = String(radius);
    circle.setRadius(radius);
  });
  handle.on("dragend", draw);
  searchWith(form.address, (place) => {
    write(L.latLng(place.lat, place.lng));
    look();
  });
}

/**
 * @param {HTMLInputElement} address what is searched for, unless somebody types something else
 * @param {(place: FoundAddress) => void} choose
 */
function searchWith(address, choose) {
  const input = byId("place-search", HTMLInputElement);
  const follow = () => (input.value = address.value);
  follow();
  address.addEventListener("change", follow);
  const results = byId("place-search-results");
  const say = (/** @type {string} */ words) => setText(byId("place-search-status"), words);

  /** @param {FoundAddress[]} places */
  function show(places) {
    results.replaceChildren(
      ...places.map((place) => {
        const onclick = () => {
          choose(place);
          results.replaceChildren();
          say(place.sure ? "" : "Look whether the pin is right before you save.");
        };
        return el("li", {}, el("button", { type: "button", onclick }, place.label));
      }),
    );
    say(places.length ? "" : "Nothing is found by that. Click on the map where it is.");
  }

  async function search() {
    const text = input.value.trim();
    if (!text) return;
    const { lat, lng } = map.getCenter().wrap();
    const asked = new URLSearchParams({ q: text, lat: String(lat), lng: String(lng) });
    say("Looking …");
    try {
      const answer = await fetch(`${searchUrl}?${asked}`, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(String(answer.status));
      /** @type {FoundAddresses} */
      const { places } = await answer.json();
      if (input.value.trim() === text) show(places);
    } catch {
      say("The search does not answer. Try again in a moment.");
    }
  }

  byId("place-search-button").addEventListener("click", search);
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault(); // the form around it is not to be saved
    search();
  });
}

draw();
look();
