// @ts-check
// What rows and panels say of a driver. Pure: `now` is handed in (ms, by the server's clock).

import { clockTime, stopwatch } from "../clock.js";

/** @import { DriverState, FleetPosition, PlanStop, Statuses } from "../../../types/server" */
/** @import { Desk } from "./desk.js" */
/** @import { Fleet } from "./fleet.js" */

/**
 * @param {DriverState} driver
 * @param {Statuses["drivers"]} words
 */
export function statusWords({ onShift, status }, words) {
  return onShift ? words[status] : "Off shift";
}

/**
 * @param {DriverState} driver
 * @param {number} now
 */
export function isOnBreak({ onShift, breakUntil }, now) {
  return onShift && breakUntil !== undefined && now < breakUntil;
}

/**
 * The status, or "On a break until 6:30 PM".
 * @param {Desk} desk
 * @param {DriverState} driver
 * @param {number} now
 */
export function stateWords(desk, driver, now) {
  if (!isOnBreak(driver, now)) return statusWords(driver, desk.statuses.drivers);
  return `On a break until ${clockTime(driver.breakUntil ?? now, desk.localeOf(driver))}`;
}

/**
 * The same with the next stop and when: "To restaurant · Sakura Ramen · 6:42 PM".
 * @param {Desk} desk
 * @param {DriverState} driver
 * @param {PlanStop | undefined} next
 * @param {number} now
 */
export function doingWords(desk, driver, next, now) {
  const when = next?.eta ? clockTime(next.eta, desk.localeOf(driver)) : "";
  return [stateWords(desk, driver, now), next?.name, when].filter(Boolean).join(" · ");
}

/**
 * "no fix for 0:42" where that is long enough to say it.
 * @param {Fleet} fleet
 * @param {DriverState} driver
 * @param {number} now
 */
export function silenceWords(fleet, { driverId, status }, now) {
  const { silence, stale } = fleet.presence(driverId, now);
  if (silence === null) return status === "offline" ? "" : "no fix yet";
  return stale ? `no fix for ${stopwatch(silence)}` : "";
}

/**
 * What is wrong, for those who see no colours too.
 * @param {Fleet} fleet
 * @param {DriverState} driver
 * @param {ReadonlySet<string>} alerted the drivers who left a door
 * @param {number} now
 */
export function signOf(fleet, driver, alerted, now) {
  const { driverId } = driver;
  if (alerted.has(driverId)) return "⚠ left a door";
  if (fleet.isStranded(driver)) return "⚠ shift over, orders left";
  if (fleet.presence(driverId, now).troubled) return "⊗ fixes turned away";
  const position = fleet.positions.get(driverId);
  return isLow(position) ? `⚠ battery ${position?.battery} %` : "";
}

/** A phone that is as empty as this (per cent) is off soon. */
const LOW_BATTERY = 15;

/** @param {FleetPosition | undefined} position */
export const isLow = (position) => position?.battery !== undefined && position.battery <= LOW_BATTERY;

/**
 * "62 %, app in the background".
 * @param {FleetPosition | undefined} position
 */
export function batteryWords(position) {
  const battery = position?.battery === undefined ? "unknown" : `${position.battery} %`;
  return position?.background ? `${battery}, app in the background` : battery;
}
