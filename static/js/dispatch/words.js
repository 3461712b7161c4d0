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

/** What happened, as a sentence around the driver's name and the order's. */
export const EVENTS = {
  pending: "New order",
  assigned: "Assigned",
  to_restaurant: "Set out for the restaurant",
  driver_at_restaurant: "Arrived at the restaurant",
  picked_up: "Picked up",
  driver_nearby: "Near the customer",
  delivered: "Delivered",
  cancelled: "Cancelled",
  failed: "Could not be handed over",
};

export const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** "450 ft", "1.4 mi". */
export function distanceWords(metres) {
  const miles = metres / 1609.344;
  return miles < 0.19 ? `${Math.round((metres * 3.28084) / 50) * 50} ft` : `${miles.toFixed(1)} mi`;
}

export const speedWords = (metresPerSecond) => `${Math.round(metresPerSecond * 2.23694)} mph`;
