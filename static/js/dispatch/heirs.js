// @ts-check
// Who takes over what a driver has, in words. Pure.

import { clockTime } from "../clock.js";

/** @import { DriverState, Heir, Heirless, Succession } from "../../../types/server" */
/** @import { Desk } from "./desk.js" */

/**
 * Who can be named to take everything: those on shift, of the driver's own city first.
 * @param {Desk} desk
 * @param {DriverState} driver
 */
export function takers(desk, driver) {
  const near = (/** @type {DriverState} */ { cityId }) => Number(cityId === driver.cityId);
  return [...desk.fleet.drivers.values()]
    .filter((other) => other.onShift && other.driverId !== driver.driverId)
    .sort((a, b) => near(b) - near(a) || a.name.localeCompare(b.name));
}

/**
 * What becomes of one order: "Ben", "at the door 6:42 PM", "12 min late"; or why it stays.
 * @param {Desk} desk
 * @param {Heir | Heirless} heir
 */
export function heirWords(desk, heir) {
  const order = desk.fleet.order(heir.orderId);
  const what = {
    customer: order?.customerName || "An order",
    restaurant: desk.fleet.restaurantOf(order)?.name,
  };
  if ("problem" in heir) return { ...what, driver: "stays", door: "", late: "", problem: heir.message };
  const late = Math.round(heir.lateMinutes);
  return {
    ...what,
    driver: `→ ${desk.fleet.drivers.get(heir.driverId)?.name ?? "another driver"}`,
    door: heir.deliveredAt && order ? `at the door ${clockTime(heir.deliveredAt, desk.localeOf(order))}` : "",
    late: late >= 1 ? `${late} min late` : "",
    problem: "",
  };
}

/**
 * Whom it makes late, and how sure that is.
 * @param {Desk} desk
 * @param {Succession | null} succession null until the server has answered
 */
export function hintWords(desk, succession) {
  if (!succession) return "Looking who can take them…";
  if (!succession.heirs.length) return "There is nothing to hand on any more.";
  const delays = succession.delays.map(({ orderId, minutes }) => {
    const name = desk.fleet.order(orderId)?.customerName || "another order";
    return `${name} ${Math.round(minutes)} min later than promised`;
  });
  return [
    delays.length ? `⚠ ${delays.join(" · ")}.` : "No other order becomes late by it.",
    succession.approximate ? "By straight lines: no roads now." : "",
  ]
    .filter(Boolean)
    .join(" ");
}

/** @param {DriverState} driver */
export const endShiftWords = ({ name }) => `End ${name}’s shift: no new orders`;
