// @ts-check
// The right column when something is selected: a driver with the stops in visiting order, or an order.

import { age, clockTime, dayAndTime, serverNow, stopwatch } from "../clock.js";
import { byId, fill, fromTemplate, setAttribute, setText, syncList, withFields } from "../dom.js";
import { candidates } from "./candidates.js";
import { batteryWords, isLow, isOnBreak, silenceWords, stateWords } from "./driver-words.js";
import { drawCandidates } from "./drivers.js";
import { etaWords, itemsWords, lateWords, notesWords, pickupWords } from "./order-words.js";
import { drawRows } from "./orders.js";
import { drawRemedies } from "./remedies.js";
import { drawSwitches } from "./switches.js";
import { savingWords, speedWords, troubleWords } from "./words.js";

/** @import { DriverState, Locale, PlanStop } from "../../../types/server" */
/** @import { Part } from "../dom.js" */
/** @import { Desk } from "./desk.js" */
/** @import { Order } from "./fleet.js" */

const STOP_WORDS = { pickup: "Pick up", dropoff: "Drop off", return: "Bring back", transfer: "Take over from" };

const driverPanel = withFields(byId("driver-panel"));
const orderPanel = withFields(byId("order-panel"));
const restaurantSwitches = withFields(byId("restaurant-switches"));

/**
 * Draws whichever is selected. Returns the candidates for the order at hand, or null.
 * @param {Desk} desk
 */
export function drawDetails(desk) {
  const { driver, order, assigning } = desk;
  byId("drivers-panel").hidden = Boolean(driver || order);
  driverPanel.hidden = !driver;
  orderPanel.hidden = !order;
  if (driver) drawDriverPanel(desk, driver);
  if (order) drawOrderPanel(desk, order);
  byId("candidates").hidden = !assigning;
  if (!assigning) return null;
  const proposals = desk.proposals.for(assigning.orderId, performance.now());
  const found = candidates(desk.fleet, assigning, proposals);
  drawCandidates(desk, assigning, found, proposals);
  return found;
}

/**
 * @param {HTMLElement} field
 * @param {string | undefined} phone
 */
function drawPhone(field, phone) {
  field.hidden = !phone;
  if (phone) setAttribute(field, "href", `tel:${phone.replace(/[^+\d]/g, "")}`);
}

/**
 * @param {Desk} desk
 * @param {DriverState} driver
 */
function drawDriverPanel(desk, driver) {
  const { fleet } = desk;
  const now = serverNow();
  const position = fleet.positions.get(driver.driverId);
  const stops = fleet.stopsOf(driver.driverId);
  const orders = fleet.ordersOf(driver.driverId);
  const locale = desk.localeOf(driver);
  const silence = silenceWords(fleet, driver, now);
  const { stale, troubled } = fleet.presence(driver.driverId, now);
  const trouble = fleet.troubles.get(driver.driverId);
  setAttribute(driverPanel.fields.mark, "data-status", driver.status);
  setAttribute(driverPanel.fields.mark, "data-stale", stale);
  setAttribute(driverPanel.fields.trouble, "data-grave", troubled);
  setAttribute(driverPanel.fields.battery, "data-low", isLow(position));
  drawPhone(driverPanel.fields.phone, driver.phone);
  drawRows(desk, byId("driver-orders"), orders);
  fill(driverPanel, {
    name: driver.name,
    status: stateWords(desk, driver, now),
    silence: stale && `${silence[0].toUpperCase()}${silence.slice(1)}: the place on the map may be old.`,
    trouble: trouble && troubleWords(trouble, (moment) => clockTime(moment, locale)),
    city: desk.cityOf(driver)?.name ?? "None",
    vehicle: desk.statuses.vehicles[driver.vehicle],
    nothing: isOnBreak(driver, now) ? "No stops." : "No stops: free for an order.",
    skills: desk.skillNames(driver.skills) || "–",
    speed: position?.speed === undefined || stale ? "–" : speedWords(position.speed, locale),
    fix: position ? `${age(now - position.ts)} ago` : "none yet",
    battery: batteryWords(position),
    number: driver.phone || "–",
    stopCount: String(stops.length),
    orderCount: String(orders.length),
  });
  byId("stops-empty").hidden = stops.length > 0;
  byId("handing-on").hidden = fleet.toHandOn(driver.driverId) === 0;
  setAttribute(byId("handing-on"), "data-stranded", fleet.isStranded(driver));
  setText(byId("handing-on-words"), fleet.isStranded(driver) ? "The shift is over. Others have to take the orders." : "");
  drawSaving(desk, driver.driverId, locale);
  syncList(
    byId("stops"),
    stops.map((stop, n) => ({ stop, n })),
    ({ stop }) => stop.stopId,
    ({ stop }) => stopRow(desk, driver.driverId, stop.stopId),
    (row, { stop, n }) => drawStop(row, stop, n, stops[n - 1], locale),
  );
}

/**
 * @param {Desk} desk
 * @param {string} driverId
 * @param {string} stopId
 */
function stopRow(desk, driverId, stopId) {
  const row = fromTemplate("stop-row");
  row.fields.earlier.addEventListener("click", () => {
    const stops = desk.fleet.stopsAhead(driverId).map((stop) => ({ ...stop, pinned: true }));
    const at = stops.findIndex((stop) => stop.stopId === stopId);
    stops.splice(at - 1, 0, ...stops.splice(at, 1));
    desk.rearrange(driverId, stops, "The stops stay in this order.");
  });
  return row;
}

/**
 * @param {Part} row
 * @param {PlanStop} stop
 * @param {number} n which it is, from 0
 * @param {PlanStop | undefined} before
 * @param {Locale} locale
 */
