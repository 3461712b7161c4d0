// @ts-check
// What a driver says late, against what people did meanwhile, in words. Pure.

import { clockTime } from "../clock.js";

/** @import { ConflictState } from "../../../types/server" */
/** @import { Desk } from "./desk.js" */

/**
 * Both sides, and what each answer makes of the order.
 * @param {Desk} desk
 * @param {ConflictState} conflict
 */
export function conflictWords(desk, conflict) {
  const { against, customerAddress, customerName, driverName, number, pressedAt, says, toldAt } = conflict;
  const zone = desk.localeOf(conflict);
  const time = (/** @type {number} */ moment) => clockTime(moment, zone);
  const words = (/** @type {keyof typeof desk.statuses.events} */ status) => desk.statuses.events[status].words;
  const what = (/** @type {keyof typeof desk.statuses.events} */ status) => words(status).toLowerCase();
  const why = against.reason ? `: ${against.reason}` : "";
  const to = against.driverName ? ` to ${against.driverName}` : "";
  return {
    customer: [number && `#${number}`, customerName || customerAddress || "An order"].filter(Boolean).join(" · "),
    city: desk.inCity(conflict) ? "" : desk.cityOf(conflict)?.name,
    restaurant: desk.fleet.restaurantOf(conflict)?.name,
    driver: `${driverName} without a network: ${what(says)} at ${time(pressedAt)}, heard of at ${time(toldAt)}`,
    people: `${against.by}: ${what(against.status)}${to} at ${time(against.at)}${why}`,
    believe: `${words(says)}, as ${driverName} says`,
    keep: "Leave it as it is",
  };
}
