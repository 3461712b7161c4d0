// A thousand moving drivers, and the restaurants, on one canvas.

import { serverNow, stopwatch } from "../clock.js";
import { el } from "../dom.js";
import { Glide, prefersStill } from "../glide.js";
import { COLORS, DriverShape, RestaurantShape } from "./shapes.js";

const { L } = window;

const MOVING_MPS = 1;
const STILL_PX = 0.4; // less than this is not worth drawing
const FRAME_MS = 30;

export class FleetLayer {
  #map;
  #fleet;
  #renderer = L.canvas({ padding: 0.1, tolerance: 4 });
  #drivers = new Map();
  #restaurants = new Map();
  #handlers;
  #still = prefersStill();
  #animating = false;
  #drawnAt = 0;
  #eligible = null;
  #selected = null;
  #alerted = new Set();

  /** @param handlers `driver(id)` and `restaurant(id)`: clicked. */
  constructor(map, fleet, handlers) {
    this.#map = map;
    this.#fleet = fleet;
    this.#handlers = handlers;
  }

  /**
   * Drivers and restaurants as the fleet now has them, and what is selected. `eligible`: the ids of the drivers who
   * can take the order that is being assigned, or null.
   */
  draw({ driverId, restaurantId, eligible }) {
    const { drivers, restaurants, positions } = this.#fleet;
    this.#alerted = this.#fleet.alerted();
    for (const [id, marker] of this.#restaurants) {
      if (!restaurants.has(id)) this.#drop(this.#restaurants, id, marker);
    }
    for (const restaurant of restaurants.values()) this.#placeRestaurant(restaurant);
    for (const [id, marker] of this.#drivers) {
      if (!drivers.has(id) || !positions.has(id)) this.#drop(this.#drivers, id, marker);
    }
    for (const id of drivers.keys()) this.#placeDriver(id);
    this.#highlight(driverId, restaurantId, eligible);
    this.#animate();
  }

  /** New positions have come for these drivers. */
  move(driverIds) {
    for (const id of driverIds) this.#placeDriver(id);
    this.#animate();
  }

  /** Where a driver is shown, in which status and colour: what a person sees. */
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

  #highlight(driverId, restaurantId, eligible) {
    for (const [id, marker] of this.#restaurants) {
      if (marker.selected !== (id === restaurantId)) {
        marker.selected = id === restaurantId;
        marker.redraw();
      }
    }
    if (driverId !== this.#selected) this.#drivers.get(driverId)?.bringToFront();
    this.#selected = driverId;
    this.#eligible = eligible;
    for (const [id, marker] of this.#drivers) if (this.#look(id, marker)) marker.redraw();
  }

  #placeRestaurant(restaurant) {
    const marker = this.#restaurants.get(restaurant.restaurantId);
    if (marker) {
      if (!marker.getLatLng().equals(restaurant)) marker.setLatLng(restaurant);
      return;
    }
    const made = new RestaurantShape(restaurant, { renderer: this.#renderer });
    made.selected = false;
    made.on("click", () => this.#handlers.restaurant(restaurant.restaurantId));
    made.bindTooltip(() => tooltip(this.#fleet.restaurants.get(restaurant.restaurantId)?.name), {
      direction: "top",
      offset: [0, -22],
    });
    made.addTo(this.#map).bringToBack();
    this.#restaurants.set(restaurant.restaurantId, made);
  }

  #placeDriver(id) {
    const driver = this.#fleet.drivers.get(id);
    const position = this.#fleet.positions.get(id);
    if (!driver || !position) return;
    let marker = this.#drivers.get(id);
    if (!marker) {
      marker = new DriverShape(position, { renderer: this.#renderer });
      marker.look = {};
      marker.glide = new Glide({ still: this.#still });
      marker.on("click", () => this.#handlers.driver(id));
      marker.bindTooltip(() => tooltip(this.#fleet.drivers.get(id)?.name), {
        direction: "top",
        offset: [0, -12],
      });
      this.#look(id, marker);
      marker.addTo(this.#map);
      this.#drivers.set(id, marker);
    }
    if (marker.fix !== position) {
      marker.fix = position;
      marker.glide.to(position, performance.now());
      marker.gliding = true;
    }
  }

  /** How the driver is to look now; whether that is a change. */
  #look(id, marker) {
    const { status } = this.#fleet.drivers.get(id);
    const position = this.#fleet.positions.get(id);
    const { silence, stale, troubled } = this.#fleet.presence(id, serverNow());
    const moving = status !== "offline" && !stale && (position.speed ?? 0) > MOVING_MPS;
    const look = {
      status,
      heading: moving ? (position.heading ?? null) : null,
      stale: stale ? `no fix for ${stopwatch(silence)}` : "",
      badge: this.#alerted.has(id) ? "alert" : troubled ? "trouble" : "",
      selected: id === this.#selected,
      faint: this.#eligible !== null && !this.#eligible.has(id),
    };
    const changed = Object.keys(look).some((key) => look[key] !== marker.look[key]);
    marker.look = look;
    return changed;
  }

  #drop(markers, id, marker) {
    marker.remove();
    markers.delete(id);
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
      if (!marker.gliding) continue;
      const at = marker.glide.at(now);
      marker.gliding = marker.glide.moving(now);
      gliding ||= marker.gliding;
      const next = this.#map.latLngToLayerPoint(at);
      if (!marker.gliding || !marker._point || next.distanceTo(marker._point) > STILL_PX)
        marker.setLatLng(at);
    }
    if (gliding) this.#animate();
  };
}

function tooltip(text) {
  return el("span", {}, text ?? "");
}
