// The left column: orders without a driver, orders under way, and what happened.

import { age, clockTime, serverNow, stopwatch } from "../clock.js";
import { fill, fromTemplate, setAttribute, setText, syncList } from "../dom.js";
import { isPending } from "./fleet.js";
import { EVENTS, ORDER_STATUSES, PASSING } from "./words.js";

const byId = (id) => document.getElementById(id);

// How long an order may wait for a driver before its row says so.
const LONG_MS = 5 * 60_000;
const VERY_LONG_MS = 10 * 60_000;

export function drawOrders(desk) {
  const orders = desk.fleet.orders().filter((order) => desk.inCity(order) && desk.matchesOrder(order));
  const waiting = orders.filter(isPending);
  const active = orders.filter((order) => !isPending(order));
  const key = (order) => order.orderId;
  syncList(
    byId("unassigned"),
    waiting,
    key,
    (order) => orderRow(desk, "unassigned-row", order),
    (row, order) => drawWaiting(desk, row, order),
  );
  syncList(
    byId("active"),
    active,
    key,
    (order) => orderRow(desk, "active-row", order),
    (row, order) => drawActive(desk, row, order),
  );
  setText(byId("unassigned-count"), String(waiting.length));
  setText(byId("active-count"), String(active.length));
  setText(byId("tab-unassigned"), waiting.length ? String(waiting.length) : "");
  byId("unassigned-empty").hidden = waiting.length > 0;
  byId("active-empty").hidden = active.length > 0;
  setAttribute(byId("unassigned-count"), "data-some", waiting.length > 0);
}

/** Rows of orders of one driver. */
export function drawOrdersOf(desk, list, driverId) {
  const orders = desk.fleet.ordersOf(driverId);
  syncList(
    list,
    orders,
    (order) => order.orderId,
    (order) => orderRow(desk, "active-row", order),
    (row, order) => drawActive(desk, row, order),
  );
  return orders.length;
}

function orderRow(desk, template, order) {
  const row = fromTemplate(template);
  row.button = row.querySelector("button");
  row.button.dataset.orderId = order.orderId;
  row.button.addEventListener("click", () => desk.selectOrder(order.orderId));
  row.fields.undo?.addEventListener("click", () => desk.undoPickup(order.orderId));
  return row;
}

function customerWords(order) {
  return [order.customerName, order.customerAddress].filter(Boolean).join(" · ");
}

function drawWaiting(desk, row, order) {
  const wait = serverNow() - order.createdAt;
  fill(row, {
    restaurant: desk.fleet.restaurants.get(order.restaurantId)?.name ?? "…",
    customer: customerWords(order),
    waiting: order.claimed ? "…" : stopwatch(wait),
    ready: order.readyAt ? `ready ${clockTime(order.readyAt, desk.timeZoneOf(order))}` : "",
    problem: problemWords(order),
  });
  const waited = wait > VERY_LONG_MS ? "very" : wait > LONG_MS ? "yes" : null;
  const late = desk.fleet.lateness(order, serverNow()).level ?? waited;
  setAttribute(row.button, "data-late", late);
  setAttribute(row.fields.waiting, "title", late ? "Waiting for long" : "Waiting for a driver");
  drawSelection(desk, row, order);
}

function drawActive(desk, row, order) {
  fill(row, {
    restaurant: desk.fleet.restaurants.get(order.restaurantId)?.name ?? "…",
    customer: customerWords(order),
    eta: etaWords(order),
    status: order.claimed ? "Assigning…" : ORDER_STATUSES[order.status],
    driver: desk.fleet.drivers.get(order.driverId)?.name ?? "",
    problem: problemWords(order),
  });
  setAttribute(row.fields.eta, "title", order.claimed ? null : order.problemText);
  setAttribute(row.fields.status, "data-status", order.status);
  setAttribute(row.button, "data-late", order.claimed ? null : desk.fleet.lateness(order, serverNow()).level);
  setText(row.fields.late, order.claimed ? "" : lateWords(desk, order));
  fill(row, { left: order.leftDropoffAt && `⚠ left the door ${stopwatch(serverNow() - order.leftDropoffAt)} ago` });
  setAttribute(row.button, "data-alert", Boolean(order.leftDropoffAt));
  row.fields.automatic.hidden = !desk.fleet.canUndoPickup(order, serverNow());
  setText(row.fields.auto, pickupWords(order));
  drawSelection(desk, row, order);
}

/** "12 min late", where the order will be, or is, later than promised. */
export function lateWords(desk, order) {
  const { late, level } = desk.fleet.lateness(order, serverNow());
  return level ? `${Math.round(late / 60_000)} min late` : "";
}

/** "Picked up automatically 2 min ago". */
export function pickupWords(order) {
  return order.autoPickupAt ? `Picked up automatically ${age(serverNow() - order.autoPickupAt)} ago` : "";
}

function drawSelection(desk, row, order) {
  setAttribute(row.button, "aria-pressed", desk.orderId === order.orderId ? "true" : "false");
  setAttribute(row.button, "data-claimed", order.claimed);
}

export function etaWords(order) {
  if (order.claimed || isPending(order)) return "";
  if (order.etaLow) return `${order.etaLow}–${order.etaHigh} min`;
  if (order.etaMinutes) return `${order.problem ? "~" : ""}${order.etaMinutes} min`;
  return order.problem ? "no ETA" : "";
}

/** What a dispatcher can do something about; for the rest "~" is enough. */
function problemWords(order) {
  return order.claimed || PASSING.has(order.problem) ? "" : order.problemText;
}

// ------------------------------------------------------------------------------------------------ activity

export function drawActivity(desk) {
  const events = desk.fleet.activity.filter((event) => desk.cityId === null || event.cityId === desk.cityId);
  syncList(
    byId("activity"),
    events,
    (event) => event.key,
    () => fromTemplate("activity-row"),
    (row, event) => drawEvent(desk, row, event),
  );
  byId("activity-empty").hidden = events.length > 0;
}

function drawEvent(desk, row, event) {
  const driver = desk.fleet.drivers.get(event.driverId)?.name;
  const restaurant = desk.fleet.restaurants.get(event.restaurantId)?.name;
  const [what, glyph] = EVENTS[event.status];
  setAttribute(row.fields.glyph, "href", `#i-${glyph}`);
  fill(row, {
    what: event.minutes ? `${what}, by ${event.minutes} min` : what,
    at: clockTime(event.at, desk.timeZoneOf(event)),
    whom: [
      driver,
      event.status === "pending" || !driver ? restaurant : null,
      event.customer,
      event.evidence && "by geofence",
    ]
      .filter(Boolean)
      .join(" · "),
  });
  setAttribute(row, "data-status", event.status);
}