function drawStop(row, stop, n, before, locale) {
  setAttribute(row, "data-kind", stop.kind);
  setAttribute(row, "data-left", Boolean(stop.leftAt));
  fill(row, {
    number: String(n + 1),
    name: stop.name || (stop.kind === "dropoff" ? "Customer" : "Restaurant"),
    eta: stop.leftAt
      ? "left"
      : stop.arrivedAt
        ? "here"
        : stop.eta && `${Math.max(0, Math.ceil((stop.eta - serverNow()) / 60_000))} min`,
    kind: [STOP_WORDS[stop.kind], stop.seenAt && "seen by the driver", stop.pinned && "pinned", stop.address]
      .filter(Boolean)
      .join(" · "),
    clock: clockTime(stop.leftAt ?? stop.arrivedAt ?? stop.eta ?? serverNow(), locale),
  });
  row.fields.clock.hidden = !stop.arrivedAt && !stop.eta;
  row.fields.earlier.hidden = !before || Boolean(stop.leftAt || before.leftAt || before.arrivedAt);
}

/**
 * What the planner's order of the stops would save, where a dispatcher has put them in another one.
 * @param {Desk} desk
 * @param {string} driverId
 * @param {Locale} locale
 */
function drawSaving(desk, driverId, locale) {
  const ahead = desk.fleet.stopsAhead(driverId);
  const saving = ahead.length > 1 ? desk.savings.for(driverId, performance.now())?.saving : null;
  const best = (saving?.stops ?? []).flatMap((id) => ahead.filter((stop) => stop.stopId === id));
  // What was said of stops that are no longer these is old.
  const isOld = best.length !== saving?.stops.length;
  byId("saving").hidden = !saving || isOld;
  if (!saving || isOld) return;
  setText(byId("saving-words"), savingWords(saving, locale));
  const unpinned = best.map((stop) => ({ ...stop, pinned: false }));
  byId("apply-saving").onclick = () => desk.rearrange(driverId, unpinned, "The stops are in the planner’s order.");
}

/**
 * @param {Desk} desk
 * @param {Order} order
 */
function drawOrderPanel(desk, order) {
  const { fleet } = desk;
  const now = serverNow();
  const restaurant = fleet.restaurantOf(order);
  const driver = fleet.driverOf(order);
  const locale = desk.localeOf(order);
  const [eta, items, notes] = [etaWords(order), itemsWords(order), notesWords(order)];
  const needs = desk.skillNames(order.needs);
  const later = fleet.isScheduled(order);
  drawPhone(orderPanel.fields.phone, order.customerPhone);
  fill(orderPanel, {
    title: [order.number && `#${order.number}`, order.customerName].filter(Boolean).join(" · ") || "Order",
    status: order.claimed ? "Saving…" : desk.statuses.orders[order.status],
    eta: eta && `${eta} to the door`,
    restaurant: restaurant?.name ?? "…",
    restaurantAddress: restaurant?.address,
    customer: order.customerName || "No name",
    address: order.customerAddress,
    driver: driver?.name,
    noDriver: driver ? "" : "None yet",
    created: later
      ? `A driver is looked for at ${clockTime(order.createdAt, locale)}`
      : `${clockTime(order.createdAt, locale)}, ${stopwatch(now - order.createdAt)} ago`,
    promised: (later ? dayAndTime : clockTime)(order.promisedAt, locale),
    late: lateWords(fleet, order, now),
    ready: order.readyAt && clockTime(order.readyAt, locale),
    items,
    needs,
    notes,
    auto: pickupWords(order, now),
    problem: order.claimed ? "" : order.problemText,
  });
  orderPanel.fields.driver.onclick = () => driver && desk.selectDriver(driver.driverId);
  setAttribute(orderPanel.fields.status, "data-status", order.status);
  setAttribute(orderPanel, "data-late", fleet.lateness(order, now).level);
  orderPanel.fields.readyRow.hidden = !order.readyAt;
  orderPanel.fields.itemsRow.hidden = !items;
  orderPanel.fields.needsRow.hidden = !needs;
  orderPanel.fields.notesRow.hidden = !notes;
  const before = fleet.isBeforePickup(order) && !order.claimed;
  byId("reassign").hidden = !before || desk.reassigning;
  byId("unassign").hidden = !before;
  // At a door that was left, the question itself has the answers beside it.
  byId("handover").hidden = !(fleet.isInTheBag(order) || before) || Boolean(order.leftDropoffAt);
  byId("handed-over").hidden = before;
  byId("cancel", HTMLButtonElement).disabled = Boolean(order.claimed);
  byId("automatic").hidden = !fleet.canUndoPickup(order, now);
  const own = fleet.stopsOf(order.driverId).filter((stop) => stop.orderId === order.orderId);
  byId("pinned").hidden = !own.some((stop) => stop.pinned);
  const place = restaurant ? { ...restaurant, id: restaurant.restaurantId } : null;
  drawSwitches(restaurantSwitches, desk, place, locale);
  drawRemedies(desk, order);
  drawLeftDoor(order, driver, locale);
  setAttribute(orderPanel, "data-pending", fleet.isPending(order));
}

/**
 * @param {Order} order
 * @param {DriverState | undefined} driver
 * @param {Locale} locale
 */
function drawLeftDoor({ leftDropoffAt }, driver, locale) {
  byId("left-door").hidden = !leftDropoffAt;
  if (!leftDropoffAt) return;
  const since = stopwatch(serverNow() - leftDropoffAt);
  const name = driver?.name ?? "The driver";
  const { left, callDriver } = orderPanel.fields;
  setText(
    left,
    `${name} left the door at ${clockTime(leftDropoffAt, locale)}, ${since} ago, and pressed nothing. Was it delivered?`,
  );
  drawPhone(callDriver, driver?.phone);
  setText(callDriver, `Call ${name}`);
}
