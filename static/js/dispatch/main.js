// @ts-check
// The dispatcher's dashboard: wires the socket, the state, the panels and the map together.

import { clockTime, serverNow } from "../clock.js";
import { byId, pageData, setAttribute, setText, withFields } from "../dom.js";
import { LiveSocket } from "../live-socket.js";
import { createMap } from "../map.js";
import { prefersStill } from "../motion.js";
import { ring, soundButton } from "./alarms.js";
import { drawAlerts } from "./alerts.js";
import { Api } from "./api.js";
import { Beeper } from "./beeper.js";
import { drawCities, firstCity } from "./cities.js";
import { Desk } from "./desk.js";
import { drawDetails } from "./details.js";
import { drawDrivers } from "./drivers.js";
import { FleetLayer } from "./fleet-layer.js";
import { Fleet } from "./fleet.js";
import { keyboard, reasonDialog, tabs, toast } from "./interaction.js";
import { watchNotices } from "./notices.js";
import { drawActivity, drawOrders } from "./orders.js";
import { isQuestion } from "./questions.js";
import { SelectionLayer } from "./selection-layer.js";
import { successionDialog } from "./succession.js";
import { drawSwitches } from "./switches.js";

/** @import { DashboardPage, DispatcherFrame, LatLng } from "../../../types/server" */
/** @import { State } from "../live-socket.js" */

const { L } = window;
const DRAW_EVERY_MS = 250;

const citySwitches = withFields(byId("city-switches"));

/** @type {DashboardPage} */
const page = pageData("page");

export const fleet = new Fleet(page.statuses, { staleMs: page.staleAfterMs, undoMs: page.undoPickupMs });
export const desk = new Desk({
  fleet,
  api: new Api(page.urls, page.csrf),
  statuses: page.statuses,
  skills: page.skills,
  cities: page.cities,
  locale: page.locale,
  failureReasons: page.failureReasons,
  draw: () => draw(),
  toast,
});

export const beeper = new Beeper(localStorage);
watchNotices(page.notices);

const DENVER = { lat: 39.75, lng: -104.99 };
const everywhere = boundsOf(page.cities.length ? page.cities : [DENVER]).pad(0.1);
export const map = createMap(byId("map"), page.map, everywhere, { maxZoom: 15 });
L.control.zoom({ position: "topright" }).addTo(map);
export const fleetLayer = new FleetLayer(map, fleet, {
  driver: (id) => desk.choose(id),
  restaurant: (restaurant) => flyTo(restaurant, 16),
});
const selectionLayer = new SelectionLayer(map);
map.on("click", () => desk.assigning || desk.clear());

// ------------------------------------------------------------------------------------------------- drawing

/** @type {ReturnType<typeof setTimeout> | undefined} */
let scheduled;
/** @type {string | null} */
let lookedAt = null;

/** Draws at once: something that the dispatcher did must show without delay. */
function draw() {
  clearTimeout(scheduled);
  scheduled = undefined;
  const found = drawDetails(desk);
  drawAlerts(desk);
  drawOrders(desk);
  drawActivity(desk);
  if (!desk.driver && !desk.order) drawDrivers(desk);
  drawCities(desk, chooseCity);
  const city = desk.cityOf(desk);
  drawSwitches(citySwitches, desk, city ? { ...fleet.cities.get(city.id), ...city } : null, desk.localeOf(desk));
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
  scheduled ??= setTimeout(draw, DRAW_EVERY_MS);
}

function drawAssigning() {
  const order = desk.assigning;
  byId("assigning").hidden = !order;
  if (order)
    setText(byId("assigning-words"), `Choose a driver for ${fleet.restaurantOf(order)?.name ?? "this order"}`);
  setAttribute(byId("board"), "data-selected", Boolean(desk.driver || desk.order));
}

// ----------------------------------------------------------------------------------------- where to look

/** A city's middle fills the map, on a phone too. */
const cityZoom = () => (Math.min(map.getSize().x, map.getSize().y) < 500 ? 14 : 15);

/** @param {LatLng[]} places */
function boundsOf(places) {
  return L.latLngBounds(places.map(({ lat, lng }) => [lat, lng]));
}

/**
 * @param {LatLng} point
 * @param {number} zoom
 */
