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

/** Problems of orders that pass by themselves: all orders may have them at once. */
export const PASSING = new Set(["roads_away", "driver_silent"]);

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
  late: ["Will be late", "clock"],
  very_late: ["Will be very late", "warning"],
  pickup_undone: ["Automatic pickup undone", "back"],
};

/** Why a fix was turned away. */
const REJECTIONS = {
  malformed: "unreadable",
  duplicate: "sent twice",
  out_of_order: "out of order",
  stale: "too late",
  teleport: "jumps",
};

/** "12 fixes not used since 2:02 PM: too late (10), jumps (2)". */
export function troubleWords({ rejected, since }, clock) {
  // These two are shown all the same.
  const { inaccurate = 0, future = 0, ...unused } = rejected;
  const most = Object.entries(unused).sort(([, a], [, b]) => b - a);
  const total = most.reduce((sum, [, count]) => sum + count, 0);
  const fixes = (count) => plural(count, "fix", "fixes");
  const parts = [];
  if (total) {
    const reasons = most.map(([name, count]) => `${REJECTIONS[name] ?? name} (${count})`);
    parts.push(`${fixes(total)} not used since ${clock(since)}: ${reasons.join(", ")}`);
  }
  if (inaccurate) parts.push(`${fixes(inaccurate)} too inaccurate to move an order along`);
  if (future) parts.push(`${fixes(future)} used with the time put right: clock ahead`);
  return parts.join("; ");
}

export const plural = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

/** "450 ft", "1.4 mi". */
export function distanceWords(metres) {
  const miles = metres / 1609.344;
  return miles < 0.19 ? `${Math.round((metres * 3.28084) / 50) * 50} ft` : `${miles.toFixed(1)} mi`;
}

/** What the planner's order of the stops saves, and what it takes for that. */
export function savingWords({ minutes, km }) {
  if (minutes < 1) return "The planner has another order, for what was promised.";
  const saves = `The planner’s order saves ${Math.round(minutes)} min`;
  if (km === 0) return `${saves}.`;
  const distance = distanceWords(Math.abs(km) * 1000);
  return km > 0 ? `${saves} and ${distance}.` : `${saves} for ${distance} more.`;
}

/** Why nothing is offered for a late order; `advice` is null until the server has answered. */
export function noRemedyWords(advice) {
  if (!advice) return "Looking…";
  return advice.roadsAway
    ? "The road server does not answer. It is asked again shortly."
    : "Nothing would make it sooner without making others later.";
}

export const speedWords = (metresPerSecond) => `${Math.round(metresPerSecond * 2.23694)} mph`;
