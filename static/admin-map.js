// The restaurant page of the admin: a pin and a geofence circle that follow the form, and a form that follows them.

import { createMap } from "./js/map.js";

const { L } = window;
const SMALLEST_RADIUS = 20;
const LARGEST_RADIUS = 5000;

const { restaurant, cities, ...config } = JSON.parse(document.getElementById("place-map-data").textContent);
const field = (name) => document.getElementById(`id_${name}`);
const fields = { lat: field("lat"), lng: field("lng"), radius: field("geofence_radius"), city: field("city") };
const editable = Boolean(fields.lat && fields.lng && fields.radius);

const map = createMap(document.getElementById("place-map"), config);
L.control.zoom({ position: "topright" }).addTo(map);

const circle = L.circle([0, 0], { radius: 200, color: "#d62839", weight: 2, fillOpacity: 0.12, interactive: false });
const pin = marker("place-pin", 22, "The restaurant");
const handle = marker("place-radius", 14, "The geofence's radius");

function marker(className, size, title) {
  const icon = L.divIcon({ className, iconSize: [size, size] });
  return L.marker([0, 0], { icon, title, draggable: editable, autoPan: editable, keyboard: false });
}

/** The place in the form, or null while it is incomplete or out of range. */
function typed() {
  if (!editable) {
    return restaurant;
  }
  const [lat, lng] = [fields.lat, fields.lng].map((input) => (input.value.trim() ? Number(input.value) : NaN));
  const radius = Number(fields.radius.value);
  return Math.abs(lat) <= 90 && Math.abs(lng) <= 180 && radius > 0 ? { lat, lng, radius } : null;
}

/** East of the pin on the circle. */
function edge(lat, lng, radius) {
  const degrees = radius / (111_320 * Math.cos((lat * Math.PI) / 180));
  return [lat, lng + degrees];
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
  if (editable) {
    handle.addTo(map);
  }
}

function look() {
  const place = typed();
  if (place) {
    map.fitBounds(L.latLng(place.lat, place.lng).toBounds(Math.max(place.radius, SMALLEST_RADIUS) * 4));
    return;
  }
  const city = cities[fields.city?.value] ?? Object.values(cities)[0];
  map.setView(city ?? [39.75, -104.99], 14);
}

function write(latlng) {
  fields.lat.value = latlng.lat.toFixed(6);
  fields.lng.value = latlng.wrap().lng.toFixed(6);
  draw();
}

if (editable) {
  for (const input of [fields.lat, fields.lng]) {
    input.addEventListener("input", draw);
    input.addEventListener("change", look);
  }
  fields.radius.addEventListener("input", draw);
  fields.city?.addEventListener("change", () => typed() || look());
  pin.on("drag", () => write(pin.getLatLng()));
  map.on("click", (event) => write(event.latlng));
  handle.on("drag", () => {
    const metres = Math.round(map.distance(pin.getLatLng(), handle.getLatLng()));
    fields.radius.value = Math.min(Math.max(metres, SMALLEST_RADIUS), LARGEST_RADIUS);
    circle.setRadius(Number(fields.radius.value));
  });
  handle.on("dragend", draw);
}

draw();
look();
