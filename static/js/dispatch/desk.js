// @ts-check
// The dispatcher's desk: what is known, what is being looked at, and what can be done. The panels draw it.

import { Advice, latest, mergeProposals } from "./advice.js";
import { Refused } from "./api.js";
import { plural } from "./words.js";

/**
 * @import { CityOfPage, Closing, DriverStatus, Locale, Move, PlanStop, Settling, Statuses,
 *   Succession } from "../../../types/server"
 */
/** @import { Api } from "./api.js" */
/** @import { Fleet, Order } from "./fleet.js" */
/** @import { QuestionName } from "./questions.js" */
/** @import { Place } from "./switches.js" */
/** @typedef {() => void} Undo */

export class Desk {
  #api;
  #draw;
  #toast;
  /** @type {string | null} The city that is looked at; null: all of them. */
  cityId = null;
  query = "";
  /** @type {Set<DriverStatus>} Of the drivers who are listed; none: all of them. */
  filters = new Set();
  /** @type {string | null} */
  driverId = null;
  /** @type {string | null} */
  orderId = null;
  reassigning = false;
  /** @type {(question: QuestionName, orderId: string) => void} Asks before an order ends. */
  ask = () => {};
  /** @type {(driverId: string) => void} Asks who is to take all that a driver has. */
  askWhoTakesOver = () => {};

  /**
   * @param {object} parts
   * @param {Fleet} parts.fleet
   * @param {Api} parts.api
   * @param {Statuses} parts.statuses
   * @param {CityOfPage[]} parts.cities
   * @param {Locale} parts.locale of what has no city
   * @param {() => void} parts.draw called after each change
   * @param {(words: string, undo?: Undo | null) => void} parts.toast tells how an action went
   * @param {string[]} [parts.failureReasons] why an order could not be picked up or handed over
   * @param {Record<string, string>} [parts.skills] names of skills by code
   */
  constructor({ fleet, api, statuses, cities, locale, draw, toast, failureReasons = [], skills = {} }) {
    this.fleet = fleet;
    this.skills = skills;
    this.failureReasons = failureReasons;
    this.statuses = statuses;
    this.cities = new Map(cities.map((city) => [city.id, city]));
    this.locale = locale;
    this.#api = api;
    this.#draw = draw;
    this.#toast = toast;
    this.proposals = new Advice((orderId) => api.proposals(orderId), draw, mergeProposals);
    this.remedies = new Advice((orderId) => api.remedies(orderId), draw, latest);
    this.savings = new Advice((driverId) => api.saving(driverId), draw, latest);
  }

  // -------------------------------------------------------------------------------------------- looking

  /** @param {{ cityId: string | null }} thing */
  inCity(thing) {
    return this.cityId === null || thing.cityId === this.cityId;
  }

  /**
   * "Alcohol, Hot bag".
   * @param {string[]} [codes]
   */
  skillNames(codes = []) {
    return codes.map((code) => this.skills[code] ?? code).join(", ");
  }

  /** @param {...(string | undefined)} texts */
  matches(...texts) {
    return !this.query || texts.some((text) => text?.toLowerCase().includes(this.query));
  }

  /** @param {Order} order */
  matchesOrder(order) {
    return this.matches(
      order.number,
      order.customerName,
      order.customerAddress,
      order.customerPhone,
      this.fleet.restaurantOf(order)?.name,
      this.fleet.driverOf(order)?.name,
    );
  }

  /** @param {{ cityId: string | null }} thing */
  cityOf({ cityId }) {
    return cityId === null ? undefined : this.cities.get(cityId);
  }

  /**
   * How times and distances are told there.
   * @param {{ cityId: string | null }} thing
   */
  localeOf(thing) {
    return this.cityOf(thing)?.locale ?? this.locale;
  }

  /** The order that waits for a driver to be chosen, if one is selected. */
  get assigning() {
    const order = this.order;
    if (!order || order.claimed) return null;
    const { fleet } = this;
    return fleet.isPending(order) || (this.reassigning && fleet.isBeforePickup(order)) ? order : null;
  }

  get order() {
    return this.orderId ? this.fleet.order(this.orderId) : undefined;
  }

  get driver() {
    return this.driverId ? this.fleet.drivers.get(this.driverId) : undefined;
  }

