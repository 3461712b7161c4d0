// What the vendored scripts put into the page, and the insides of Leaflet that our own shapes build on.

import type * as Leaflet from "leaflet";
import type * as Protomaps from "protomaps-leaflet";

declare global {
  interface Window {
    L: typeof Leaflet;
    protomapsL: Omit<typeof Protomaps, "leafletLayer"> & {
      leafletLayer(options: Protomaps.LeafletLayerOptions & Leaflet.GridLayerOptions): Leaflet.GridLayer;
    };
  }
}

declare module "leaflet" {
  interface CircleMarker {
    _point: Leaflet.Point;
    _pxBounds: Leaflet.Bounds;
    _renderer: { _drawing: boolean; _ctx: CanvasRenderingContext2D };
    _empty(): boolean;
    _updateBounds(): void;
    _updatePath(): void;
    _containsPoint(point: Leaflet.Point): boolean;
  }
}
