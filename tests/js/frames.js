// @ts-check
// Whole frames, as the server sends them, for tests that care for a few fields only.

/**
 * @import { AlertState, ConflictState, CustomerStatus, DriverState, Eta, FleetPosition, FleetPositions, OrderState, Plan, PlanStop,
 *   RestaurantState, Statuses } from "../../types/server"
 */

/** @type {Statuses} */
export const STATUSES = {
  orders: {
    scheduled: "Later",
    pending: "Unassigned",
    assigned: "Assigned",
    to_restaurant: "To restaurant",
    driver_at_restaurant: "At restaurant",
    picked_up: "Picked up",
    driver_nearby: "Nearby",
    delivered: "Delivered",
    cancelled: "Cancelled",
    failed: "Not handed over",
  },
  drivers: { idle: "Idle", to_restaurant: "To restaurant", delivering: "Delivering", offline: "Offline" },
  events: {
    scheduled: { words: "For later", icon: "receipt" },
    pending: { words: "Waits", icon: "receipt" },
    assigned: { words: "Assigned", icon: "scooter" },
    to_restaurant: { words: "Set out", icon: "scooter" },
    driver_at_restaurant: { words: "Arrived", icon: "shop" },
    picked_up: { words: "Picked up", icon: "bag" },
    driver_nearby: { words: "Near", icon: "nearby" },
    delivered: { words: "Delivered", icon: "check" },
    cancelled: { words: "Cancelled", icon: "cross" },
    failed: { words: "Not handed over", icon: "warning" },
  },
  vehicles: { car: "Car", scooter: "Scooter", bicycle: "Bicycle", foot: "On foot" },
  beforePickup: ["assigned", "to_restaurant", "driver_at_restaurant"],
  inTheBag: ["picked_up", "driver_nearby"],
  final: ["delivered", "cancelled", "failed"],
  passingProblems: ["roads_away", "driver_silent"],
};

/**
 * @param {number} v
 * @param {Partial<OrderState>} fields
 * @returns {OrderState}
 */
export const order = (v, fields = {}) => ({
  type: "order",
  orderId: "o1",
  v,
  status: "pending",
  cityId: "c1",
  restaurantId: "r1",
  customerName: "Maya",
  customerAddress: "1 Elm St",
  customerPhone: "",
  lat: 39.75,
  lng: -104.99,
  createdAt: 1000,
  promisedAt: 30 * 60_000,
  ...fields,
});

/**
 * @param {number} v
 * @param {Partial<DriverState>} fields
 * @returns {DriverState}
 */
export const driver = (v, fields = {}) => ({
  type: "driver",
  driverId: "d1",
  v,
  name: "Ana",
  phone: "",
  status: "idle",
  onShift: true,
  vehicle: "car",
  cityId: "c1",
  ...fields,
});

/**
 * @param {number} v
 * @param {Partial<ConflictState>} fields
 * @returns {ConflictState}
 */
export const conflict = (v, fields = {}) => ({
  type: "conflict",
  conflictId: "x1",
  v,
  orderId: "o1",
  cityId: "c1",
  restaurantId: "r1",
  customerName: "Maya",
  customerAddress: "1 Elm St",
  number: "",
  driverId: "d1",
  driverName: "Ana",
  says: "delivered",
  pressedAt: 60_000,
  toldAt: 600_000,
  against: { status: "cancelled", at: 120_000, by: "Dana", reason: "Nobody home" },
  settled: false,
  ...fields,
});

/**
 * @param {number} v
 * @param {Partial<AlertState>} fields
 * @returns {AlertState}
 */
export const alarm = (v, fields = {}) => ({
  type: "alert",
  alertId: "a1",
  v,
  kind: "at_restaurant",
  cityId: "c1",
  since: 1000,
  driverId: "d1",
  orderId: "o1",
  ...fields,
});

/**
 * @param {Partial<RestaurantState>} fields
 * @returns {RestaurantState}
 */
export const restaurant = (fields = {}) => ({
  type: "restaurant",
  restaurantId: "r1",
  name: "Larimer Noodles",
  address: "",
  lat: 39.75,
  lng: -105,
  geofenceRadius: 200,
  cityId: "c1",
  ...fields,
});

/**
 * @param {Partial<PlanStop>} fields
 * @returns {PlanStop}
 */
export const stop = (fields = {}) => ({
  stopId: "s1",
  orderId: "o1",
  kind: "dropoff",
  lat: 39.75,
  lng: -104.99,
  name: "Maya",
  address: "1 Elm St",
  orderStatus: "assigned",
  ...fields,
});

/**
 * @param {number} v
 * @param {PlanStop[]} stops
 * @param {Partial<Plan>} fields
 * @returns {Plan}
 */
export const plan = (v, stops, fields = {}) => ({
  type: "plan",
  driverId: "d1",
  v,
  status: "delivering",
  onShift: true,
  stops,
  ...fields,
});

/**
 * @param {...FleetPosition} drivers
 * @returns {FleetPositions}
 */
export const positions = (...drivers) => ({ type: "driver_pos", cityId: "c1", drivers });

/**
 * @param {number} ts
 * @param {Partial<FleetPosition>} fields
 * @returns {FleetPosition}
 */
export const at = (ts, fields = {}) => ({ driverId: "d1", lat: 39.7, lng: -105, ts, ...fields });

/**
 * @param {number} minutes
 * @param {Partial<Eta>} fields
 * @returns {Eta}
 */
export const eta = (minutes, fields = {}) => ({ type: "eta", minutes, v: 1, ...fields });

/**
 * @param {CustomerStatus["status"]} status
 * @returns {CustomerStatus}
 */
export const said = (status) => ({ type: "status", status, message: "So it is.", v: 1 });
