// @ts-check
// The city page of the admin: the outline of its delivery area, which follows the text in the form; and a text that
// follows corners which are dragged or drawn.

import { byId, pageData } from "./dom.js";
import { createMap } from "./map.js";

/** @import { GeoJsonObject, Position } from "geojson" */
/** @import { LatLng, Marker } from "leaflet" */
/** @import { AreaMap } from "../../types/server" */
/** @typedef {{ type: string, coordinates: Position[][] }} Geometry */

const { L } = window;
const DENVER = { lat: 39.75, lng: -104.99 };
/** An outline with more corners than this is edited elsewhere. */
const MOST_HANDLES = 100;

/** @type {AreaMap} */
const { center, area, map: config } = pageData("area-map-data");
const found = document.getElementById("id_delivery_area-0-area");
/** Null for who may only look. */
const field = found instanceof HTMLTextAreaElement ? found : null;

const map = createMap(byId("area-map"), config);
L.control.zoom({ position: "topright" }).addTo(map);
const style = { color: "#d62839", weight: 2, fillOpacity: 0.08, interactive: false };
const outline = L.geoJSON(undefined, { style }).addTo(map);
if (center) L.circleMarker(center, { radius: 5, color: "#14263d", fillOpacity: 1, interactive: false }).addTo(map);

/** @type {Marker[]} */
let handles = [];
/** @type {Position[] | null} The corners of a new outline, as far as it is drawn. */
let drawn = null;

/** What the form has, as far as it can be read. */
function typed() {
  if (!field) return area;
  try {
    return JSON.parse(field.value || "null");
  } catch {
    return null;
  }
}

function draw() {
  outline.clearLayers();
  try {
    const geometry = typed();
    if (geometry) outline.addData(/** @type {GeoJsonObject} */ (geometry));
  } catch {
    outline.clearLayers(); // the server says what is wrong with it
  }
}

/** A corner of a simple outline can be dragged. */
function drawHandles() {
  for (const handle of handles) handle.remove();
  const geometry = /** @type {Geometry | null} */ (typed());
  const [ring, ...holes] = geometry?.type === "Polygon" && outline.getLayers().length ? geometry.coordinates : [];
  const corners = field && ring && !holes.length && ring.length <= MOST_HANDLES ? ring.slice(0, -1) : [];
  handles = corners.map(([lng, lat], n) => {
    const icon = L.divIcon({ className: "place-radius", iconSize: [12, 12] });
    const handle = L.marker([lat, lng], { icon, draggable: true, autoPan: true, keyboard: false, title: "A corner" });
    handle.on("drag", () => {
      corners[n] = position(handle.getLatLng());
      write(corners);
    });
    return handle.addTo(map);
  });
}

/** @param {LatLng} latlng */
const position = (latlng) => [latlng.wrap().lng, latlng.lat].map((degrees) => Number(degrees.toFixed(6)));

/** @param {Position[]} corners */
function write(corners) {
  if (field) field.value = JSON.stringify({ type: "Polygon", coordinates: [[...corners, corners[0]]] });
  draw();
}

function look() {
  const bounds = outline.getBounds();
  if (bounds.isValid()) map.fitBounds(bounds.pad(0.1));
  else map.setView(center ?? DENVER, 12);
}

if (field) {
  byId("area-help").hidden = false;
  field.addEventListener("input", draw);
  field.addEventListener("change", () => {
    drawHandles();
    look();
  });
  byId("area-draw").addEventListener("click", () => {
    drawn = [];
    field.value = "";
    draw();
    drawHandles();
  });
  map.on("click", ({ latlng }) => {
    if (!drawn) return;
    drawn.push(position(latlng));
    write(drawn);
    drawHandles();
  });
}

draw();
drawHandles();
look();
