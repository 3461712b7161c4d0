// @ts-check
// What the list of alerts says of each. Pure: `now` is handed in (ms, by the server's clock).

import { clockTime, stopwatch } from "../clock.js";
import { plural } from "./words.js";

/** @import { AlertKind, AlertState } from "../../../types/server" */
/** @import { Desk } from "./desk.js" */
/** @typedef {{ restaurant: string, customer: string, ends: string, left: string }} Concerns */

/** @type {Record<AlertKind, (concerns: Concerns) => string>} */
const WHAT = {
  unassigned: ({ customer }) => ["no driver yet", customer].filter(Boolean).join(" · "),
  not_set_out: ({ restaurant }) => `has not set out for ${restaurant}`,
  at_restaurant: ({ restaurant }) => `still at ${restaurant}`,
  standing: () => "stands on the way, at no stop",
  off_route: () => "off the planned road, and comes no nearer",
  silent: () => "nothing heard, with food on board",
  shift_ending: ({ ends, left }) => `shift ends ${ends}, ${left} left`,
};

/**
 * Whom or what an alert is of, what is wrong, and for how long; a shift says when it ends instead.
 * @param {Desk} desk
 * @param {AlertState} alarm
 * @param {number} now
 */
export function alarmWords(desk, alarm, now) {
  const { fleet } = desk;
  const order = alarm.orderId ? fleet.order(alarm.orderId) : undefined;
  const restaurant = fleet.restaurantOf(order)?.name;
  const ends = alarm.dueAt ? clockTime(alarm.dueAt, desk.localeOf(alarm)) : "";
  const left = plural(alarm.driverId ? fleet.stopsAhead(alarm.driverId).length : 0, "stop");
  return {
    who: alarm.driverId ? (fleet.driverOf(alarm)?.name ?? "A driver") : (restaurant ?? "An order"),
    what: WHAT[alarm.kind]({
      restaurant: restaurant ?? "the restaurant",
      customer: order?.customerName ?? "",
      ends,
      left,
    }),
    when: alarm.dueAt ? "" : stopwatch(now - alarm.since),
  };
}

/** Tells which alerts nobody here was told of. */
export class News {
  /** @type {Set<string> | null} */
  #known = null;

  /**
   * The ids among these that are new; none the first time, when the page has just been opened.
   * @param {string[]} ids
   */
  of(ids) {
    const known = this.#known;
    this.#known = new Set([...(known ?? []), ...ids]);
    return known ? ids.filter((id) => !known.has(id)) : [];
  }
}
