// @ts-check
// What rows and panels say of an order. Pure: `now` is handed in (ms, by the server's clock).

import { age } from "../clock.js";

/** @import { Statuses } from "../../../types/server" */
/** @import { Fleet, Order } from "./fleet.js" */

// How long an order may wait for a driver before its row says so.
const LONG_MS = 5 * 60_000;
const VERY_LONG_MS = 10 * 60_000;

/** @param {Order} order */
export function customerWords({ customerName, customerAddress }) {
  return [customerName, customerAddress].filter(Boolean).join(" · ");
}

/**
 * "12–16 min", "~14 min" where that is not exact, "" where it goes without saying.
 * @param {Order} order
 */
export function etaWords({ status, claimed, etaLow, etaHigh, etaMinutes, problem }) {
  if (claimed || status === "pending") return "";
  if (etaLow) return `${etaLow}–${etaHigh} min`;
  if (etaMinutes) return `${problem ? "~" : ""}${etaMinutes} min`;
  return problem ? "no ETA" : "";
}

/**
 * What a dispatcher can do something about; for the rest "~" is enough.
 * @param {Order} order
 * @param {Statuses["passingProblems"]} passing
 */
export function problemWords({ claimed, problem, problemText }, passing) {
  return claimed || !problem || passing.includes(problem) ? "" : problemText;
}

/**
 * "12 min late", where the order will be, or is, later than promised.
 * @param {Fleet} fleet
 * @param {Order} order
 * @param {number} now
 */
export function lateWords(fleet, order, now) {
  const { late, level } = fleet.lateness(order, now);
  return level && !order.claimed ? `${Math.round(late / 60_000)} min late` : "";
}

/**
 * "Picked up automatically 2 min ago".
 * @param {Order} order
 * @param {number} now
 */
export function pickupWords({ autoPickupAt }, now) {
  return autoPickupAt ? `Picked up automatically ${age(now - autoPickupAt)} ago` : "";
}

/**
 * What is in the bags, an item a line.
 * @param {Order} order
 */
export function itemsWords({ items = [], bags = 1 }) {
  const lines = items.map(({ count, text }) => `${count} × ${text}`);
  if (bags > 1) lines.push(`in ${bags} bags`);
  return lines.join("\n");
}

/**
 * For whom each note is, what is to be paid, and how old who takes it has to be; a line each.
 * @param {Order} order
 */
export function notesWords({ kitchenNote, driverNote, doorNote, cashDue, ageCheck }) {
  return [
    kitchenNote && `Kitchen: ${kitchenNote}`,
    driverNote && `Driver: ${driverNote}`,
    doorNote && `Door: ${doorNote}`,
    cashDue && `Cash due: ${cashDue}`,
    ageCheck && `Age check: ${ageCheck} or older`,
  ]
    .filter(Boolean)
    .join("\n");
}

/**
 * Whether an order without a driver has waited for long.
 * @param {Order} order
 * @param {number} now
 */
export function waited({ createdAt }, now) {
  const wait = now - createdAt;
  return wait > VERY_LONG_MS ? "very" : wait > LONG_MS ? "yes" : null;
}
