// What the planner says of the order or driver at hand, asked for while a dispatcher looks at it.

import { Refused } from "./api.js";

const ASK_EVERY_MS = 20_000;

export class Advice {
  #ask;
  #draw;
  #merge;
  #id = null;
  #askedAt = 0;
  #known = null;

  /** @param ask id → the server's answer; `merge(known, answer)`: what to show then. */
  constructor(ask, draw, merge = (_, answer) => answer) {
    this.#ask = ask;
    this.#draw = draw;
    this.#merge = merge;
  }

  /** What is known of this one, or null until the server has answered. */
  for(id, now) {
    if (id !== this.#id) {
      this.#id = id;
      this.forget();
    }
    if (now - this.#askedAt > ASK_EVERY_MS) {
      this.#askedAt = now;
      this.#hear(id);
    }
    return this.#known;
  }

  /** Something was done: what was advised before is old. */
  forget() {
    this.#known = null;
    this.#askedAt = -Infinity;
  }

  async #hear(id) {
    let answer;
    try {
      answer = await this.#ask(id);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return; // it goes without advice
    }
    if (id !== this.#id) return;
    this.#known = this.#merge(this.#known, answer);
    this.#draw();
  }
}

/**
 * {approximate, of: driver id → proposal}, the best driver first. The words stay new; the order of the drivers does
 * not change under the dispatcher's hand. Who is no longer proposed goes.
 */
export function mergeProposals(known, { approximate, proposals }) {
  const told = new Map(proposals.map((proposal) => [proposal.driverId, proposal]));
  const of = new Map();
  for (const id of [...(known?.of.keys() ?? []), ...told.keys()]) if (told.has(id)) of.set(id, told.get(id));
  return { approximate, of };
}
