// @ts-check
// What a dispatcher knows, folded from frames. Pure: no page, no socket, no clock of its own.

/**
 * @import { AlertState, CityState, ConflictState, DispatcherFrame, DriverState, FixTrouble, FleetPosition, GeofenceEvent,
 *   OrderState, OrderStatus, Plan,
 *   PlanStop, RestaurantState, Statuses } from "../../../types/server"
 */
/** @typedef {OrderState & { claimed?: boolean }} Order `claimed`: as this dispatcher asked for it to be */
/** @typedef {"late" | "very_late" | "pickup_undone"} OwnEvent what the page finds out itself */
/** @typedef {OrderStatus | OwnEvent} EventName */
/** @typedef {"yes" | "very"} Level how late */
/**
 * What happened to an order: the status it took, or what the page found out. `minutes`: so late it will be. `evidence`:
 * a geofence saw it.
 * @typedef {object} Entry
 * @property {number} key
 * @property {number} at ms
 * @property {EventName} status
 * @property {string} orderId
 * @property {string | null} driverId
 * @property {string} customer
 * @property {string | null} restaurantId
 * @property {string | null} cityId
 * @property {Record<string, unknown> | null} evidence
 * @property {number} [minutes]
 */

const ACTIVITY_KEPT = 100;
/** Predicted so much later than promised, an order is late, or very late. */
const LATE_MS = 60_000;
const VERY_LATE_MS = 10 * 60_000;
/**
 * … and is so until it is predicted this much below that: predictions are made every 30 seconds and move by some
 * 20 without anything having happened, and a colour that comes and goes is soon overlooked.
 */
const CALM_MS = 30_000;
/** Fixes that were turned away longer ago than this are over and done with. */
const TROUBLE_MS = 60_000;

export class Fleet {
  #statuses;
  #staleMs;
  #undoMs;
  /** @type {Map<string, number>} */
  #versions = new Map();
  /** @type {Map<string, Order>} */
  #orders = new Map();
  /** @type {Map<string, { driverId: string | null }>} */
  #claims = new Map();
  #noted = 0;
  /** @type {Map<string, Level>} Order id → how late it was said to be. */
  #told = new Map();
  /** @type {Map<string, Level | null>} Order id → how late it was when that was last noted. */
  #levels = new Map();

  /** @type {Map<string, DriverState>} */
  drivers = new Map();
  /** @type {Map<string, RestaurantState>} */
  restaurants = new Map();
  /** @type {Map<string, CityState>} What is switched on in a city; one that is missing has nothing on. */
  cities = new Map();
  /** @type {Map<string, Plan>} By driver. */
  plans = new Map();
  /** @type {Map<string, FleetPosition>} By driver, the latest. One may come before its driver's frame, and waits for it. */
  positions = new Map();
  /** @type {Map<string, FixTrouble>} By driver: what was turned away of the driver's fixes. */
  troubles = new Map();
  /** @type {Map<string, ConflictState>} What drivers said late against what people did, by id, not settled yet. */
  conflicts = new Map();
  /** @type {Map<string, AlertState>} By id: what the server says a dispatcher should look at, as long as it is so. */
  alarms = new Map();
  /** @type {Entry[]} What happened, newest first. */
  activity = [];

  /**
   * @param {Pick<Statuses, "beforePickup" | "inTheBag" | "final">} statuses
   * @param {{ staleMs: number, undoMs: number }} limits `staleMs`: a driver of whom no fix came for so long may be
   *   elsewhere; `undoMs`: how long an automatic pickup can be undone
   */
  constructor(statuses, { staleMs, undoMs }) {
    this.#statuses = statuses;
    this.#staleMs = staleMs;
    this.#undoMs = undoMs;
  }

  /**
   * A snapshot: what is not in it is gone. The activity stays, it is a memory of this page.
   * @param {DispatcherFrame[]} frames
   */
  replace(frames) {
    for (const known of [
      this.#versions,
      this.#orders,
      this.#claims,
      this.drivers,
      this.restaurants,
      this.cities,
      this.plans,
      this.positions,
      this.troubles,
      this.conflicts,
      this.alarms,
    ]) {
      known.clear();
    }
    for (const frame of frames) this.apply(frame, null);
  }

