// The dispatcher's dashboard: wires the socket, the state, the panels and the map together.

import { clockTime, serverNow } from "../clock.js";
import { pageData, setAttribute, setText } from "../dom.js";
import { prefersStill } from "../glide.js";
import { LiveSocket } from "../live-socket.js";
import { createMap } from "../map.js";
import { drawAlerts } from "./alerts.js";
import { Api } from "./api.js";
import { drawCities } from "./cities.js";
import { Desk } from "./desk.js";
import { drawDetails } from "./details.js";
import { drawDrivers } from "./drivers.js";
import { FleetLayer } from "./fleet-layer.js";
import { Fleet } from "./fleet.js";
import { keyboard, reasonDialog, tabs, toast } from "./interaction.js";
import { drawActivity, drawOrders } from "./orders.js";
import { SelectionLayer } from "./selection-layer.js";

const { L } = window;
const DRAW_EVERY_MS = 250;
const RESYNC_AFTER_MS = 10_000;

const page = pageData("page");
const byId = (id) => document.getElementById(id);

export const fleet = new Fleet({ staleMs: page.staleAfterMs, undoMs: page.undoPickupMs });
export const desk = new Desk({
  fleet,
  api: new Api(page.csrf),
  cities: page.cities,
  timeZone: page.timeZone,
  draw: () => draw(),
  toast,
});

const everywhere = page.cities.length ? page.cities.map(({ lat, lng }) => [lat, lng]) : [[39.75, -104.99]];
export const map = createMap(byId("map"), page.map, L.latLngBounds(everywhere).pad(0.1), { maxZoom: 15 });
L.control.zoom({ position: "topright" }).addTo(map);
export const fleetLayer = new FleetLayer(map, fleet, {
  driver: (id) => desk.choose(id),
  restaurant: (id) => flyTo(fleet.restaurants.get(id), 16),
});
const selectionLayer = new SelectionLayer(map);
map.on("click", () => desk.assigning || desk.clear());

// ------------------------------------------------------------------------------------------------- drawing

let scheduled = 0;
let lookedAt = null;

/** Draws at once: something that the dispatcher did must show without delay. */
function draw() {
  clearTimeout(scheduled);
  scheduled = 0;
  const found = drawDetails(desk);
  drawAlerts(desk);
  drawOrders(desk);
  drawActivity(desk);
  if (!desk.driver && !desk.order) drawDrivers(desk);
  drawCities(desk, chooseCity);
  drawAssigning();
  fleetLayer.draw({
    driverId: desk.driver?.driverId ?? desk.order?.driverId ?? null,
    restaurantId: desk.order?.restaurantId ?? null,
    eligible: found && new Set(found.map(({ driver }) => driver.driverId)),
  });
  selectionLayer.draw(desk);
  lookAtSelection();
}

/** Draws a few times a second at most: for what the server tells. */
function drawSoon() {
  scheduled ||= setTimeout(draw, DRAW_EVERY_MS);
}

function drawAssigning() {
  const order = desk.assigning;
  byId("assigning").hidden = !order;
  const restaurant = fleet.restaurants.get(order?.restaurantId);
  if (order) setText(byId("assigning-words"), `Choose a driver for ${restaurant?.name ?? "this order"}`);
  setAttribute(byId("board"), "data-selected", Boolean(desk.driver || desk.order));
}

// ----------------------------------------------------------------------------------------- where to look

/** A city's middle fills the map, on a phone too. */
const cityZoom = () => (Math.min(map.getSize().x, map.getSize().y) < 500 ? 14 : 15);

function flyTo(point, zoom) {
  if (prefersStill()) map.setView(point, zoom);
  else map.flyTo(point, zoom, { duration: 0.8 });
}

function chooseCity(cityId) {
  desk.cityId = cityId;
  localStorage.setItem("city", cityId ?? "");
  const city = desk.cities.get(cityId);
  if (city) flyTo(city, cityZoom());
  else map.fitBounds(L.latLngBounds(everywhere).pad(0.1), { animate: !prefersStill() });
  draw();
}

/** Brings a new selection into view; what is in view already stays where it is. */
function lookAtSelection() {
  const selected = desk.driverId ?? desk.orderId;
  if (selected === lookedAt) return;
  lookedAt = selected;
  const points = pointsOfSelection();
  if (!points.length || points.every((point) => map.getBounds().pad(-0.08).contains(point))) return;
  const margin = Math.min(70, map.getSize().y * 0.12);
  map.flyToBounds(L.latLngBounds(points), {
    padding: [margin, margin],
    maxZoom: 16,
    duration: 0.6,
    animate: !prefersStill(),
  });
}

function pointsOfSelection() {
  const { driver, order } = desk;
  const position = driver && fleet.positions.get(driver.driverId);
  const stops = driver ? fleet.stopsOf(driver.driverId) : [];
  const places = [position, ...stops, order && fleet.restaurants.get(order.restaurantId), order];
  return places.filter((place) => place && place.lat !== null).map(({ lat, lng }) => [lat, lng]);
}

// ------------------------------------------------------------------------------------------------ the wire

const LIVE = { connecting: "Connecting…", live: "Live", waiting: "Reconnecting…", refused: "Signed out" };

let first = true;

function showState(state) {
  const shown = state === "connecting" && !first ? "waiting" : state;
  setAttribute(byId("live"), "data-state", shown);
  setText(byId("live-words"), LIVE[shown]);
  if (state === "refused") toast("You are signed out. Load this page anew to sign in.");
}

export const socket = new LiveSocket(page.socket, {
  snapshot(frames) {
    fleet.replace(frames);
    if (first) startCity();
    first = false;
    draw();
  },
  frame(frame) {
    const changed = fleet.apply(frame, serverNow());
    if (changed === "positions") fleetLayer.move(frame.drivers.map(({ driverId }) => driverId));
    if (changed) drawSoon();
  },
  state: showState,
});

/** The city of last time, or the one with the most drivers. */
function startCity() {
  const remembered = localStorage.getItem("city");
  const onShift = (cityId) =>
    [...fleet.drivers.values()].filter((driver) => driver.onShift && driver.cityId === cityId).length;
  const [busiest] = [...desk.cities.keys()].sort((a, b) => onShift(b) - onShift(a));
  desk.cityId = desk.cities.has(remembered) ? remembered : remembered === "" ? null : (busiest ?? null);
  const city = desk.cities.get(desk.cityId);
  if (city) map.setView(city, cityZoom(), { animate: false });
}

let strangersSince = null;

setInterval(() => {
  setText(byId("clock"), clockTime(serverNow(), desk.cities.get(desk.cityId)?.timeZone ?? page.timeZone));
  fleet.noteLateness(serverNow());
  drawSoon();
  // A driver who moves but is unknown: a frame got lost on the way.
  if (!fleet.strangers().length) strangersSince = null;
  else if (serverNow() - (strangersSince ??= serverNow()) > RESYNC_AFTER_MS) {
    strangersSince = null;
    socket.resync();
  }
}, 1_000);

// ------------------------------------------------------------------------------------------------ the hands

keyboard(desk, draw);
tabs();
desk.ask = reasonDialog(desk);
for (const button of document.querySelectorAll("[data-ask]"))
  button.addEventListener("click", () => desk.ask(button.dataset.ask, desk.orderId));
byId("undo-pickup").addEventListener("click", () => desk.undoPickup(desk.orderId));
byId("unpin").addEventListener("click", () => desk.unpin(desk.orderId));
byId("unassign").addEventListener("click", () => desk.unassign(desk.orderId));
byId("reassign").addEventListener("click", () => desk.reassign());
