// @ts-check
// Numbers, distances and what the server says in codes, as a dispatcher reads them. Pure.

/** @import { FixTrouble, Locale, Remedies, Saving } from "../../../types/server" */
/** @import { OwnEvent } from "./fleet.js" */

/**
 * What the page finds out itself, and its icon; what statuses tell comes from the server.
 * @type {Record<OwnEvent, { words: string, icon: string }>}
 */
export const OWN_EVENTS = {
  late: { words: "Will be late", icon: "clock" },
  very_late: { words: "Will be very late", icon: "warning" },
  pickup_undone: { words: "Automatic pickup undone", icon: "back" },
};

/**
 * Why a fix was turned away, by the filter's names.
 * @type {Record<string, string>}
 */
const REJECTIONS = {
  malformed: "unreadable",
  duplicate: "sent twice",
  repeated: "an old place again and again",
  out_of_order: "out of order",
  stale: "too late",
  teleport: "jumps",
  refused: "not to be stored",
};

/**
 * "12 fixes not used since 2:02 PM: too late (10), jumps (2)".
 * @param {Pick<FixTrouble, "rejected" | "since">} trouble
 * @param {(moment: number) => string} clock
 */
export function troubleWords({ rejected, since }, clock) {
  // These are shown all the same.
  const { inaccurate = 0, future = 0, behind = 0, ...unused } = rejected;
  const most = Object.entries(unused).sort(([, a], [, b]) => b - a);
  const total = most.reduce((sum, [, count]) => sum + count, 0);
  const fixes = (/** @type {number} */ count) => plural(count, "fix", "fixes");
  const parts = [];
  if (total) {
    const reasons = most.map(([name, count]) => `${REJECTIONS[name] ?? name} (${count})`);
    parts.push(`${fixes(total)} not used since ${clock(since)}: ${reasons.join(", ")}`);
  }
  if (inaccurate) parts.push(`${fixes(inaccurate)} too inaccurate to move an order along`);
  if (future) parts.push(`${fixes(future)} used with the time put right: clock ahead`);
  if (behind) parts.push(`${fixes(behind)} used with the time put right: clock behind`);
  return parts.join("; ");
}

/**
 * @param {number} n
 * @param {string} one
 */
export const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/**
 * "450 ft", "1.4 mi"; or "140 m", "2.3 km".
 * @param {number} metres
 * @param {Pick<Locale, "units">} locale
 */
export function distanceWords(metres, { units }) {
  if (units === "km") return metres < 995 ? `${Math.round(metres / 10) * 10} m` : `${(metres / 1000).toFixed(1)} km`;
  const miles = metres / 1609.344;
  return miles < 0.19 ? `${Math.round((metres * 3.28084) / 50) * 50} ft` : `${miles.toFixed(1)} mi`;
}

/**
 * What the planner's order of the stops saves, and what it takes for that.
 * @param {Pick<Saving, "minutes" | "km">} saving
 * @param {Pick<Locale, "units">} locale
 */
export function savingWords({ minutes, km }, locale) {
  if (minutes < 1) return "The planner has another order, for what was promised.";
  const saves = `The planner’s order saves ${Math.round(minutes)} min`;
  if (km === 0) return `${saves}.`;
  const distance = distanceWords(Math.abs(km) * 1000, locale);
  return km > 0 ? `${saves} and ${distance}.` : `${saves} for ${distance} more.`;
}

/**
 * Why nothing is offered for a late order.
 * @param {Remedies | null} advice null until the server has answered
 */
export function noRemedyWords(advice) {
  if (!advice) return "Looking…";
  return advice.roadsAway
    ? "The road server does not answer. It is asked again shortly."
    : "Nothing would make it sooner without making others later.";
}

/**
 * "22 mph", "36 km/h".
 * @param {number} metresPerSecond
 * @param {Pick<Locale, "units">} locale
 */
export const speedWords = (metresPerSecond, { units }) =>
  units === "km" ? `${Math.round(metresPerSecond * 3.6)} km/h` : `${Math.round(metresPerSecond * 2.23694)} mph`;
