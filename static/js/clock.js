// @ts-check
// The server's time, and times in words. A viewer's clock may be wrong and in another time zone than the order.

/** @import { Locale } from "../../types/server" */

let offset = 0;

/**
 * Takes over the server's clock, from a frame's `now`.
 * @param {number} now ms since the epoch
 */
export function setServerTime(now) {
  offset = now - Date.now();
}

/** The time by the server's clock (ms since the epoch). */
export function serverNow() {
  return Date.now() + offset;
}

/** @typedef {Pick<Locale, "timeZone" | "clock">} Clocks by which a time is told, and whether they count to 12 or to 24 */

/** @type {Map<string, Intl.DateTimeFormat>} */
const formats = new Map();

/**
 * "6:42 PM", or "18:42", where the clocks show that.
 * @param {number} moment ms since the epoch
 * @param {Clocks} where
 */
export function clockTime(moment, { timeZone, clock }) {
  const key = `${timeZone} ${clock}`;
  let format = formats.get(key);
  if (!format) {
    /** @type {Intl.DateTimeFormatOptions} */
    const hours = clock === "24h" ? { hour: "2-digit", hourCycle: "h23" } : { hour: "numeric" };
    format = new Intl.DateTimeFormat("en-US", { ...hours, minute: "2-digit", timeZone });
    formats.set(key, format);
  }
  // Which space stands before "PM" depends on the browser's age; a line must not break there.
  return format.format(moment).replace(/\s/u, "\u00a0");
}

/** @type {Map<string, Intl.DateTimeFormat>} */
const days = new Map();

/**
 * A day and a time there: "Sat, Nov 28, 7:00 PM".
 * @param {number} moment
 * @param {Clocks} where
 */
export function dayAndTime(moment, where) {
  const { timeZone } = where;
  let format = days.get(timeZone);
  if (!format) {
    format = new Intl.DateTimeFormat("en-US", { weekday: "short", month: "short", day: "numeric", timeZone });
    days.set(timeZone, format);
  }
  return `${format.format(moment)}, ${clockTime(moment, where)}`;
}

/**
 * The time, with the day where it is another one than now.
 * @param {number} moment
 * @param {Clocks} where
 * @param {number} now
 */
export function timeFrom(moment, where, now) {
  const told = dayAndTime(moment, where);
  const time = clockTime(moment, where);
  const [day, today] = [told.slice(0, -time.length), dayAndTime(now, where).slice(0, -clockTime(now, where).length)];
  return day === today ? time : told;
}

/**
 * How long something has lasted: "0:42", "12:05", "1:03:20".
 * @param {number} ms
 */
export function stopwatch(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

/**
 * How long ago: "40 s", "5 min", "3 h", "2 d".
 * @param {number} ms
 */
export function age(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 90) return `${seconds} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${Math.round(seconds / 3600)} h`;
  return `${Math.round(seconds / 86400)} d`;
}
