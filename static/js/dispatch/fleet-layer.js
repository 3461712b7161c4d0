// A thousand moving drivers, and the restaurants, on one canvas. Status is a colour and a shape.

import { age, serverNow } from "../clock.js";
import { el } from "../dom.js";
import { Glide, prefersStill } from "../glide.js";

const { L } = window;

export const STALE_MS = 15_000;
const MOVING_MPS = 1;
const STILL_PX = 0.4; // less than this is not worth drawing
const FRAME_MS = 30;

const css = getComputedStyle(document.documentElement);
const color = (name) => css.getPropertyValue(name).trim();
export const COLORS = {
  idle: color("--idle"),
  to_restaurant: color("--to-restaurant"),
  delivering: color("--delivering"),
  offline: color("--offline"),
};
const RESTAURANT = color("--restaurant");
const INK = color("--ink");
const WARNING = color("--warn");
const FONT = `600 10px ${color("--font")}`;

/** Leaflet's circle, which knows about hits and redrawing, drawn as we like. */
const Shape = L.CircleMarker.extend({
  options: { radius: 9, reach: 22, bubblingMouseEvents: false },

  _updateBounds() {
    const reach = L.point(this.options.reach, this.options.reach);
    this._pxBounds = L.bounds(this._point.subtract(reach), this._point.add(reach));
  },

  _updatePath() {
    if (!this._renderer._drawing || this._empty()) return;
    const context = this._renderer._ctx;
    context.save();
    context.translate(this._point.x, this._point.y);
    this.paint(context);
    context.restore();
  },
});

const OUTLINES = {
  idle: (context) => context.arc(0, 0, 7, 0, 2 * Math.PI),
  offline: (context) => context.arc(0, 0, 6, 0, 2 * Math.PI),
  to_restaurant(context) {
    context.moveTo(0, -9);
    context.lineTo(9, 0);
    context.lineTo(0, 9);
    context.lineTo(-9, 0);
    context.closePath();
  },
  delivering: (context) => context.roundRect(-7, -7, 14, 14, 3),
};

/** Painted once, then copied: a thousand copies a frame are cheap, a thousand outlines are not. */
function sprite(size, paint) {
  const scale = Math.ceil(window.devicePixelRatio);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * scale;
  const context = canvas.getContext("2d");
  context.scale(scale, scale);
  context.translate(size / 2, size / 2);
  context.beginPath();
  paint(context);
  return (target) => target.drawImage(canvas, -size / 2, -size / 2, size, size);
}

const BODIES = {};
const ARROWS = {};
for (const [status, outline] of Object.entries(OUTLINES)) {
  BODIES[status] = sprite(28, (context) => {
    outline(context);
    fill(context, status === "offline" ? "#ffffff" : COLORS[status]);
    if (status === "offline") {
      context.lineWidth = 3;
      context.strokeStyle = COLORS.offline;
      context.stroke();
    }
  });
  ARROWS[status] = sprite(46, (context) => {
    context.moveTo(0, -20);
    context.lineTo(6.5, -11);
    context.lineTo(-6.5, -11);
    context.closePath();
    fill(context, COLORS[status]);
  });
}

const DriverShape = Shape.extend({
  /** `look`: {status, heading (or null), stale (text or ""), selected, faint}. */
  paint(context) {
    const { status, heading, stale, selected, faint } = this.look;
    if (selected) paintHalo(context);
    context.globalAlpha = faint ? 0.3 : stale ? 0.65 : 1;
    if (heading !== null) {
      context.save();
      context.rotate((heading * Math.PI) / 180);
      ARROWS[status](context);
      context.restore();
    }
    BODIES[status](context);
    if (stale && !faint) paintAge(context, stale);
  },
});

function paintHalo(context) {
  context.beginPath();
  context.arc(0, 0, 17, 0, 2 * Math.PI);
  context.fillStyle = "rgb(29 98 224 / .18)";
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = INK;
  context.stroke();
}

function paintAge(context, text) {
  context.globalAlpha = 1;
  context.font = FONT;
  context.textAlign = "center";
  context.lineWidth = 3;
  context.strokeStyle = "#ffffff";
  context.strokeText(text, 0, 20);
  context.fillStyle = WARNING;
  context.fillText(text, 0, 20);
}

