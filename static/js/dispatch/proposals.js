// What the planner says of each driver for the order at hand, asked for while a dispatcher chooses.

import { Refused } from "./api.js";

const ASK_EVERY_MS = 20_000;

export class Proposals {
  #api;
  #draw;
  #orderId = null;
  #askedAt = 0;
  #found = null;

  constructor(api, draw) {
    this.#api = api;
    this.#draw = draw;
  }

  /**
   * {approximate, of: driver id → proposal}, the best driver first; null until the server has answered.
   * The words stay new, the order of the drivers does not change under the dispatcher's hand.
   */
  for(orderId, now) {
    if (orderId !== this.#orderId) {
      this.#orderId = orderId;
      this.#found = null;
      this.#askedAt = -Infinity;
    }
    if (now - this.#askedAt > ASK_EVERY_MS) {
      this.#askedAt = now;
      this.#ask(orderId);
    }
    return this.#found;
  }

  async #ask(orderId) {
    let answer;
    try {
      answer = await this.#api.proposals(orderId);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return; // the drivers can be chosen from all the same
    }
    if (orderId !== this.#orderId) return;
    const of = new Map(this.#found?.of);
    for (const proposal of answer.proposals) of.set(proposal.driverId, proposal);
    this.#found = { approximate: answer.approximate, of };
    this.#draw();
  }
}
