// @ts-check
// Between two fixes a marker glides instead of jumping. Pure: times are handed in.

const QUICKEST_MS = 200;
const SLOWEST_MS = 5_000;
const JUMP_DEGREES = 0.02; // about 2 km: nobody drove that, so don't show it

/** @typedef {{ lat: number, lng: number, heading: number | null }} At degrees */

/** A moving point. It reaches each fix one interval after it came, at the pace at which fixes come. */
export class Glide {
  /** @type {At | undefined} */
  #from;
  /** @type {At | undefined} */
  #to;
  #start = 0;
  #length = 0;
  /** @type {number | null} */
  #ts = null;

  /** @param {{ still?: boolean }} options `still`: people who want less motion see the marker jump. */
  constructor({ still = false } = {}) {
    this.still = still;
  }

  /**
   * A new fix: `ts` is its own time, `now` the time of the animation (both ms, of different clocks).
   * @param {{ lat: number, lng: number, heading?: number | null, ts: number }} fix
   * @param {number} now
   */
  to({ lat, lng, heading = null, ts }, now) {
    const target = { lat, lng, heading };
    const interval = this.#ts === null ? 0 : ts - this.#ts;
    this.#ts = ts;
    const here = this.at(now);
    const jump =
      !here ||
      this.still ||
      interval <= 0 ||
      interval > 30_000 ||
      Math.abs(here.lat - lat) > JUMP_DEGREES ||
      Math.abs(here.lng - lng) > JUMP_DEGREES;
    this.#from = jump ? target : { ...here, heading: here.heading ?? heading };
    this.#to = { ...target, heading: heading ?? this.#from.heading };
    this.#start = now;
    this.#length = jump ? 0 : Math.min(SLOWEST_MS, Math.max(QUICKEST_MS, interval));
  }

  /**
   * Where it is now, or undefined before the first fix.
   * @param {number} now
   */
  at(now) {
    if (!this.#from || !this.#to) return undefined;
    const part = this.#length ? Math.min(1, (now - this.#start) / this.#length) : 1;
    if (part >= 1) return { ...this.#to };
    return {
      lat: this.#from.lat + (this.#to.lat - this.#from.lat) * part,
      lng: this.#from.lng + (this.#to.lng - this.#from.lng) * part,
      heading: turn(this.#from.heading, this.#to.heading, Math.min(1, part * 3)),
    };
  }

  /** @param {number} now */
  moving(now) {
    return now - this.#start < this.#length;
  }
}

/**
 * The shorter way round between two headings (degrees).
 * @param {number | null} from
 * @param {number | null} to
 * @param {number} part 0 to 1
 */
function turn(from, to, part) {
  if (from === null || to === null) return to;
  const difference = ((to - from + 540) % 360) - 180;
  return (from + difference * part + 360) % 360;
}
