// @ts-check
// How drivers and restaurants look on the map. A driver's status is a colour and a shape, the same as in the lists.

/** @import { CircleMarkerOptions, LatLngExpression, Point } from "leaflet" */
/** @import { DriverStatus } from "../../../types/server" */
/** @import { Glide } from "../glide.js" */
/** @typedef {CanvasRenderingContext2D} Context */
/**
 * `stale`: the words under a driver who may be elsewhere by now, or "".
 * @typedef {object} Look
 * @property {DriverStatus} status
 * @property {number | null} heading degrees, null where it is not to be shown
 * @property {string} stale
 * @property {"alert" | "trouble" | ""} badge
 * @property {boolean} selected
 * @property {boolean} faint
 */

const { L } = window;

const css = getComputedStyle(document.documentElement);
const color = (/** @type {string} */ name) => css.getPropertyValue(name).trim();
/** @type {Record<DriverStatus, string>} */
export const COLORS = {
  idle: color("--idle"),
  to_restaurant: color("--to-restaurant"),
  delivering: color("--delivering"),
  offline: color("--offline"),
};
const RESTAURANT = color("--restaurant");
const INK = color("--ink");
const WARNING = color("--warn");
const BAD = color("--bad");
const FONT = `600 10px ${color("--font")}`;
const BADGE_FONT = `800 11px ${color("--font")}`;

/** Leaflet's circle, which knows about hits and redrawing, drawn as we like. */
class Shape extends L.CircleMarker {
  /**
   * @param {LatLngExpression} at
   * @param {CircleMarkerOptions} options
   */
  constructor(at, options) {
    super(at, { radius: 9, bubblingMouseEvents: false, ...options });
  }

  /** How far it paints from its place (pixels). */
  reach() {
    return 22;
  }

  /** @param {Context} _context whose origin is its place */
  paint(_context) {}

  /** @override */
  _updateBounds() {
    const reach = this.reach();
    this._pxBounds = L.bounds(this._point.subtract([reach, reach]), this._point.add([reach, reach]));
  }

  /** @override */
  _updatePath() {
    if (!this._renderer._drawing || this._empty()) return;
    const context = this._renderer._ctx;
    context.save();
    context.translate(this._point.x, this._point.y);
    this.paint(context);
    context.restore();
  }
}

/** @type {Record<DriverStatus, (context: Context) => void>} */
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

/** @typedef {(target: Context) => void} Sprite */

/**
 * Painted once, then copied: a thousand copies a frame are cheap, a thousand outlines are not.
 * @param {number} size
 * @param {(context: Context) => void} paint
 * @returns {Sprite}
 */
function sprite(size, paint) {
  const scale = Math.ceil(window.devicePixelRatio);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size * scale;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("this browser has no canvas left");
  context.scale(scale, scale);
  context.translate(size / 2, size / 2);
  context.beginPath();
  paint(context);
  return (target) => target.drawImage(canvas, -size / 2, -size / 2, size, size);
}

/**
 * One for each status.
 * @param {number} size
 * @param {(context: Context, status: DriverStatus) => void} paint
 */
function sprites(size, paint) {
  const statuses = /** @type {DriverStatus[]} */ (Object.keys(OUTLINES));
  const made = statuses.map((status) => [status, sprite(size, (context) => paint(context, status))]);
  return /** @type {Record<DriverStatus, Sprite>} */ (Object.fromEntries(made));
}

const BODIES = sprites(28, (context, status) => {
  OUTLINES[status](context);
  fill(context, status === "offline" ? "#ffffff" : COLORS[status]);
  if (status === "offline") {
    context.lineWidth = 3;
    context.strokeStyle = COLORS.offline;
    context.stroke();
  }
});

/** Of drivers who may be elsewhere by now: the shape of the status, and no colour. */
const STALE_BODIES = sprites(28, (context, status) => {
  OUTLINES[status](context);
  fill(context, COLORS.offline);
});

const ARROWS = sprites(46, (context, status) => {
  context.moveTo(0, -20);
  context.lineTo(6.5, -11);
  context.lineTo(-6.5, -11);
  context.closePath();
  fill(context, COLORS[status]);
});

/** A mark beside the driver: a shape and a sign, for those who see no colours. */
const BADGES = {
  alert: sprite(22, (context) => {
    context.moveTo(0, -8);
    context.lineTo(9, 7);
    context.lineTo(-9, 7);
    context.closePath();
    fill(context, BAD);
    sign(context, "!", 2);
  }),
  trouble: sprite(22, (context) => {
    context.arc(0, 0, 7, 0, 2 * Math.PI);
    fill(context, WARNING);
    sign(context, "×", 0.5);
  }),
};

/**
 * @param {Context} context
 * @param {string} text
 * @param {number} y
 */
function sign(context, text, y) {
  context.font = BADGE_FONT;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.fillStyle = "#ffffff";
  context.fillText(text, 0, y);
}

export class DriverShape extends Shape {
  /** @type {Look} */
  look;
  /** @type {Glide} */
  glide;
  gliding = false;
  /** @type {object | null} The position that it glides to. */
  fix = null;

  /**
   * @param {LatLngExpression} at
   * @param {CircleMarkerOptions} options
   * @param {Look} look
   * @param {Glide} glide
   */
  constructor(at, options, look, glide) {
    super(at, options);
    this.look = look;
    this.glide = glide;
  }

  /**
   * @override
   * @param {Context} context
   */
  paint(context) {
    const { status, heading, stale, badge, selected, faint } = this.look;
    if (selected) paintHalo(context);
    context.globalAlpha = faint ? 0.3 : 1;
    if (heading !== null) {
      context.save();
      context.rotate((heading * Math.PI) / 180);
      ARROWS[status](context);
      context.restore();
    }
    (stale ? STALE_BODIES : BODIES)[status](context);
    if (stale && !faint) paintAge(context, stale);
    if (badge) {
      context.translate(11, -11);
      BADGES[badge](context);
    }
  }

  /**
   * The words under a stale driver are wider than any mark.
   * @override
   */
  reach() {
    return this.look.stale ? 46 : super.reach();
  }
}

/** @param {Context} context */
function paintHalo(context) {
  context.beginPath();
  context.arc(0, 0, 17, 0, 2 * Math.PI);
  context.fillStyle = "rgb(29 98 224 / .18)";
  context.fill();
  context.lineWidth = 2;
  context.strokeStyle = INK;
  context.stroke();
}

/**
 * @param {Context} context
 * @param {string} text
 */
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

export class RestaurantShape extends Shape {
  selected = false;

  /** @override */
  reach() {
    return 30;
  }

  /**
   * @override
   * @param {Context} context
   */
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
  }

  /**
   * The tip is the place; what one sees, and clicks, stands above it.
   * @override
   * @param {Point} point
   */
  _containsPoint(point) {
    return point.distanceTo(this._point.subtract([0, 12])) <= 11;
  }
}

/**
 * Fills the current path: dark hairline, white rim, colour.
 * @param {Context} context
 * @param {string} style
 */
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
