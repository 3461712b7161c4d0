// How statuses are called, and distances.

export const DRIVER_STATUSES = {
  idle: "Idle",
  to_restaurant: "To restaurant",
  delivering: "Delivering",
  offline: "Offline",
};

export const ORDER_STATUSES = {
  pending: "Unassigned",
  assigned: "Assigned",
  to_restaurant: "To restaurant",
  driver_at_restaurant: "At restaurant",
  picked_up: "Picked up",
  driver_nearby: "Nearby",
  delivered: "Delivered",
  cancelled: "Cancelled",
  failed: "Not handed over",
};

/** What happened when an order took this status, and its icon. */
export const EVENTS = {
  pending: ["Waits for a driver", "receipt"],
  assigned: ["Assigned", "scooter"],
  to_restaurant: ["Set out for the restaurant", "scooter"],
  driver_at_restaurant: ["Arrived at the restaurant", "shop"],
  picked_up: ["Picked up", "bag"],
  driver_nearby: ["Near the customer", "nearby"],
  delivered: ["Delivered", "check"],
  cancelled: ["Cancelled", "cross"],
  failed: ["Could not be handed over", "warning"],
};

export const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** "450 ft", "1.4 mi". */
export function distanceWords(metres) {
  const miles = metres / 1609.344;
  return miles < 0.19 ? `${Math.round((metres * 3.28084) / 50) * 50} ft` : `${miles.toFixed(1)} mi`;
}

export const speedWords = (metresPerSecond) => `${Math.round(metresPerSecond * 2.23694)} mph`;
