// @ts-check
// How our own vector tiles are drawn: quiet ground, legible street names, no colour that a marker uses.
// Layers of the tiles: `roads` (kind, name, ref), `water`, `parks`, `places`.

/** @import { Filter, LabelRule, PaintRule } from "protomaps-leaflet" */
/** @typedef {[zoom: number, pixels: number][]} Widths */
/** @typedef {{ kind: string, minzoom: number, width: Widths, fill: string, casing: string | null }} Road */

const { LineSymbolizer, PolygonSymbolizer, LineLabelSymbolizer, CenteredTextSymbolizer, exp } =
  window.protomapsL;

const FONT = 'Inter, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", sans-serif';

export const GROUND = "#f4f2ed";
const WATER = "#b9d7e3";
const PARK = "#dbe8d0";
const LABEL = "#4a515c";
const HALO = "#ffffff";

// Widths in pixels by zoom; the casing shows on both sides of the road.
/** @type {Road[]} */
const ROADS = [
  {
    kind: "path",
    minzoom: 15,
    width: [
      [14, 0.6],
      [18, 3],
    ],
    fill: "#e3dccd",
    casing: null,
  },
  {
    kind: "minor_road",
    minzoom: 12,
    width: [
      [12, 0.6],
      [14, 2.4],
      [16, 8],
      [19, 30],
    ],
    fill: "#ffffff",
    casing: "#dcd7cc",
  },
  {
    kind: "medium_road",
    minzoom: 11,
    width: [
      [11, 0.7],
      [14, 4],
      [16, 11],
      [19, 36],
    ],
    fill: "#ffffff",
    casing: "#d3cdc0",
  },
  {
    kind: "major_road",
    minzoom: 8,
    width: [
      [8, 0.8],
      [12, 2.4],
      [14, 5.5],
      [16, 13],
      [19, 42],
    ],
    fill: "#fff6e1",
    casing: "#d9cba6",
  },
  {
    kind: "highway",
    minzoom: 5,
    width: [
      [5, 0.8],
      [10, 2.6],
      [14, 7],
      [16, 14],
      [19, 44],
    ],
    fill: "#fbe3b4",
    casing: "#d3b577",
  },
];

/**
 * @param {...string} kinds
 * @returns {Filter}
 */
const isKind =
  (...kinds) =>
  (_, feature) =>
    kinds.includes(String(feature.props.kind));

/** @typedef {1 | 2 | 3} Geometry points, lines, areas */
/**
 * @param {Geometry} geometry
 * @returns {Filter}
 */
const isA = (geometry) => (_, feature) => feature.geomType === geometry;

/** @returns {PaintRule[]} */
export function paintRules() {
  /** @type {(dataLayer: string, fill: string) => PaintRule} */
  const area = (dataLayer, fill) => ({
    dataLayer,
    symbolizer: new PolygonSymbolizer({ fill }),
    filter: isA(3),
  });
  /** @type {(road: Road, widths: Widths, color: string) => PaintRule} */
  const line = (road, widths, color) => ({
    dataLayer: "roads",
    minzoom: road.minzoom,
    filter: isKind(road.kind),
    symbolizer: new LineSymbolizer({ color, width: exp(1.5, widths), lineCap: "round", lineJoin: "round" }),
  });
  return [
    area("parks", PARK),
    area("water", WATER),
    {
      dataLayer: "water",
      symbolizer: new LineSymbolizer({
        color: WATER,
        width: exp(1.5, [
          [10, 0.8],
          [15, 4],
          [18, 14],
        ]),
        lineJoin: "round",
      }),
      filter: isA(2),
    },
    ...ROADS.flatMap((road) => {
      if (!road.casing) return [];
      const widths = /** @type {Widths} */ (road.width.map(([zoom, width]) => [zoom, width + (zoom < 12 ? 1 : 2)]));
      return [line(road, widths, road.casing)];
    }),
    ...ROADS.map((road) => line(road, road.width, road.fill)),
  ];
}

/** @returns {LabelRule[]} */
export function labelRules() {
  /** @type {(kind: string, minzoom: number, size: number, weight: number, color?: string) => LabelRule} */
  const street = (kind, minzoom, size, weight, color = LABEL) => ({
    dataLayer: "roads",
    minzoom,
    filter: isKind(kind),
    symbolizer: new LineLabelSymbolizer({
      labelProps: ["name", "ref"],
      font: (zoom) => `${weight} ${zoom >= 17 ? size + 1 : size}px ${FONT}`,
      fill: color,
      stroke: HALO,
      width: 4.5,
      position: 2, // centred on the road
      repeatDistance: 320,
    }),
  });
  /** @type {(kinds: string[], minzoom: number, maxzoom: number, font: string, fill: string) => LabelRule} */
  const place = (kinds, minzoom, maxzoom, font, fill) => ({
    dataLayer: "places",
    minzoom,
    maxzoom,
    filter: isKind(...kinds),
    symbolizer: new CenteredTextSymbolizer({
      labelProps: ["name"],
      font: `${font} ${FONT}`,
      fill,
      stroke: HALO,
      width: 2,
      lineHeight: 1.3,
    }),
  });
  /** @type {(dataLayer: string, fill: string) => LabelRule} */
  const area = (dataLayer, fill) => ({
    dataLayer,
    minzoom: 14,
    filter: isA(1),
    symbolizer: new CenteredTextSymbolizer({
      labelProps: ["name"],
      font: `italic 500 11px ${FONT}`,
      fill,
      stroke: HALO,
      width: 1.5,
    }),
  });
  // Rules earlier in the list win where labels collide.
  return [
    place(["city"], 5, 13, "650 15px", "#2b333e"),
    place(["town", "village"], 9, 14, "600 13px", "#39424e"),
    street("highway", 10, 11, 650, "#7a5b16"),
    street("major_road", 13, 12, 600, "#3b434e"),
    street("medium_road", 14, 12, 550),
    place(["suburb", "neighbourhood", "quarter"], 13, 16, "600 11px", "#7c6f62"),
    street("minor_road", 15, 11, 500),
    area("parks", "#4d6b3c"),
    area("water", "#3c6a80"),
  ];
}
