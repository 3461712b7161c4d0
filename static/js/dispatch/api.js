// @ts-check
// What a dispatcher asks of the server. The change itself comes back over the socket.

/** @import { AssignmentRequest, Closing, PlanStop, Proposals, Reason, Refusal, Remedies, SavingAnswer, Urls, VisitingOrder } from "../../../types/server" */
/** @typedef {Exclude<keyof Urls, "subject">} Name what is asked for */

/** The server said no, or nothing; the message is for the dispatcher. */
export class Refused extends Error {}

export class Api {
  #urls;
  #csrfToken;

  /**
   * @param {Urls} urls
   * @param {string} csrfToken
   */
  constructor(urls, csrfToken) {
    this.#urls = urls;
    this.#csrfToken = csrfToken;
  }

  /**
   * What it would mean for each driver to take the order.
   * @param {string} orderId
   * @returns {Promise<Proposals>}
   */
  async proposals(orderId) {
    return (await this.#fetch("proposals", orderId)).json();
  }

  /**
   * What would make a late order sooner.
   * @param {string} orderId
   * @returns {Promise<Remedies>}
   */
  async remedies(orderId) {
    return (await this.#fetch("remedies", orderId)).json();
  }

  /**
   * What the planner's order of a driver's stops would save.
   * @param {string} driverId
   * @returns {Promise<SavingAnswer>}
   */
  async saving(driverId) {
    return (await this.#fetch("saving", driverId)).json();
  }

  /**
   * A dispatcher's order of a driver's stops, which are those of the driver's plan; what is pinned stays there.
   * @param {string} driverId
   * @param {Pick<PlanStop, "orderId" | "kind" | "pinned">[]} stops
   */
  rearrange(driverId, stops) {
    /** @type {VisitingOrder} */
    const body = {
      stops: stops.map(({ orderId, kind, pinned }) => ({ order: orderId, kind, pinned: Boolean(pinned) })),
    };
    return this.#post("rearrange", driverId, body);
  }

  /** @param {string} orderId */
  serveFirst(orderId) {
    return this.#post("serveFirst", orderId, {});
  }

  /** @param {string} orderId */
  unpin(orderId) {
    return this.#post("unpin", orderId, {});
  }

  /**
   * @param {string} orderId
   * @param {string} driverId
   */
  assign(orderId, driverId) {
    /** @type {AssignmentRequest} */
    const body = { driver: driverId };
    return this.#post("assign", orderId, body);
  }

  /** @param {string} orderId */
  unassign(orderId) {
    return this.#post("unassign", orderId, {});
  }

  /**
   * @param {string} orderId
   * @param {string} reason
   */
  cancel(orderId, reason) {
    /** @type {Reason} */
    const body = { reason };
    return this.#post("cancel", orderId, body);
  }

  /** @param {string} orderId */
  undoPickup(orderId) {
    return this.#post("undoPickup", orderId, {});
  }

  /**
   * Says for the driver how the handover ended.
   * @param {string} orderId
   * @param {Closing["status"]} status
   * @param {string} reason
   */
  close(orderId, status, reason) {
    /** @type {Closing} */
    const body = { status, reason };
    return this.#post("close", orderId, body);
  }

  /**
   * @param {Name} name
   * @param {string} subjectId
   * @param {object} body
   */
  async #post(name, subjectId, body) {
    await this.#fetch(name, subjectId, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.#csrfToken },
      body: JSON.stringify(body),
    });
  }

  /**
   * Throws Refused where the answer is no, or none.
   * @param {Name} name
   * @param {string} subjectId
   * @param {RequestInit} options
   */
  async #fetch(name, subjectId, options = {}) {
    const url = this.#urls[name].replace(this.#urls.subject, subjectId);
    let answer;
    try {
      answer = await fetch(url, options);
    } catch {
      throw new Refused("No connection to the server. Nothing was changed.");
    }
    if (answer.ok) return answer;
    if (!answer.headers.get("Content-Type")?.startsWith("application/json"))
      throw new Refused(`The server answered ${answer.status}. Load the page anew.`);
    /** @type {Refusal} */
    const refusal = await answer.json();
    throw new Refused(refusal.message);
  }
}
