// @ts-check
// A thousand moving drivers, and the restaurants, on one canvas.

import { serverNow, stopwatch } from "../clock.js";
import { el } from "../dom.js";
import { Glide } from "../glide.js";
import { prefersStill } from "../motion.js";
import { COLORS, DriverShape, RestaurantShape } from "./shapes.js";

/** @import { Map as LeafletMap } from "leaflet" */
/** @import { DriverState, FleetPosition, RestaurantState } from "../../../types/server" */
/** @import { Fleet } from "./fleet.js" */
/** @import { Look } from "./shapes.js" */
/** @typedef {{ driver(id: string): void, restaurant(restaurant: RestaurantState): void }} Handlers what was clicked */

const { L } = window;

const MOVING_MPS = 1;
const STILL_PX = 0.4; // less than this is not worth drawing
const FRAME_MS = 30;

export class FleetLayer {
  #map;
  #fleet;
  #renderer = L.canvas({ padding: 0.1, tolerance: 4 });
  /** @type {Map<string, DriverShape>} */
  #drivers = new Map();
  /** @type {Map<string, RestaurantShape>} */
  #restaurants = new Map();
  #handlers;
  #still = prefersStill();
  #animating = false;
  #drawnAt = 0;
  /** @type {ReadonlySet<string> | null} */
  #eligible = null;
  /** @type {string | null} */
  #selected = null;
  /** @type {ReadonlySet<string>} */
  #alerted = new Set();

  /**
   * @param {LeafletMap} map
   * @param {Fleet} fleet
   * @param {Handlers} handlers
   */
  constructor(map, fleet, handlers) {
    this.#map = map;
    this.#fleet = fleet;
    this.#handlers = handlers;
  }