const RestaurantShape = Shape.extend({
  options: { radius: 9, reach: 30 },

  paint(context) {
    const scale = this.selected ? 1.35 : 0.9;
    context.scale(scale, scale);
    context.beginPath();
    context.arc(0, -13, 8, 0.75 * Math.PI, 0.25 * Math.PI);
    context.lineTo(0, 0);
    context.closePath();
    fill(context, RESTAURANT);
    context.beginPath();
    context.arc(0, -13, 3, 0, 2 * Math.PI);
    context.fillStyle = "#ffffff";
    context.fill();
  },

  // The tip is the place; what one sees, and clicks, stands above it.
  _containsPoint(point) {
    return point.distanceTo(this._point.subtract([0, 12])) <= 11;
  },
});

/** Fills the current path: dark hairline, white rim, colour. */
function fill(context, style) {
  context.lineJoin = "round";
  context.lineWidth = 4;
  context.strokeStyle = "rgb(22 32 44 / .35)";
  context.stroke();
  context.lineWidth = 2.5;
  context.strokeStyle = "#ffffff";
  context.stroke();
  context.fillStyle = style;
  context.fill();
}

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

  /** @param handlers `driver(id)` and `restaurant(id)`: clicked. */
  constructor(map, fleet, handlers) {
    this.#map = map;
    this.#fleet = fleet;
    this.#handlers = handlers;
  }

  /** Drivers and restaurants as the fleet now has them. */
  sync() {
    const { drivers, restaurants, positions } = this.#fleet;
    for (const [id, marker] of this.#restaurants)
      if (!restaurants.has(id)) this.#drop(this.#restaurants, id, marker);
    for (const restaurant of restaurants.values()) this.#placeRestaurant(restaurant);
    for (const [id, marker] of this.#drivers) {
      if (!drivers.has(id) || !positions.has(id)) this.#drop(this.#drivers, id, marker);
    }
    for (const id of drivers.keys()) this.#placeDriver(id);
    this.#restyle();
    this.#animate();
  }

  /** New positions have come for these drivers. */
  move(driverIds) {
    for (const id of driverIds) this.#placeDriver(id);
    this.#animate();
  }

  /** `eligible`: the ids of the drivers who can take the order that is being assigned, or null. */
  highlight({ driverId = null, restaurantId = null, eligible = null }) {
    this.#selected = driverId;
    this.#eligible = eligible;
    for (const [id, marker] of this.#restaurants) {
      if (marker.selected !== (id === restaurantId)) {
        marker.selected = id === restaurantId;
        marker.redraw();
      }
    }
    this.#restyle();
    this.#drivers.get(driverId)?.bringToFront();
  }

  /** Where a driver is shown, in which status and colour: what a person sees. */
  shown(driverId) {
    const marker = this.#drivers.get(driverId);
    if (!marker) return null;
    const { lat, lng } = marker.getLatLng();
    return {
      lat,
      lng,
      status: marker.look.status,
      color: COLORS[marker.look.status],
      point: this.#map.latLngToContainerPoint([lat, lng]),
    };
  }

  /** Once a second: who has fallen silent. */
  tick() {
    this.#restyle();
  }

  #placeRestaurant(restaurant) {
    const marker = this.#restaurants.get(restaurant.restaurantId);
    if (marker) {
      marker.setLatLng(restaurant);
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

  #look(id, marker) {
    const { status } = this.#fleet.drivers.get(id);
    const position = this.#fleet.positions.get(id);
    const silence = serverNow() - position.ts;
    const moving = status !== "offline" && silence <= STALE_MS && (position.speed ?? 0) > MOVING_MPS;
    const look = {
      status,
      heading: moving ? (position.heading ?? null) : null,
      stale: silence > STALE_MS && status !== "offline" ? age(silence) : "",
      selected: id === this.#selected,
      faint: this.#eligible !== null && !this.#eligible.has(id),
    };
    const changed = Object.keys(look).some((key) => look[key] !== marker.look[key]);
    marker.look = look;
    return changed;
  }

  #restyle() {
    for (const [id, marker] of this.#drivers) if (this.#look(id, marker)) marker.redraw();
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