  /** @param {string} id */
  selectDriver(id) {
    this.#select(id, null);
  }

  /** @param {string} id */
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

  /**
   * @param {string | null} driverId
   * @param {string | null} orderId
   */
  #select(driverId, orderId) {
    this.driverId = driverId;
    this.orderId = orderId;
    this.reassigning = false;
    this.#draw();
  }

  // --------------------------------------------------------------------------------------------- acting

  /**
   * A driver was clicked, in a list or on the map: chosen for the order at hand, or looked at.
   * @param {string} driverId
   */
  choose(driverId) {
    const order = this.assigning;
    if (order) this.assign(order.orderId, driverId);
    else this.selectDriver(driverId);
  }

  /**
   * @param {string} orderId
   * @param {string} driverId
   * @param {PlanStop[] | null} stops the driver's visiting order from then on, where the driver had the order before
   */
  async assign(orderId, driverId, stops = null) {
    const order = this.fleet.order(orderId);
    const restaurant = this.fleet.restaurantOf(order)?.name ?? "Order";
    const driver = this.fleet.drivers.get(driverId)?.name ?? "driver";
    const giveBack = this.#givingBack(orderId, order?.driverId);
    const ask = async () => {
      await this.#api.assign(orderId, driverId);
      if (stops) await this.#api.rearrange(driverId, stops);
    };
    this.reassigning = false;
    await this.#claim(orderId, driverId, ask, {
      words: `${restaurant} → ${driver}`,
      undo: giveBack ?? (() => this.unassign(orderId)),
    });
  }

  /** @param {string} orderId */
  async unassign(orderId) {
    const giveBack = this.#givingBack(orderId, this.fleet.order(orderId)?.driverId);
    await this.#claim(orderId, null, () => this.#api.unassign(orderId), {
      words: "Unassigned. The order waits for a driver.",
      undo: giveBack,
    });
  }

  /**
   * What gives the order back to the driver who has it now, its stops at their places; null where nobody has it.
   * @param {string} orderId
   * @param {string | undefined} driverId
   * @returns {Undo | null}
   */
  #givingBack(orderId, driverId) {
    if (!driverId) return null;
    const stops = this.fleet.stopsAhead(driverId);
    return () => this.assign(orderId, driverId, stops);
  }

  /**
   * @param {string} orderId
   * @param {string} reason
   */
  async cancel(orderId, reason) {
    await this.#try(() => this.#api.cancel(orderId, reason), "The order was cancelled.");
  }

  /** @param {string} orderId */
  async serveFirst(orderId) {
    const words = "Its driver delivers it before anything else.";
    await this.#reorder(this.fleet.order(orderId)?.driverId, () => this.#api.serveFirst(orderId), words);
  }

  /** @param {string} orderId */
  async unpin(orderId) {
    const words = "The stops are put in order with all others again.";
    await this.#reorder(this.fleet.order(orderId)?.driverId, () => this.#api.unpin(orderId), words);
  }

  /**
   * Puts a driver's stops in this order: what is pinned stays there, the planner goes on with the rest.
   * @param {string} driverId
   * @param {PlanStop[]} stops
   * @param {string} words
   */
  async rearrange(driverId, stops, words) {
    await this.#reorder(driverId, () => this.#api.rearrange(driverId, stops), words);
  }

  /**
   * Says who is right, once and for good.
   * @param {string} conflictId
   * @param {Settling["outcome"]} outcome
   */
  async settle(conflictId, outcome) {
    const words = outcome === "driver" ? "It is as the driver says." : "It stays as it is.";
    await this.#try(() => this.#api.settle(conflictId, outcome), words);
  }

  /**
   * Gives these orders of a driver to others; undo gives them back, each stop at its place.
   * @param {string} driverId
   * @param {Move[]} moves
   * @param {boolean} endShift
   */
  async handOn(driverId, moves, endShift) {
    const driver = this.fleet.drivers.get(driverId);
    const name = driver?.name ?? "The driver";
    const stops = this.fleet.stopsAhead(driverId);
    const onShift = endShift && driver ? driver.onShift : null;
    const undo = () =>
      this.#try(() => this.#api.handBack(driverId, stops, onShift), `${name} has the orders back.`);
    const words = `${plural(moves.length, "order")} of ${name} handed on.`;
    await this.#try(() => this.#api.handOn(driverId, moves, endShift), words, undo);
  }

  /**
   * What it would mean: as the planner shares them out, or that one driver takes them all. Null where the server does
   * not say, which is told.
   * @param {string} driverId
   * @param {string | null} to
   * @returns {Promise<Succession | null>}
   */
  async succession(driverId, to) {
    try {
      return await this.#api.succession(driverId, to);
    } catch (error) {
      this.#complain(error);
      return null;
    }
  }

  /**
   * `ask` changes a driver's visiting order; undo brings back the order and the pins as they were.
   * @param {string | undefined} driverId
   * @param {() => Promise<void>} ask
   * @param {string} words
   */
  async #reorder(driverId, ask, words) {
    const before = driverId ? this.fleet.stopsAhead(driverId) : [];
    const undo = driverId ? () => this.rearrange(driverId, before, "The stops are as they were.") : null;
    this.savings.forget();
    await this.#try(ask, words, undo);
  }

  /** @param {string} orderId */
  async undoPickup(orderId) {
    await this.#try(() => this.#api.undoPickup(orderId), "Pickup undone. The restaurant is the driver’s stop again.");
  }

  /**
   * Nobody is sent for food there.
   * @param {Pick<Place, "id" | "name">} place
   * @param {number | null} until ms; null: until somebody resumes
   * @param {string} reason
   */
  async pause({ id, name }, until, reason = "") {
    const words = `${name} is paused: nobody is sent for food. Orders are taken all the same.`;
    const undo = () => this.resume({ id, name, pause: null });
    await this.#try(() => this.#api.pause(id, until, reason), words, undo);
  }

  /** @param {Pick<Place, "id" | "name" | "pause">} place */
  async resume({ id, name, pause }) {
    const undo = pause ? () => this.pause({ id, name }, pause.until, pause.reason) : null;
    await this.#try(() => this.#api.resume(id), `${name} goes on.`, undo);
  }

  /**
   * Who orders there meanwhile is promised so many minutes more.
   * @param {Pick<Place, "id" | "name">} place
   * @param {number} minutes
   * @param {number} until ms
   */
  async promiseLater({ id, name }, minutes, until) {
    const words = `${name} promises ${minutes} min more to who orders now. Earlier promises hold.`;
    const undo = () => this.promiseAsUsual({ id, name, extra: null });
    await this.#try(() => this.#api.promiseLater(id, minutes, until), words, undo);
  }

  /** @param {Pick<Place, "id" | "name" | "extra">} place */
  async promiseAsUsual({ id, name, extra }) {
    const undo = extra ? () => this.promiseLater({ id, name }, extra.minutes, extra.until) : null;
    await this.#try(() => this.#api.promiseAsUsual(id), `${name} promises as usual.`, undo);
  }

  /**
   * @param {string} orderId
   * @param {Closing["status"]} status
   * @param {string} reason
   */
  async close(orderId, status, reason) {
    const words = status === "delivered" ? "Marked as delivered." : "Marked as not handed over.";
    await this.#try(() => this.#api.close(orderId, status, reason), words);
  }

  /**
   * Somebody looks after an alert: it is quiet for everybody.
   * @param {string} alertId
   */
  async see(alertId) {
    const undo = () => this.#try(() => this.#api.seeAlert(alertId, false), "The alert is back.");
    await this.#try(() => this.#api.seeAlert(alertId, true), "Seen: quiet for everybody until it is over.", undo);
  }

  /**
   * @param {() => Promise<void>} ask
   * @param {string} words
   * @param {Undo | null} undo
   */
  async #try(ask, words, undo = null) {
    try {
      await ask();
      this.#toast(words, undo);
    } catch (error) {
      this.#complain(error);
    }
  }

  /**
   * Shows at once what was asked for; takes it back when the server says no.
   * @param {string} orderId
   * @param {string | null} driverId
   * @param {() => Promise<void>} ask
   * @param {{ words: string, undo: Undo | null }} outcome
   */
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

  /** @param {unknown} error */
  #complain(error) {
    if (!(error instanceof Refused)) throw error;
    this.#toast(error.message);
  }
}
