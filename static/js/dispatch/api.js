// @ts-check
// What a dispatcher asks of the server. The change itself comes back over the socket.

/**
 * @import { AssignmentRequest, Closing, HandingBack, HandingOn, Move, Pausing, PlanStop, PromisingLater, Proposals,
 *   Reason, Refusal, Remedies, SavingAnswer, Seeing, Settling, Succession, Urls, VisitingOrder } from "../../../types/server"
 */
/** @typedef {Exclude<keyof Urls, "subject" | "other">} Name what is asked for */
/** @typedef {Pick<PlanStop, "orderId" | "kind" | "pinned">} Stop */

/** The server said no, or nothing; the message is for the dispatcher. */
export class Refused extends Error {}

/** @param {Stop} stop */
const wish = ({ orderId, kind, pinned }) => ({ order: orderId, kind, pinned: Boolean(pinned) });

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
   * Who could take over all that a driver has; with `to`, what it means that this driver takes it.
   * @param {string} driverId
   * @param {string | null} to
   * @returns {Promise<Succession>}
   */
  async succession(driverId, to) {
    const answer = to ? this.#fetch("successionTo", driverId, {}, to) : this.#fetch("succession", driverId);
    return (await answer).json();
  }

  /**
   * Which driver takes which of a driver's orders.
   * @param {string} driverId
   * @param {Move[]} moves
   * @param {boolean} endShift
   */
  handOn(driverId, moves, endShift) {
    /** @type {HandingOn} */
    const body = { moves, endShift };
    return this.#post("handOn", driverId, body);
  }

  /**
   * Undoes that: the driver has these stops again.
   * @param {string} driverId
   * @param {Stop[]} stops
   * @param {boolean | null} onShift null: as it is
   */
  handBack(driverId, stops, onShift) {
    /** @type {HandingBack} */
    const body = { stops: stops.map(wish), onShift };
    return this.#post("handBack", driverId, body);
  }

  /**
   * A dispatcher's order of a driver's stops, which are those of the driver's plan; what is pinned stays there.
   * @param {string} driverId
   * @param {Stop[]} stops
   */
  rearrange(driverId, stops) {
    /** @type {VisitingOrder} */
    const body = { stops: stops.map(wish) };
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
   * Says who is right: what the driver says, or what stands.
   * @param {string} conflictId
   * @param {Settling["outcome"]} outcome
   */
  settle(conflictId, outcome) {
    /** @type {Settling} */
    const body = { outcome };
    return this.#post("settle", conflictId, body);
  }

  /**
   * Makes an alert quiet for everybody; `seen` false takes that back.
   * @param {string} alertId
   * @param {boolean} seen
   */
  seeAlert(alertId, seen) {
    /** @type {Seeing} */
    const body = { seen };
    return this.#post("seeAlert", alertId, body);
  }

  /**
   * Nobody is sent for food to this restaurant, or in this city.
   * @param {string} placeId
   * @param {number | null} until ms; null: until somebody resumes
   * @param {string} reason
   */
  pause(placeId, until, reason) {
    /** @type {Pausing} */
    const body = { until, reason };
    return this.#post("pause", placeId, body);
  }

  /** @param {string} placeId */
  resume(placeId) {
    return this.#post("resume", placeId, {});
  }

  /**
   * Who orders there until then is promised so many minutes more.
   * @param {string} placeId
   * @param {number} minutes
   * @param {number} until ms
   */
  promiseLater(placeId, minutes, until) {
    /** @type {PromisingLater} */
    const body = { minutes, until };
    return this.#post("promiseLater", placeId, body);
  }

  /** @param {string} placeId */
  promiseAsUsual(placeId) {
    return this.#post("promiseAsUsual", placeId, {});
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
   * @param {string} otherId
   */
  async #fetch(name, subjectId, options = {}, otherId = "") {
    const { subject, other } = this.#urls;
    const url = this.#urls[name].replace(subject, subjectId).replace(other, otherId);
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