  /**
   * Drivers and restaurants as the fleet now has them, and what is selected. `eligible`: the ids of the drivers who
   * can take the order that is being assigned, or null.
   * @param {{ driverId: string | null, restaurantId: string | null, eligible: ReadonlySet<string> | null }} selection
   */
  draw({ driverId, restaurantId, eligible }) {
    const { drivers, restaurants, positions } = this.#fleet;
    this.#alerted = this.#fleet.alerted();
    for (const [id, marker] of this.#restaurants) {
      if (!restaurants.has(id)) drop(this.#restaurants, id, marker);
    }
    for (const restaurant of restaurants.values()) this.#placeRestaurant(restaurant);
    for (const [id, marker] of this.#drivers) {
      if (!drivers.has(id) || !positions.has(id)) drop(this.#drivers, id, marker);
    }
    for (const id of drivers.keys()) this.#placeDriver(id);
    this.#highlight(driverId, restaurantId, eligible);
    this.#animate();
  }

  /**
   * New positions have come for these drivers.
   * @param {string[]} driverIds
   */
  move(driverIds) {
    for (const id of driverIds) this.#placeDriver(id);
    this.#animate();
  }

  /**
   * Where a driver is shown, in which status and colour: what a person sees.
   * @param {string} driverId
   */
  shown(driverId) {
    const marker = this.#drivers.get(driverId);
    if (!marker) return null;
    const { lat, lng } = marker.getLatLng();
    return {
      lat,
      lng,
      ...marker.look,
      color: marker.look.stale ? COLORS.offline : COLORS[marker.look.status],
      point: this.#map.latLngToContainerPoint([lat, lng]),
    };
  }

  /**
   * @param {string | null} driverId
   * @param {string | null} restaurantId
   * @param {ReadonlySet<string> | null} eligible
   */
  #highlight(driverId, restaurantId, eligible) {
    for (const [id, marker] of this.#restaurants) {
      if (marker.selected !== (id === restaurantId)) {
        marker.selected = id === restaurantId;
        marker.redraw();
      }
    }
    if (driverId && driverId !== this.#selected) this.#drivers.get(driverId)?.bringToFront();
    this.#selected = driverId;
    this.#eligible = eligible;
    for (const [id, marker] of this.#drivers) this.#lookAgain(id, marker);
  }

  /** @param {RestaurantState} restaurant */
  #placeRestaurant(restaurant) {
    const id = restaurant.restaurantId;
    const marker = this.#restaurants.get(id);
    if (marker) {
      if (!marker.getLatLng().equals(restaurant)) marker.setLatLng(restaurant);
      return;
    }
    const latest = () => this.#fleet.restaurants.get(id) ?? restaurant;
    const made = new RestaurantShape(restaurant, { renderer: this.#renderer });
    made.on("click", () => this.#handlers.restaurant(latest()));
    made.bindTooltip(() => el("span", {}, latest().name), { direction: "top", offset: [0, -22] });
    made.addTo(this.#map).bringToBack();
    this.#restaurants.set(id, made);
  }

  /** @param {string} id */
  #placeDriver(id) {
    const driver = this.#fleet.drivers.get(id);
    const position = this.#fleet.positions.get(id);
    if (!driver || !position) return;
    let marker = this.#drivers.get(id);
    if (!marker) {
      marker = this.#makeDriver(driver, position);
      this.#drivers.set(id, marker);
    }
    if (marker.fix !== position) {
      marker.fix = position;
      marker.glide.to(position, performance.now());
      marker.gliding = true;
    }
  }

  /**
   * @param {DriverState} driver
   * @param {FleetPosition} position
   */
  #makeDriver(driver, position) {
    const id = driver.driverId;
    const look = this.#look(driver, position);
    const glide = new Glide({ still: this.#still });
    const marker = new DriverShape(position, { renderer: this.#renderer }, look, glide);
    marker.on("click", () => this.#handlers.driver(id));
    const name = () => (this.#fleet.drivers.get(id) ?? driver).name;
    marker.bindTooltip(() => el("span", {}, name()), { direction: "top", offset: [0, -12] });
    return marker.addTo(this.#map);
  }

  /**
   * @param {string} id
   * @param {DriverShape} marker
   */
  #lookAgain(id, marker) {
    const driver = this.#fleet.drivers.get(id);
    const position = this.#fleet.positions.get(id);
    if (!driver || !position) return;
    const look = this.#look(driver, position);
    const names = /** @type {(keyof Look)[]} */ (Object.keys(look));
    const changed = names.some((name) => look[name] !== marker.look[name]);
    marker.look = look;
    if (changed) marker.redraw();
  }

  /**
   * How the driver is to look now.
   * @param {DriverState} driver
   * @param {FleetPosition} position
   * @returns {Look}
   */
  #look({ driverId: id, status }, position) {
    const { silence, stale, troubled } = this.#fleet.presence(id, serverNow());
    const moving = status !== "offline" && !stale && (position.speed ?? 0) > MOVING_MPS;
    return {
      status,
      heading: moving ? (position.heading ?? null) : null,
      stale: stale ? `no fix for ${stopwatch(silence ?? 0)}` : "",
      badge: this.#alerted.has(id) ? "alert" : troubled ? "trouble" : "",
      selected: id === this.#selected,
      faint: this.#eligible !== null && !this.#eligible.has(id),
    };
  }

  #animate() {
    if (this.#animating) return;
    this.#animating = true;
    requestAnimationFrame(this.#step);
  }

  #step = () => {
    this.#animating = false;
    const now = performance.now();
    if (now - this.#drawnAt < FRAME_MS) {
      this.#animate();
      return;
    }
    this.#drawnAt = now;
    let gliding = false;
    for (const marker of this.#drivers.values()) {
      const at = marker.gliding && marker.glide.at(now);
      if (!at) continue;
      marker.gliding = marker.glide.moving(now);
      gliding ||= marker.gliding;
      const next = this.#map.latLngToLayerPoint(at);
      if (!marker.gliding || !marker._point || next.distanceTo(marker._point) > STILL_PX)
        marker.setLatLng(at);
    }
    if (gliding) this.#animate();
  };
}

/**
 * @template {DriverShape | RestaurantShape} Shape
 * @param {Map<string, Shape>} markers
 * @param {string} id
 * @param {Shape} marker
 */
function drop(markers, id, marker) {
  marker.remove();
  markers.delete(id);
}
