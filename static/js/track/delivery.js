// @ts-check
// What a customer knows of the delivery, folded from frames, and how it is said. Pure: no page, no socket, no clock.

import { age, clockTime } from "../clock.js";

/** @import { CustomerFrame, CustomerStatus, DriverPosition, Eta, LineString, OrderStatus, TrackPage } from "../../../types/server" */
/**
 * `arrivesAt`, `deliveredAt`: ms since the epoch, by the server's clock.
 * @typedef {object} Delivery
 * @property {CustomerStatus | null} status
 * @property {Eta | null} eta
 * @property {DriverPosition | null} driver
 * @property {LineString | null} route
 * @property {number | null} arrivesAt
 * @property {number | null} deliveredAt
 */

/**
 * Nothing yet, but when it was handed over, where the page was told that.
 * @param {number | null} deliveredAt
 * @returns {Delivery}
 */
export const unknown = (deliveredAt) => ({
  status: null,
  eta: null,
  driver: null,
  route: null,
  arrivesAt: null,
  deliveredAt,
});

/**
 * A snapshot: what is not in it is gone.
 * @param {Delivery} known
 * @param {CustomerFrame[]} frames
 * @param {number} now by the server's clock
 */
export function replace(known, frames, now) {
  /** @type {Delivery} */
  let next = { ...known, status: null, driver: null, route: null };
  for (const frame of frames) next = apply(next, frame, now);
  return frames.some(({ type }) => type === "eta") ? next : { ...next, eta: null, arrivesAt: null };
}

/**
 * One frame.
 * @param {Delivery} known
 * @param {CustomerFrame} frame
 * @param {number} now by the server's clock
 * @returns {Delivery}
 */
export function apply(known, frame, now) {
  switch (frame.type) {
    case "status":
      return {
        ...known,
        status: frame,
        deliveredAt: known.deliveredAt ?? (frame.status === "delivered" ? now : null),
      };
    case "eta":
      // Said again, as after a lost connection, it is as old as it was.
      if (known.eta?.minutes === frame.minutes && known.eta.v === frame.v) return { ...known, eta: frame };
      return { ...known, eta: frame, arrivesAt: frame.minutes ? now + frame.minutes * 60_000 : null };
    case "eta_unknown":
      return { ...known, eta: null, arrivesAt: null };
    case "route":
      return { ...known, route: frame.geometry };
    case "route_hidden":
      return { ...known, route: null };
    case "driver_pos":
      return known.driver && known.driver.ts > frame.ts ? known : { ...known, driver: frame };
    case "driver_hidden":
      return { ...known, driver: null, route: null };
    default: // of a newer server
      return known;
  }
}

/**
 * "12–16", or "14" where nobody can say how far off that is.
 * @param {Eta | null} eta
 */
export function minutesWords(eta) {
  if (!eta?.minutes) return "";
  return eta.low ? `${eta.low}–${eta.high}` : String(eta.minutes);
}

/**
 * When it comes or came, or what is known as long as nobody can say.
 * @param {Delivery} delivery
 * @param {OrderStatus} status
 * @param {Pick<TrackPage, "final" | "noEta" | "locale">} page
 */
export function arrivalWords({ arrivesAt, deliveredAt }, status, page) {
  if (status === "delivered" && deliveredAt) return `Handed over at ${clockTime(deliveredAt, page.locale)}`;
  if (arrivesAt && !page.final.includes(status)) return `Arrives around ${clockTime(arrivesAt, page.locale)}`;
  return page.noEta[status];
}

/**
 * The state of each step of the progress line.
 * @param {OrderStatus} status
 * @param {OrderStatus[]} steps
 * @returns {("done" | "current" | "ahead")[]}
 */
export function stepStates(status, steps) {
  const reached = Math.max(0, steps.indexOf(status));
  return steps.map((_, n) =>
    n < reached || status === "delivered" ? "done" : n === reached ? "current" : "ahead",
  );
}

/**
 * What a look at the map may leave open: that a position is old, or why there is none. `silence` (ms) is null while
 * the driver's place is not known to be old.
 * @param {Delivery} delivery
 * @param {Pick<TrackPage, "final" | "staleAfterMs">} page
 * @param {number} now by the server's clock
 */
export function note({ status, eta, driver }, { final, staleAfterMs }, now) {
  const silence = driver && now - driver.ts > staleAfterMs ? now - driver.ts : null;
  const elsewhere = !driver && eta?.minutes && eta.stopsBefore;
  const words =
    silence !== null
      ? `Driver last seen ${age(silence)} ago`
      : elsewhere
        ? "Your driver shows up on the map once your stop is next."
        : "";
  return { words: status && final.includes(status.status) ? "" : words, silence };
}
