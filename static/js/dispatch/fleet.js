// What a dispatcher knows, folded from frames. Pure: no page, no socket, no clock of its own.

const FINAL = new Set(["delivered", "cancelled", "failed"]);
const BEFORE_PICKUP = new Set(["assigned", "to_restaurant", "driver_at_restaurant"]);
const IN_THE_BAG = new Set(["picked_up", "driver_nearby"]);
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

export const isBeforePickup = (order) => BEFORE_PICKUP.has(order.status);
export const isInTheBag = (order) => IN_THE_BAG.has(order.status);
export const isPending = (order) => order.status === "pending";

export class Fleet {
  #versions = new Map();
  #orders = new Map();
  #claims = new Map();
  #noted = 0;
  /** Order id → how late it was said to be. */
  #told = new Map();
  /** Order id → how late it was when that was last noted. */
  #levels = new Map();
  #staleMs;
  #undoMs;

  /** @param limits `staleMs`: a driver of whom no fix came for so long may be elsewhere; `undoMs`: how long an
   *   automatic pickup can be undone. */
  constructor({ staleMs = 15_000, undoMs = 600_000 } = {}) {
    this.#staleMs = staleMs;
    this.#undoMs = undoMs;
    this.drivers = new Map();
    this.restaurants = new Map();
    this.plans = new Map();
    /** Driver id → latest position. One may come before the frame of its driver, and waits here for it. */
    this.positions = new Map();
    /** Driver id → what was turned away of the driver's fixes. */
    this.troubles = new Map();
    /** What happened, newest first: {key, at, status, orderId, driverId, customer, restaurantId, cityId, evidence}. */
    this.activity = [];
  }

  /** A snapshot: what is not in it is gone. The activity stays, it is a memory of this page. */
  replace(frames) {
    for (const known of [
      this.#versions,
      this.#orders,
      this.#claims,
      this.drivers,
      this.restaurants,
      this.plans,
      this.positions,
      this.troubles,
    ]) {
      known.clear();
    }
    for (const frame of frames) this.apply(frame, null);
  }

  /**
   * One frame. `now` (ms) dates what it tells; null for the frames of a snapshot, which are no news.
   * Returns "positions", "fleet" or null: what to draw anew.
   */
  apply(frame, now) {
    switch (frame.type) {
      case "driver_pos":
        return this.#move(frame.drivers);
      case "driver":
        return this.#store(this.drivers, "driver", frame.driverId, frame);
      case "plan":
        return this.#store(this.plans, "plan", frame.driverId, frame);
      case "restaurant":
        this.restaurants.set(frame.restaurantId, frame);
        return "fleet";
      case "fixes":
        if (frame.v < (this.troubles.get(frame.driverId)?.v ?? 0)) return null;
        this.troubles.set(frame.driverId, frame);
        return "fleet";
      case "order":
        return this.#change(frame, now);
      case "geofence":
        this.#note(frame.at, frame, this.#orders.get(frame.orderId), frame.evidence ?? {});
        return "fleet";
      default:
        return null;
    }
  }

  #move(drivers) {
    for (const position of drivers) {
      const known = this.positions.get(position.driverId);
      if (!known || position.ts >= known.ts) this.positions.set(position.driverId, position);
    }
    return "positions";
  }

  #isNews(key, v) {
    if (v <= (this.#versions.get(key) ?? 0)) return false;
    this.#versions.set(key, v);
    return true;
  }

  #store(states, kind, id, frame) {
    if (!this.#isNews(`${kind}:${id}`, frame.v)) return null;
    states.set(id, frame);
    return "fleet";
  }

  #change(order, now) {
    if (!this.#isNews(`order:${order.orderId}`, order.v)) return null;
    const before = this.#orders.get(order.orderId);
    this.#claims.delete(order.orderId);
    // The version stays known, so that an older frame that comes late does not bring the order back.
    if (FINAL.has(order.status)) {
      this.#orders.delete(order.orderId);
      this.#told.delete(order.orderId);
      this.#levels.delete(order.orderId);
    } else this.#orders.set(order.orderId, order);
    if (now !== null && before?.status !== order.status) {
      const undone = before && isInTheBag(before) && isBeforePickup(order);
      this.#note(now, undone ? { ...order, status: "pickup_undone" } : order, order, null);
    }
    return "fleet";
  }

  /** Notes how late each order will be; tells of one that will be late once, and once of one that will be very late. */
  noteLateness(now) {
    for (const order of this.#orders.values()) {
      const { late, level } = this.lateness(order, now);
      this.#levels.set(order.orderId, level);
      if (!level || this.#told.get(order.orderId) === "very" || this.#told.get(order.orderId) === level) continue;
      this.#told.set(order.orderId, level);
      this.#note(now, { ...order, status: level === "very" ? "very_late" : "late" }, order, null);
      this.activity[0].minutes = Math.round(late / 60_000);
    }
  }

  /** A geofence and the order that it moved tell of the same thing, in either order: one entry. */
  #note(at, { orderId, status, driverId }, order, evidence) {
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
    });
    this.activity.length = Math.min(this.activity.length, ACTIVITY_KEPT);
  }

  // ------------------------------------------------------------------------------------------ what is shown

  /** The order as it is, or as this dispatcher just asked for it to be. */
  order(id) {
    const order = this.#orders.get(id);
    const claim = this.#claims.get(id);
    if (!order || !claim) return order;
    const { driverId } = claim;
    return { ...order, driverId, status: driverId ? "assigned" : "pending", etaMinutes: null, etaLow: null, claimed: true };
  }

  /** Oldest first. */
  orders() {
    return [...this.#orders.keys()].map((id) => this.order(id)).sort((a, b) => a.createdAt - b.createdAt);
  }

  ordersOf(driverId) {
    return this.orders().filter((order) => order.driverId === driverId);
  }

  stopsOf(driverId) {
    return this.plans.get(driverId)?.stops ?? [];
  }

  /** Without the doors that were left. */
  stopsAhead(driverId) {
    return this.stopsOf(driverId).filter((stop) => !stop.leftAt);
  }

  // ------------------------------------------------------------------------------- what needs a dispatcher

  /**
   * How much later than promised the order will be at the door, as it looks at `now` (ms), and whether that is "yes"
   * or "very" late; an order without a prediction is late once its time is over.
   *
   * The driver's plan has the exact arrival. The minutes that a customer is told are rounded up, and held.
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
      .sort((a, b) => a.leftDropoffAt - b.leftDropoffAt);
  }

  /** The drivers of these orders (ids). */
  alerted() {
    return new Set(this.alerts().map((order) => order.driverId));
  }

  /** Whether a dispatcher can still take back that a geofence took the order for picked up. */
  canUndoPickup(order, now) {
    return Boolean(order.autoPickupAt) && now - order.autoPickupAt < this.#undoMs;
  }

  /**
   * What a driver's place on the map is worth at `now` (ms): `silence` since the last fix (ms; null before the first),
   * whether that makes it `stale`, and whether the driver is `troubled`: fixes come, and are turned away.
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

  /** Drivers whose position is known, but nothing else: a frame got lost. */
  strangers() {
    return [...this.positions.keys()].filter((id) => !this.drivers.has(id));
  }

  /** Shows the order with this driver (null: with none) until the server has said what is. */
  claim(orderId, driverId) {
    this.#claims.set(orderId, { driverId });
  }

  /** The server said no, or nothing: shows the order as it is. */
  release(orderId) {
    this.#claims.delete(orderId);
  }
}