  /**
   * One frame. `now` (ms) dates what it tells; null for the frames of a snapshot, which are no news.
   * Returns what to draw anew.
   * @param {DispatcherFrame} frame
   * @param {number | null} now
   * @returns {"positions" | "fleet" | null}
   */
  apply(frame, now) {
    switch (frame.type) {
      case "driver_pos":
        return this.#move(frame.drivers);
      case "driver":
        return this.#store(this.drivers, "driver", frame.driverId, frame) && this.#seeOff(frame.driverId);
      case "plan":
        return this.#store(this.plans, "plan", frame.driverId, frame) && this.#seeOff(frame.driverId);
      case "restaurant":
        this.restaurants.set(frame.restaurantId, frame);
        return "fleet";
      case "city":
        this.cities.set(frame.cityId, frame);
        return "fleet";
      case "fixes":
        if (frame.v < (this.troubles.get(frame.driverId)?.v ?? 0)) return null;
        this.troubles.set(frame.driverId, frame);
        return "fleet";
      case "order":
        return this.#change(frame, now);
      case "conflict": {
        const drawn = this.#store(this.conflicts, "conflict", frame.conflictId, frame);
        // The version stays known, so that an older frame that comes late does not bring it back.
        if (frame.settled) this.conflicts.delete(frame.conflictId);
        return drawn;
      }
      case "alert":
        if (!this.#isNews(`alert:${frame.alertId}`, frame.v)) return null;
        if (frame.ended) this.alarms.delete(frame.alertId);
        else this.alarms.set(frame.alertId, frame);
        return "fleet";
      case "geofence":
        this.#note(frame.at, frame.status, frame, this.#orders.get(frame.orderId), frame.evidence ?? {});
        return "fleet";
      default: // of a newer server
        return null;
    }
  }

  /**
   * @param {FleetPosition[]} drivers
   * @returns {"positions"}
   */
  #move(drivers) {
    for (const position of drivers) {
      const known = this.positions.get(position.driverId);
      if (!known || position.ts >= known.ts) this.positions.set(position.driverId, position);
    }
    return "positions";
  }

  /**
   * @param {string} key
   * @param {number} v
   */
  #isNews(key, v) {
    if (v <= (this.#versions.get(key) ?? 0)) return false;
    this.#versions.set(key, v);
    return true;
  }

  /**
   * @template {{ v: number }} State
   * @param {Map<string, State>} states
   * @param {string} kind
   * @param {string} id
   * @param {State} frame
   * @returns {"fleet" | null}
   */
  #store(states, kind, id, frame) {
    if (!this.#isNews(`${kind}:${id}`, frame.v)) return null;
    states.set(id, frame);
    return "fleet";
  }

  /**
   * Forgets a driver who has ended the shift and has no stops left, as a snapshot would. A driver's plan comes before
   * the driver's own frame.
   * @param {string} driverId
   * @returns {"fleet"}
   */
  #seeOff(driverId) {
    if (this.drivers.get(driverId)?.onShift === false && !this.stopsOf(driverId).length) {
      for (const known of [this.drivers, this.plans, this.positions, this.troubles]) known.delete(driverId);
    }
    return "fleet";
  }

  /**
   * @param {OrderState} order
   * @param {number | null} now
   * @returns {"fleet" | null}
   */
  #change(order, now) {
    if (!this.#isNews(`order:${order.orderId}`, order.v)) return null;
    const before = this.#orders.get(order.orderId);
    this.#claims.delete(order.orderId);
    // The version stays known, so that an older frame that comes late does not bring the order back.
    if (this.#statuses.final.includes(order.status)) {
      this.#orders.delete(order.orderId);
      this.#told.delete(order.orderId);
      this.#levels.delete(order.orderId);
    } else this.#orders.set(order.orderId, order);
    if (now !== null && before?.status !== order.status) {
      const undone = before && this.isInTheBag(before) && this.isBeforePickup(order);
      this.#note(now, undone ? "pickup_undone" : order.status, order, order, null);
    }
    return "fleet";
  }

