// What a dispatcher asks of the server. The change itself comes back over the socket.

export class Refused extends Error {}

export class Api {
  constructor(csrfToken) {
    this.csrfToken = csrfToken;
  }

  /** What it would mean for each driver to take the order. */
  async proposals(orderId) {
    return (await this.#ask(`orders/${orderId}/proposals`, {})).json();
  }

  /** What would make a late order sooner. */
  async remedies(orderId) {
    return (await this.#ask(`orders/${orderId}/remedies`, {})).json();
  }

  /** What the planner's order of a driver's stops would save. */
  async saving(driverId) {
    return (await this.#ask(`drivers/${driverId}/saving`, {})).json();
  }

  /** A dispatcher's order of a driver's stops, which are those of the driver's plan; what is pinned stays there. */
  rearrange(driverId, stops) {
    const wish = ({ orderId, kind, pinned }) => ({ order: orderId, kind, pinned: Boolean(pinned) });
    return this.#send(`drivers/${driverId}/stops`, { stops: stops.map(wish) });
  }

  serveFirst(orderId) {
    return this.#post(orderId, "first", {});
  }

  unpin(orderId) {
    return this.#post(orderId, "unpin", {});
  }

  assign(orderId, driverId) {
    return this.#post(orderId, "assign", { driver: driverId });
  }

  unassign(orderId) {
    return this.#post(orderId, "unassign", {});
  }

  cancel(orderId, reason) {
    return this.#post(orderId, "cancel", { reason });
  }

  undoPickup(orderId) {
    return this.#post(orderId, "undo-pickup", {});
  }

  /** Says for the driver how the handover ended: "delivered" or "failed". */
  close(orderId, status, reason) {
    return this.#post(orderId, "close", { status, reason });
  }

  #post(orderId, verb, body) {
    return this.#send(`orders/${orderId}/${verb}`, body);
  }

  async #send(what, body) {
    await this.#ask(what, {
      method: "POST",
      headers: { "Content-Type": "application/json", "X-CSRFToken": this.csrfToken },
      body: JSON.stringify(body),
    });
  }

  async #ask(what, options) {
    let answer;
    try {
      answer = await fetch(`/dispatch/${what}`, options);
    } catch {
      throw new Refused("No connection to the server. Nothing was changed.");
    }
    if (answer.ok) return answer;
    const isJson = answer.headers.get("Content-Type")?.startsWith("application/json");
    throw new Refused(
      isJson ? (await answer.json()).message : `The server answered ${answer.status}. Load the page anew.`,
    );
  }
}
