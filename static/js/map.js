// @ts-check
// The map of every page: Leaflet with our own vector tiles (or a raster server that an operator chose).

import { GROUND, labelRules, paintRules } from "./map-style.js";
import { prefersStill } from "./motion.js";

/** @import { Control, FitBoundsOptions, LatLngBounds, Layer, Map as LeafletMap } from "leaflet" */
/** @import { MapConfig } from "../../types/server" */

const { L, protomapsL } = window;

/**
 * @param {HTMLElement} element the container
 * @param {MapConfig} config what the server passed
 * @param {LatLngBounds} [bounds] what to show first; without them the caller sets the view
 * @param {FitBoundsOptions} padding free space around it
 */
export function createMap(element, config, bounds, padding = {}) {
  const map = L.map(element, {
    zoomControl: false,
    attributionControl: false,
    maxZoom: 19,
    minZoom: 4,
    preferCanvas: true,
    zoomAnimation: !prefersStill(),
  });
  // From below: streets, `route` (for lines along them), the streets' names, everything else.
  for (const [name, zIndex] of Object.entries({ route: "390", names: "395" })) {
    const pane = map.createPane(name);
    pane.style.zIndex = zIndex;
    pane.style.pointerEvents = "none";
  }
  if (bounds) map.fitBounds(bounds, { maxZoom: 16, ...padding, animate: false });
  for (const layer of tiles(config)) layer.addTo(map);
  attribution(config).addTo(map);
  return map;
}

/**
 * @param {MapConfig} config
 * @returns {Layer[]}
 */
function tiles({ tileUrl, maxDataZoom }) {
  if (/\.(mvt|pbf)(\?|$)/.test(tileUrl)) {
    const common = { url: tileUrl, maxDataZoom, attribution: "", maxZoom: 19 };
    return [
      protomapsL.leafletLayer({
        ...common,
        paintRules: paintRules(),
        labelRules: [],
        backgroundColor: GROUND,
      }),
      protomapsL.leafletLayer({ ...common, paintRules: [], labelRules: labelRules(), pane: "names" }),
    ];
  }
  return [L.tileLayer(tileUrl, { maxZoom: 19 })];
}

/**
 * @param {MapConfig} config
 * @returns {Control}
 */
function attribution({ attribution: text, attributionUrl }) {
  const control = new L.Control({ position: "bottomright" });
  control.onAdd = () => {
    const line = L.DomUtil.create("div", "leaflet-control-attribution");
    const link = L.DomUtil.create("a", "", line);
    link.href = attributionUrl;
    link.target = "_blank";
    link.rel = "noopener noreferrer";
    link.textContent = line.title = text;
    return line;
  };
  return control;
}

/** Whether a person has moved the map, so that it must not move by itself any more. `reset()` takes it back. */
export class Hands {
  moved = false;
  onchange = () => {};

  /** @param {LeafletMap} map */
  constructor(map) {
    const mine = () => {
      if (!this.moved) {
        this.moved = true;
        this.onchange();
      }
    };
    map.on("dragstart", mine);
    const container = map.getContainer();
    container.addEventListener("wheel", mine, { passive: true });
    container.addEventListener("dblclick", mine);
    container.addEventListener("touchmove", (event) => event.touches.length > 1 && mine(), { passive: true });
    container.addEventListener("keydown", (event) => /^(Arrow|[-+=_])/.test(event.key) && mine());
    container.addEventListener("click", ({ target }) => {
      if (target instanceof Element && target.closest(".leaflet-control-zoom")) mine();
    });
  }

  reset() {
    this.moved = false;
    this.onchange();
  }
}
