// @ts-check
// The left column: orders without a driver, orders under way, and what happened.

import { clockTime, dayAndTime, serverNow, stopwatch } from "../clock.js";
import { byId, fill, fromTemplate, rowFromTemplate, setAttribute, setText, syncList } from "../dom.js";
import { customerWords, etaWords, lateWords, pickupWords, problemWords, waited } from "./order-words.js";
import { OWN_EVENTS } from "./words.js";

/** @import { Part, Row } from "../dom.js" */
/** @import { Desk } from "./desk.js" */
/** @import { Entry, Order } from "./fleet.js" */

/** @param {Desk} desk */
export function drawOrders(desk) {
  const { fleet } = desk;
  const orders = fleet.orders().filter((order) => desk.inCity(order) && desk.matchesOrder(order));
  const waiting = orders.filter((order) => fleet.isPending(order));
  const later = orders.filter((order) => fleet.isScheduled(order));
  const active = orders.filter((order) => !fleet.isPending(order) && !fleet.isScheduled(order));
  syncList(
    byId("unassigned"),
    waiting,
    (order) => order.orderId,
    (order) => orderRow(desk, "unassigned-row", order),
    (row, order) => drawWaiting(desk, row, order),
  );
  syncList(
    byId("later"),
    later,
    (order) => order.orderId,
    (order) => orderRow(desk, "unassigned-row", order),
    (row, order) => drawLater(desk, row, order),
  );
  byId("later-part").hidden = later.length === 0;
  setText(byId("later-count"), String(later.length));
  drawRows(desk, byId("active"), active);
  setText(byId("unassigned-count"), String(waiting.length));
  setText(byId("active-count"), String(active.length));
  setText(byId("tab-unassigned"), waiting.length ? String(waiting.length) : "");
  byId("unassigned-empty").hidden = waiting.length > 0;
  byId("active-empty").hidden = active.length > 0;
  setAttribute(byId("unassigned-count"), "data-some", waiting.length > 0);
}

/**
 * One that nobody needs to set off for yet.
 * @param {Desk} desk
 * @param {Row} row
 * @param {Order} order
 */
function drawLater(desk, row, order) {
  fill(row, {
    restaurant: desk.fleet.restaurantOf(order)?.name ?? "…",
    customer: customerWords(order),
    waiting: order.wantedAt ? dayAndTime(order.wantedAt, desk.localeOf(order)) : "",
    ready: "",
    problem: problemWords(order, desk.statuses.passingProblems),
  });
  setAttribute(row.button, "data-late", null);
  drawSelection(desk, row, order);
}

/**
 * Rows of orders that drivers have.
 * @param {Desk} desk
 * @param {HTMLElement} list
 * @param {Order[]} orders
 */
export function drawRows(desk, list, orders) {
  syncList(
    list,
    orders,
    (order) => order.orderId,
    (order) => orderRow(desk, "active-row", order),
    (row, order) => drawActive(desk, row, order),
  );
}

/**
 * @param {Desk} desk
 * @param {string} template
 * @param {Order} order
 * @returns {Row}
 */
function orderRow(desk, template, { orderId }) {
  const row = rowFromTemplate(template);
  row.button.dataset.orderId = orderId;
  row.button.addEventListener("click", () => desk.selectOrder(orderId));
  row.fields.undo?.addEventListener("click", () => desk.undoPickup(orderId));
  return row;
}

/**
 * @param {Desk} desk
 * @param {Row} row
 * @param {Order} order
 */
function drawWaiting(desk, row, order) {
  const now = serverNow();
  fill(row, {
    restaurant: desk.fleet.restaurantOf(order)?.name ?? "…",
    customer: customerWords(order),
    waiting: order.claimed ? "…" : stopwatch(now - order.createdAt),
    ready: order.readyAt ? `ready ${clockTime(order.readyAt, desk.localeOf(order))}` : "",
    problem: problemWords(order, desk.statuses.passingProblems),
  });
  const late = desk.fleet.lateness(order, now).level ?? waited(order, now);
  setAttribute(row.button, "data-late", late);
  setAttribute(row.fields.waiting, "title", late ? "Waiting for long" : "Waiting for a driver");
  drawSelection(desk, row, order);
}

/**
 * @param {Desk} desk
 * @param {Row} row
 * @param {Order} order
 */
function drawActive(desk, row, order) {
  const now = serverNow();
  fill(row, {
    restaurant: desk.fleet.restaurantOf(order)?.name ?? "…",
    customer: customerWords(order),
    eta: etaWords(order),
    status: order.claimed ? "Assigning…" : desk.statuses.orders[order.status],
    driver: desk.fleet.driverOf(order)?.name,
    problem: problemWords(order, desk.statuses.passingProblems),
    left: order.leftDropoffAt && `⚠ left the door ${stopwatch(now - order.leftDropoffAt)} ago`,
  });
  setAttribute(row.fields.eta, "title", order.claimed ? null : order.problemText);
  setAttribute(row.fields.status, "data-status", order.status);
  setAttribute(row.button, "data-late", order.claimed ? null : desk.fleet.lateness(order, now).level);
  setText(row.fields.late, lateWords(desk.fleet, order, now));
  setAttribute(row.button, "data-alert", Boolean(order.leftDropoffAt));
  row.fields.automatic.hidden = !desk.fleet.canUndoPickup(order, now);
  setText(row.fields.auto, pickupWords(order, now));
  drawSelection(desk, row, order);
}

/**
 * @param {Desk} desk
 * @param {Row} row
 * @param {Order} order
 */
function drawSelection(desk, row, order) {
  setAttribute(row.button, "aria-pressed", desk.orderId === order.orderId ? "true" : "false");
  setAttribute(row.button, "data-claimed", order.claimed);
}

// ------------------------------------------------------------------------------------------------ activity

/** @param {Desk} desk */
export function drawActivity(desk) {
  const entries = desk.fleet.activity.filter((entry) => desk.inCity(entry));
  syncList(
    byId("activity"),
    entries,
    (entry) => entry.key,
    () => fromTemplate("activity-row"),
    (row, entry) => drawEntry(desk, row, entry),
  );
  byId("activity-empty").hidden = entries.length > 0;
}

/**
 * @param {Desk} desk
 * @param {Part} row
 * @param {Entry} entry
 */
function drawEntry(desk, row, entry) {
  const driver = desk.fleet.driverOf(entry)?.name;
  const restaurant = desk.fleet.restaurantOf(entry)?.name;
  const { words, icon } = { ...desk.statuses.events, ...OWN_EVENTS }[entry.status];
  setAttribute(row.fields.glyph, "href", `#i-${icon}`);
  fill(row, {
    what: entry.minutes ? `${words}, by ${entry.minutes} min` : words,
    at: clockTime(entry.at, desk.localeOf(entry)),
    whom: [
      driver,
      entry.status === "pending" || !driver ? restaurant : null,
      entry.customer,
      entry.evidence && "by geofence",
    ]
      .filter(Boolean)
      .join(" · "),
  });
  setAttribute(row, "data-status", entry.status);
}
