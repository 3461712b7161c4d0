// The dispatcher's desk: what is known, what is being looked at, and what can be done. The panels draw it.

import { Advice, mergeProposals } from "./advice.js";
import { Refused } from "./api.js";
import { isBeforePickup, isPending } from "./fleet.js";

export class Desk {
  #api;
  #draw;
  #toast;

  /** @param draw called after each change; `toast(words, undo)` tells how an action went. */
  constructor({ fleet, api, cities, timeZone, draw, toast }) {
    this.fleet = fleet;
    this.cities = new Map(cities.map((city) => [city.id, city]));
    this.#api = api;
    this.#draw = draw;
    this.proposals = new Advice((orderId) => api.proposals(orderId), draw, mergeProposals);
    this.remedies = new Advice((orderId) => api.remedies(orderId), draw);
    this.savings = new Advice((driverId) => api.saving(driverId), draw);
    this.#toast = toast;
    this.timeZone = timeZone;
    this.cityId = null;
    this.query = "";
    this.statuses = new Set();
    this.driverId = null;
    this.orderId = null;
    this.reassigning = false;
  }

  // -------------------------------------------------------------------------------------------- looking

  inCity(thing) {
    return this.cityId === null || thing.cityId === this.cityId;
  }

  matches(...texts) {
    return !this.query || texts.some((text) => text?.toLowerCase().includes(this.query));
  }

  matchesOrder(order) {
    const restaurant = this.fleet.restaurants.get(order.restaurantId);
    const driver = this.fleet.drivers.get(order.driverId);
    return this.matches(
      order.customerName,
      order.customerAddress,
      order.customerPhone,
      restaurant?.name,
      driver?.name,
    );
  }

  timeZoneOf(thing) {
    return this.cities.get(thing?.cityId)?.timeZone ?? this.timeZone;
  }

  /** The order that waits for a driver to be chosen, if one is selected. */
  get assigning() {
    const order = this.order;
    const open = order && !order.claimed && (isPending(order) || (this.reassigning && isBeforePickup(order)));
    return open ? order : null;
  }

  get order() {
    return this.orderId ? this.fleet.order(this.orderId) : undefined;
  }

  get driver() {
    return this.driverId ? this.fleet.drivers.get(this.driverId) : undefined;
  }

  selectDriver(id) {
    this.#select(id, null);
  }

  selectOrder(id) {
    this.#select(null, id);
  }

  clear() {
    this.#select(null, null);
  }

  reassign() {
    this.reassigning = true;
    this.#draw();
  }

  #select(driverId, orderId) {
    this.driverId = driverId;
    this.orderId = orderId;
    this.reassigning = false;
    this.#draw();
  }

  // --------------------------------------------------------------------------------------------- acting

  /** A driver was clicked, in a list or on the map: chosen for the order at hand, or looked at. */
  choose(driverId) {
    const order = this.assigning;
    if (order) this.assign(order.orderId, driverId);
    else this.selectDriver(driverId);
  }

  /** `stops`: the driver's visiting order from then on, where the driver had the order before. */
  async assign(orderId, driverId, stops = null) {
    const { restaurantId, driverId: holder } = this.fleet.order(orderId) ?? {};
    const driver = this.fleet.drivers.get(driverId);
    const restaurant = this.fleet.restaurants.get(restaurantId);
    const giveBack = this.#givingBack(orderId, holder);
    const ask = async () => {
      await this.#api.assign(orderId, driverId);
      if (stops) await this.#api.rearrange(driverId, stops);
    };
    this.reassigning = false;
    await this.#claim(orderId, driverId, ask, {
      words: `${restaurant?.name ?? "Order"} → ${driver.name}`,
      undo: giveBack ?? (() => this.unassign(orderId)),
    });
  }

  async unassign(orderId) {
    const giveBack = this.#givingBack(orderId, this.fleet.order(orderId)?.driverId);
    await this.#claim(orderId, null, () => this.#api.unassign(orderId), {
      words: "Unassigned. The order waits for a driver.",
      undo: giveBack,
    });
  }

  /** What gives the order back to the driver who has it now, its stops at their places; null where nobody has it. */
  #givingBack(orderId, driverId) {
    if (!driverId) return null;
    const stops = this.fleet.stopsAhead(driverId);
    return () => this.assign(orderId, driverId, stops);
  }

  async cancel(orderId, reason) {
    await this.#try(() => this.#api.cancel(orderId, reason), "The order was cancelled.");
  }

  async serveFirst(orderId) {
    const words = "Its driver delivers it before anything else.";
    await this.#reorder(this.fleet.order(orderId)?.driverId, () => this.#api.serveFirst(orderId), words);
  }

  async unpin(orderId) {
    const words = "The stops are put in order with all others again.";
    await this.#reorder(this.fleet.order(orderId)?.driverId, () => this.#api.unpin(orderId), words);
  }

  /** Puts a driver's stops in this order: what is pinned stays there, the planner goes on with the rest. */
  async rearrange(driverId, stops, words) {
    await this.#reorder(driverId, () => this.#api.rearrange(driverId, stops), words);
  }

  /** `ask` changes a driver's visiting order; undo brings back the order and the pins as they were. */
  async #reorder(driverId, ask, words) {
    const before = this.fleet.stopsAhead(driverId);
    this.savings.forget();
    await this.#try(ask, words, () => this.rearrange(driverId, before, "The stops are as they were."));
  }

  async undoPickup(orderId) {
    await this.#try(() => this.#api.undoPickup(orderId), "Pickup undone. The restaurant is the driver’s stop again.");
  }

  async close(orderId, status, reason) {
    const words = status === "delivered" ? "Marked as delivered." : "Marked as not handed over.";
    await this.#try(() => this.#api.close(orderId, status, reason), words);
  }

  async #try(ask, words, undo = null) {
    try {
      await ask();
      this.#toast(words, undo);
    } catch (error) {
      this.#complain(error);
    }
  }

  /** Shows at once what was asked for; takes it back when the server says no. */
  async #claim(orderId, driverId, ask, { words, undo }) {
    this.fleet.claim(orderId, driverId);
    this.#draw();
    try {
      await ask();
      this.#toast(words, undo);
    } catch (error) {
      this.fleet.release(orderId);
      this.#complain(error);
    }
    this.#draw();
  }

  #complain(error) {
    if (!(error instanceof Refused)) throw error;
    this.#toast(error.message);
  }
}