function flyTo(point, zoom) {
  if (prefersStill()) map.setView(point, zoom);
  else map.flyTo(point, zoom, { duration: 0.8 });
}

/** @param {string | null} cityId null: all of them */
function chooseCity(cityId) {
  desk.cityId = cityId;
  localStorage.setItem("city", cityId ?? "");
  const city = desk.cityOf({ cityId });
  if (city) flyTo(city, cityZoom());
  else map.fitBounds(everywhere, { animate: !prefersStill() });
  draw();
}

/** Brings a new selection into view; what is in view already stays where it is. */
function lookAtSelection() {
  const selected = desk.driverId ?? desk.orderId;
  if (selected === lookedAt) return;
  lookedAt = selected;
  const places = placesOfSelection();
  if (!places.length || places.every((place) => map.getBounds().pad(-0.08).contains(place))) return;
  const margin = Math.min(70, map.getSize().y * 0.12);
  map.flyToBounds(boundsOf(places), {
    padding: [margin, margin],
    maxZoom: 16,
    duration: 0.6,
    animate: !prefersStill(),
  });
}

/** @returns {LatLng[]} */
function placesOfSelection() {
  const { driver, order } = desk;
  const position = driver && fleet.positions.get(driver.driverId);
  const places = [position, ...fleet.stopsOf(driver?.driverId), fleet.restaurantOf(order), order];
  return places.flatMap((place) =>
    place && place.lat !== null && place.lng !== null ? [{ lat: place.lat, lng: place.lng }] : [],
  );
}

// ------------------------------------------------------------------------------------------------ the wire

const LIVE = { connecting: "Connecting…", live: "Live", waiting: "Reconnecting…", refused: "Signed out" };

let first = true;

/** @param {State} state */
function showState(state) {
  const shown = state === "connecting" && !first ? "waiting" : state;
  setAttribute(byId("live"), "data-state", shown);
  setText(byId("live-words"), LIVE[shown]);
  if (state === "refused") toast("You are signed out. Load this page anew to sign in.");
}

/** @type {LiveSocket<DispatcherFrame>} */
export const socket = new LiveSocket(page.socket, {
  snapshot(frames) {
    fleet.replace(frames);
    ring(desk, beeper);
    if (first) startCity();
    first = false;
    draw();
  },
  change(frame) {
    const changed = fleet.apply(frame, serverNow());
    if (frame.type === "driver_pos") fleetLayer.move(frame.drivers.map(({ driverId }) => driverId));
    // Not as it is drawn: timers of a page behind others are late.
    if (frame.type === "alert") ring(desk, beeper);
    if (changed) drawSoon();
  },
  state: showState,
});

function startCity() {
  desk.cityId = firstCity(desk, localStorage.getItem("city"));
  const city = desk.cityOf(desk);
  if (city) map.setView(city, cityZoom(), { animate: false });
}

setInterval(() => {
  setText(byId("clock"), clockTime(serverNow(), desk.localeOf(desk)));
  fleet.noteLateness(serverNow());
  drawSoon();
}, 1_000);

// ------------------------------------------------------------------------------------------------ the hands

keyboard(desk, draw);
tabs();
soundButton(beeper);
desk.ask = reasonDialog(desk);
desk.askWhoTakesOver = successionDialog(desk);
byId("hand-on").addEventListener("click", () => desk.driverId && desk.askWhoTakesOver(desk.driverId));

/**
 * A button of the order that is selected.
 * @param {HTMLElement} button
 * @param {(orderId: string) => void} act
 */
function onOrder(button, act) {
  button.addEventListener("click", () => desk.orderId && act(desk.orderId));
}

/** @type {NodeListOf<HTMLElement>} */
const asking = document.querySelectorAll("[data-ask]");
for (const button of asking) {
  const { ask } = button.dataset;
  if (!isQuestion(ask)) throw new Error(`the page asks what nobody knows: ${ask}`);
  onOrder(button, (orderId) => desk.ask(ask, orderId));
}
onOrder(byId("undo-pickup"), (orderId) => desk.undoPickup(orderId));
onOrder(byId("unpin"), (orderId) => desk.unpin(orderId));
onOrder(byId("unassign"), (orderId) => desk.unassign(orderId));
byId("reassign").addEventListener("click", () => desk.reassign());