  /**
   * Notes how late each order will be; tells of one that will be late once, and once of one that will be very late.
   * @param {number} now ms
   */
  noteLateness(now) {
    for (const order of this.#orders.values()) {
      const { late, level } = this.lateness(order, now);
      this.#levels.set(order.orderId, level);
      if (!level || this.#told.get(order.orderId) === "very" || this.#told.get(order.orderId) === level) continue;
      this.#told.set(order.orderId, level);
      const minutes = Math.round(late / 60_000);
      this.#note(now, level === "very" ? "very_late" : "late", order, order, null, minutes);
    }
  }

  /**
   * A geofence and the order that it moved tell of the same thing, in either order: one entry.
   * @param {number} at
   * @param {EventName} status
   * @param {Pick<GeofenceEvent, "orderId"> & { driverId?: string | null }} subject
   * @param {Order | undefined} order
   * @param {Entry["evidence"]} evidence
   * @param {number} [minutes]
   */
  #note(at, status, { orderId, driverId }, order, evidence, minutes) {
    const last = this.activity.find((entry) => entry.orderId === orderId);
    if (last?.status === status) {
      last.evidence ??= evidence;
      return;
    }
    this.activity.unshift({
      key: ++this.#noted,
      at,
      status,
      orderId,
      driverId: driverId ?? null,
      customer: order?.customerName ?? "",
      restaurantId: order?.restaurantId ?? null,
      cityId: order?.cityId ?? null,
      evidence,
      minutes,
    });
    this.activity.length = Math.min(this.activity.length, ACTIVITY_KEPT);
  }

  // ------------------------------------------------------------------------------------------ what is shown

  /**
   * The order as it is, or as this dispatcher just asked for it to be.
   * @param {string} id
   * @returns {Order | undefined}
   */
  order(id) {
    const order = this.#orders.get(id);
    return order && this.#shown(order);
  }

