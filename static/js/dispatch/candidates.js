// @ts-check
// Who can take an order, in which order, and what it would mean. Pure.

import { clockTime } from "../clock.js";
import { distance } from "../road.js";

/** @import { DriverState, Offer, Unable } from "../../../types/server" */
/** @import { Ranked } from "./advice.js" */
/** @import { Desk } from "./desk.js" */
/** @import { Fleet, Order } from "./fleet.js" */
/** @typedef {{ driver: DriverState, metres: number }} Candidate `metres` to the restaurant; Infinity: nobody knows */

/**
 * As the planner ranks them, or nearest to its restaurant first until that is known. A driver whose place is unknown
 * comes last.
 * @param {Fleet} fleet
 * @param {Order} order
 * @param {Ranked | null} proposals
 * @returns {Candidate[]}
 */
export function candidates(fleet, order, proposals) {
  const restaurant = fleet.restaurantOf(order);
  const ranked = [...(proposals?.of.values() ?? [])];
  const ranks = new Map(ranked.map(({ driverId }, rank) => [driverId, rank]));
  const rank = (/** @type {Candidate} */ { driver }) => ranks.get(driver.driverId) ?? Infinity;
  const helpers = new Set(ranked.filter((proposal) => !("problem" in proposal)).map(({ driverId }) => driverId));
  const invited = (/** @type {DriverState} */ { driverId, cityId }) =>
    order.cityId === null || cityId === order.cityId || helpers.has(driverId);
  return [...fleet.drivers.values()]
    .filter((driver) => driver.onShift && invited(driver) && driver.driverId !== order.driverId)
    .map((driver) => {
      const position = fleet.positions.get(driver.driverId);
      return { driver, metres: position && restaurant ? distance(position, restaurant) : Infinity };
    })
    .sort(
      (a, b) =>
        compare(rank(a), rank(b)) ||
        compare(a.metres, b.metres) ||
        a.driver.name.localeCompare(b.driver.name),
    );
}

/**
 * Infinity is as much as Infinity.
 * @param {number} a
 * @param {number} b
 */
const compare = (a, b) => (a === b ? 0 : a - b);

/** @param {Ranked | null} proposals */
export function hintWords(proposals) {
  if (!proposals) return "nearest first, or on the map";
  return proposals.approximate ? "best first, by straight lines: no roads now" : "best first, or on the map";
}

/**
 * "At the door 6:42 PM", "+7 min" of work, and whom it makes late; or why this driver can't.
 * @param {Desk} desk
 * @param {Order} order
 * @param {Offer | Unable | undefined} proposal
 */
export function meaningOf(desk, order, proposal) {
  if (!proposal) return { door: "", added: "", harm: "" };
  if ("problem" in proposal) return { door: proposal.message, added: "", harm: "" };
  const { deliveredAt, addedMinutes, lateMinutes, delays } = proposal;
  const harm = [];
  if (lateMinutes >= 1) harm.push(`${Math.round(lateMinutes)} min late`);
  for (const { orderId, minutes } of delays) {
    if (minutes < 1) continue;
    const name = desk.fleet.order(orderId)?.customerName || "another order";
    harm.push(`${name} ${Math.round(minutes)} min later than promised`);
  }
  return {
    door: deliveredAt ? `At the door ${clockTime(deliveredAt, desk.localeOf(order))}` : "",
    added: `+${Math.max(0, Math.round(addedMinutes))} min work`,
    harm: harm.length ? `⚠ ${harm.join(" · ")}` : "",
  };
}
