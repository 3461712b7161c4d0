// @ts-check
// What a socket's frames mean for the page, and when to try again. Pure: no socket, no clock.

/** @import { ControlFrame } from "../../types/server" */

const BACKOFF_MS = { first: 500, most: 10_000 };

/**
 * One connection's frames, of which those between `hello` and `ready` are handed over as a whole: a snapshot.
 * @template {{ type: string }} Frame
 */
export class Conversation {
  /** @type {Frame[] | null} */
  #snapshot = null;

  /**
   * What this frame brings: a whole snapshot, one change, the server's time (`now`), or nothing yet.
   * @param {ControlFrame | Frame} frame
   * @returns {{ snapshot?: Frame[], change?: Frame, now?: number }}
   */
  hear(frame) {
    if (isControl(frame)) return this.#control(frame);
    if (!this.#snapshot) return { change: frame };
    this.#snapshot.push(frame);
    return {};
  }

  /** @param {ControlFrame} frame */
  #control(frame) {
    switch (frame.type) {
      case "hello":
        this.#snapshot = [];
        return { now: frame.now };
      case "heartbeat":
        return { now: frame.now };
      case "ready": {
        const snapshot = this.#snapshot ?? [];
        this.#snapshot = null;
        return { snapshot };
      }
      case "error": // pages send nothing that could be wrong
        return {};
    }
  }
}

/** @type {ReadonlySet<string>} */
const CONTROL = new Set(/** @type {ControlFrame["type"][]} */ (["hello", "ready", "heartbeat", "error"]));

/**
 * @param {{ type: string }} frame
 * @returns {frame is ControlFrame}
 */
function isControl(frame) {
  return CONTROL.has(frame.type);
}

/**
 * How long (ms) to wait before the next attempt: longer each time, and not the same for all who lost the server.
 * @param {number} attempts that have failed since the last snapshot
 * @param {number} chance 0 to 1
 */
export function backoff(attempts, chance) {
  const ceiling = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** attempts);
  return ceiling * (0.5 + chance / 2);
}