  /**
   * @param {OrderState} order
   * @returns {Order}
   */
  #shown(order) {
    const claim = this.#claims.get(order.orderId);
    if (!claim) return order;
    return {
      ...order,
      driverId: claim.driverId ?? undefined,
      status: claim.driverId ? "assigned" : "pending",
      etaMinutes: undefined,
      etaLow: undefined,
      claimed: true,
    };
  }

  /** Oldest first. */
  orders() {
    return [...this.#orders.values()].map((order) => this.#shown(order)).sort((a, b) => a.createdAt - b.createdAt);
  }

  /** @param {string} driverId */
  ordersOf(driverId) {
    return this.orders().filter((order) => order.driverId === driverId);
  }

  /**
   * The driver of an order, or of what happened to one; undefined where there is none, or none is known.
   * @param {{ driverId?: string | null } | undefined} thing
   */
  driverOf(thing) {
    return thing?.driverId ? this.drivers.get(thing.driverId) : undefined;
  }

  /** @param {{ restaurantId?: string | null } | undefined} thing */
  restaurantOf(thing) {
    return thing?.restaurantId ? this.restaurants.get(thing.restaurantId) : undefined;
  }

  /**
   * @param {string | undefined} driverId
   * @returns {PlanStop[]}
   */
  stopsOf(driverId) {
    return (driverId && this.plans.get(driverId)?.stops) || [];
  }

  /**
   * Without the doors that were left.
   * @param {string} driverId
   */
  stopsAhead(driverId) {
    return this.stopsOf(driverId).filter((stop) => !stop.leftAt);
  }

  /** @param {Pick<OrderState, "status">} order */
  isPending(order) {
    return order.status === "pending";
  }

  /**
   * Wanted later: nobody looks for a driver yet.
   * @param {Pick<OrderState, "status">} order
   */
  isScheduled(order) {
    return order.status === "scheduled";
  }

  /** @param {Pick<OrderState, "status">} order */
  isBeforePickup(order) {
    return this.#statuses.beforePickup.includes(order.status);
  }

  /** @param {Pick<OrderState, "status">} order */
  isInTheBag(order) {
    return this.#statuses.inTheBag.includes(order.status);
  }

  // ------------------------------------------------------------------------------- what needs a dispatcher

  /**
   * How much later than promised the order will be at the door, as it looks at `now` (ms), and whether that is "yes"
   * or "very" late; an order without a prediction is late once its time is over.
   *
   * The driver's plan has the exact arrival. The minutes that a customer is told are rounded up, and held.
   * @param {Pick<Order, "orderId" | "driverId" | "etaMinutes" | "promisedAt">} order
   * @param {number} now
   * @returns {{ late: number, level: Level | null }}
   */
  lateness({ orderId, driverId, etaMinutes, promisedAt }, now) {
    const door = this.stopsOf(driverId).find((stop) => stop.orderId === orderId && stop.kind === "dropoff");
    const late = Math.max(now, door?.eta ?? now + (etaMinutes ?? 0) * 60_000) - promisedAt;
    const known = this.#levels.get(orderId);
    const veryLate = VERY_LATE_MS - (known === "very" ? CALM_MS : 0);
    const isLate = LATE_MS - (known ? CALM_MS : 0);
    return { late, level: late > veryLate ? "very" : late >= isLate ? "yes" : null };
  }

  /** Orders whose driver left the customer's door and did not say how it went; the oldest first. */
  alerts() {
    return this.orders()
      .filter((order) => order.leftDropoffAt)
      .sort((a, b) => (a.leftDropoffAt ?? 0) - (b.leftDropoffAt ?? 0));
  }

  /** Alarms that nobody looks after yet; what has lasted longest first. */
  unseen() {
    return [...this.alarms.values()].filter(({ seenBy }) => !seenBy).sort((a, b) => a.since - b.since);
  }

  /**
   * Off shift, with orders that somebody has to bring all the same.
   * @param {DriverState} driver
   */
  isStranded({ driverId, onShift }) {
    return !onShift && this.toHandOn(driverId) > 0;
  }

  /** Drivers who are off shift with orders, by name. */
  stranded() {
    return [...this.drivers.values()]
      .filter((driver) => this.isStranded(driver))
      .sort((a, b) => a.name.localeCompare(b.name));
  }

  /**
   * How many orders others would have to take if the driver can't go on.
   * @param {string} driverId
   */
  toHandOn(driverId) {
    const doors = this.stopsAhead(driverId).filter(({ kind }) => kind === "dropoff");
    return doors.length;
  }

  /** The drivers of these orders (ids). */
  alerted() {
    return new Set(this.alerts().flatMap(({ driverId }) => driverId ?? []));
  }

  /**
   * Whether a dispatcher can still take back that a geofence took the order for picked up.
   * @param {Pick<OrderState, "autoPickupAt">} order
   * @param {number} now ms
   */
  canUndoPickup({ autoPickupAt }, now) {
    return autoPickupAt !== undefined && now - autoPickupAt < this.#undoMs;
  }

  /**
   * What a driver's place on the map is worth at `now` (ms): `silence` since the last fix (ms; null before the first),
   * whether that makes it `stale`, and whether the driver is `troubled`: fixes come, and are turned away.
   * @param {string} driverId
   * @param {number} now
   */
  presence(driverId, now) {
    const position = this.positions.get(driverId);
    const silence = position ? Math.max(0, now - position.ts) : null;
    const old = silence === null || silence > this.#staleMs;
    const trouble = this.troubles.get(driverId);
    return {
      silence,
      stale: silence !== null && old && this.drivers.get(driverId)?.status !== "offline",
      troubled: old && trouble !== undefined && now - trouble.v < TROUBLE_MS,
    };
  }

  /**
   * Shows the order with this driver (null: with none) until the server has said what is.
   * @param {string} orderId
   * @param {string | null} driverId
   */
  claim(orderId, driverId) {
    this.#claims.set(orderId, { driverId });
  }

  /**
   * The server said no, or nothing: shows the order as it is.
   * @param {string} orderId
   */
  release(orderId) {
    this.#claims.delete(orderId);
  }
}
