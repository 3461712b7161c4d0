// @ts-check
// What the planner says of the order or driver at hand, asked for while a dispatcher looks at it.

import { Refused } from "./api.js";

/** @import { Offer, Proposals, Unable } from "../../../types/server" */
/** @typedef {{ approximate: boolean, of: Map<string, Offer | Unable> }} Ranked by driver id, the best driver first */

const ASK_EVERY_MS = 20_000;

/**
 * @template Answer
 * @template [Shown=Answer]
 */
export class Advice {
  #ask;
  #draw;
  #merge;
  /** @type {string | null} */
  #id = null;
  #askedAt = -Infinity;
  /** @type {Shown | null} */
  #known = null;

  /**
   * @param {(id: string) => Promise<Answer>} ask
   * @param {() => void} draw called when an answer has come
   * @param {(known: Shown | null, answer: Answer) => Shown} merge what to show then
   */
  constructor(ask, draw, merge) {
    this.#ask = ask;
    this.#draw = draw;
    this.#merge = merge;
  }

  /**
   * What is known of this one, or null until the server has answered.
   * @param {string} id
   * @param {number} now ms
   */
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

  /** @param {string} id */
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
 * For advice that is shown as it comes.
 * @template Answer
 * @param {Answer | null} _
 * @param {Answer} answer
 */
export const latest = (_, answer) => answer;

/**
 * The words stay new; the order of the drivers does not change under the dispatcher's hand. Who is no longer proposed
 * goes.
 * @param {Ranked | null} known
 * @param {Proposals} answer
 * @returns {Ranked}
 */
export function mergeProposals(known, { approximate, proposals }) {
  const told = new Map(proposals.map((proposal) => [proposal.driverId, proposal]));
  /** @type {Ranked["of"]} */
  const of = new Map();
  for (const id of [...(known?.of.keys() ?? []), ...told.keys()]) {
    const proposal = told.get(id);
    if (proposal) of.set(id, proposal);
  }
  return { approximate, of };
}
