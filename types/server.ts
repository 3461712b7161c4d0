// Made by `manage.py typescript > types/server.ts` of the Python types. Don't edit.

/**
 * What the page's JavaScript is told as it is loaded; times in ms since the epoch.
 *
 * `frames`: a snapshot, as the socket sends it. `noEta`: what is known of the arrival while there is no ETA.
 * `restaurant`: null where nobody has chosen one yet. `home`: null where the address has no coordinates.
 */
export interface TrackPage {
  socket: string;
  now: number;
  frames: CustomerFrame[];
  locale: Locale;
  steps: OrderStatus[];
  inTheBag: OrderStatus[];
  final: OrderStatus[];
  noEta: Record<OrderStatus, string>;
  staleAfterMs: number;
  deliveredAt: number | null;
  restaurant: Place | null;
  home: LatLng | null;
  map: MapConfig;
}

/** `locale`: of what has no city; `notices`: the address of what stands over the page. */
export interface DashboardPage {
  socket: string;
  notices: string;
  csrf: string;
  urls: Urls;
  statuses: Statuses;
  locale: Locale;
  staleAfterMs: number;
  undoPickupMs: number;
  failureReasons: string[];
  skills: Record<string, string>;
  cities: CityOfPage[];
  map: MapConfig;
}

/**
 * Of a page in the admin that has a place: where it is, null for a new one, its geofence (metres), if it has one,
 * and what it is called. `around`: where to look as long as there is none; `cities`: where they are, by their ids.
 */
export interface PlaceMap {
  map: MapConfig;
  pin: LatLng | null;
  radius: number | null;
  title: string;
  fields: PinFields;
  around: LatLng | null;
  cities: Record<string, LatLng>;
  searchUrl: string;
}

/** What may be meant by an address that somebody searches for, the best first. */
export interface FoundAddresses {
  places: FoundAddress[];
}

/** Of a city's page in the admin: where it is, null for a new one, and the GeoJSON of its area, if it has one. */
export interface AreaMap {
  map: MapConfig;
  center: LatLng | null;
  area: Record<string, unknown> | null;
}

export interface AssignmentRequest {
  driver: string;
}

export interface VisitingOrder {
  stops: Wish[];
}

export interface Reason {
  reason?: string;
}

export interface Closing {
  status: "delivered" | "failed";
  reason?: string;
}

/** Who is right: what the “driver” says, or what “stands”. */
export interface Settling {
  outcome: "driver" | "stands";
}

/** Whether somebody looks after an alert; false takes that back. */
export interface Seeing {
  seen?: boolean;
}

/** `until`: null is until somebody resumes. */
export interface Pausing {
  until?: number | null;
  reason?: string;
}

/** So many minutes more for who orders until then. */
export interface PromisingLater {
  minutes: number;
  until: number;
}

/** Which driver takes which of a driver's orders. `endShift`: the driver's shift ends with it. */
export interface HandingOn {
  moves: Move[];
  endShift?: boolean;
}

/** The driver's stops as they were, in visiting order. `onShift`: as the driver was; null leaves it as it is. */
export interface HandingBack {
  stops: Wish[];
  onShift?: boolean | null;
}

/**
 * What a driver has, in visiting order, and whom it makes late. `approximate`: by straight lines, as the roads do
 * not answer.
 */
export interface Succession {
  approximate: boolean;
  heirs: (Heir | Heirless)[];
  delays: Delay[];
}

/** The best driver first. `approximate`: by straight lines, as the roads do not answer. */
export interface Proposals {
  approximate: boolean;
  proposals: (Offer | Unable)[];
}

/** The best first; none while the roads are away. */
export interface Remedies {
  roadsAway: boolean;
  remedies: Remedy[];
}

/** null where the planner's order is the one in hand. */
export interface SavingAnswer {
  saving: Saving | null;
}

/** Sentences that stand over the dashboard as long as they hold. */
export interface Notices {
  notices: string[];
}

/** What comes with a 4xx or 503: a code, and a sentence for the dispatcher. */
export interface Refusal {
  code: string;
  message: string;
}

/** The first frame: a snapshot follows, made of the same frames as everything later, until `ready`. */
export interface Hello {
  type: "hello";
  v: number;
  now: number;
}

/** The snapshot is complete. */
export interface Ready {
  type: "ready";
}

/** Sent every 10 s: a client that hears nothing for 25 s should connect anew. */
export interface Heartbeat {
  type: "heartbeat";
  now: number;
}

/**
 * Something the client sent was not taken; the message says what to do. `seq`: the number of the fix, of several
 * the last one; `seqs`: all of them then.
 */
export interface Error {
  type: "error";
  code: string;
  message: string;
  seq?: number;
  seqs?: number[];
}

/**
 * Minutes to the customer's door; 0 where there is nothing to wait for: the driver was there, or it is delivered.
 * Four arrivals of five lie between `low` and `high` (minutes); null where an ETA is `approximate`. `stopsBefore`:
 * others' stops before it.
 */
export interface Eta {
  type: "eta";
  minutes: number;
  v: number;
  low?: number;
  high?: number;
  approximate?: boolean;
  stopsBefore?: number;
}

/** An ETA was told, and nobody can say any longer. */
export interface EtaUnknown {
  type: "eta_unknown";
  v: number;
}

/** The part of the driver's road that leads to this customer. */
export interface Route {
  type: "route";
  geometry: LineString;
  v: number;
}

/** A road was told, and there is none to show any longer. */
export interface RouteHidden {
  type: "route_hidden";
  v: number;
}

/** The driver is not (or no longer) to be seen: not on the way yet, at somebody else's door, or done. */
export interface DriverHidden {
  type: "driver_hidden";
  v: number;
}

/** Where the customer's driver is. `ts` is the time of the fix. */
export interface DriverPosition {
  type: "driver_pos";
  lat: number;
  lng: number;
  ts: number;
  heading?: number;
}

export interface CustomerStatus {
  type: "status";
  status: OrderStatus;
  message: string;
  v: number;
}

/** `pause`, `extra`: its own, until they are over; a client compares with the time. */
export interface RestaurantState {
  type: "restaurant";
  restaurantId: string;
  name: string;
  address: string;
  lat: number;
  lng: number;
  geofenceRadius: number;
  cityId: string | null;
  pause?: Pause;
  extra?: ExtraMinutes;
}

/** What is switched on in a city; a snapshot has those alone where something is. */
export interface CityState {
  type: "city";
  cityId: string;
  pause?: Pause;
  extra?: ExtraMinutes;
}

/** A driver as now is. `skills`: their codes. `breakUntil`: on a break that ends then, or did. */
export interface DriverState {
  type: "driver";
  driverId: string;
  v: number;
  name: string;
  phone: string;
  cityId: string | null;
  status: DriverStatus;
  onShift: boolean;
  vehicle: Vehicle;
  skills?: string[];
  breakUntil?: number;
}

/** A driver's stops in visiting order, and the roads through them. `breakUntil`: on a break that ends then. */
export interface Plan {
  type: "plan";
  driverId: string;
  v: number;
  status: DriverStatus;
  onShift: boolean;
  stops: PlanStop[];
  geometry?: LineString;
  breakUntil?: number;
}

/**
 * An order as it now is. One whose status is final leaves the dispatcher's lists.
 *
 * `createdAt`: since when it waits; of one that is wanted later (`wantedAt`), when a driver is looked for.
 * `promisedAt`: by when it is to be at the door. `problem` (a code) and `problemText` (a sentence): why it has no
 * driver, no ETA or only an approximate one. `autoPickupAt`: a geofence took it for picked up, which a
 * dispatcher can still undo. `leftDropoffAt`: the driver left the customer's door and has not said how it went.
 * `needs`: codes of skills without which no driver is offered or given it.
 */
export interface OrderState {
  type: "order";
  orderId: string;
  v: number;
  status: OrderStatus;
  cityId: string | null;
  restaurantId: string | null;
  customerName: string;
  customerAddress: string;
  customerPhone: string;
  lat: number | null;
  lng: number | null;
  createdAt: number;
  promisedAt: number;
  driverId?: string;
  etaMinutes?: number;
  etaLow?: number;
  etaHigh?: number;
  problem?: Problem;
  problemText?: string;
  readyAt?: number;
  autoPickupAt?: number;
  leftDropoffAt?: number;
  wantedAt?: number;
  number?: string;
  bags?: number;
  items?: Item[];
  needs?: string[];
  kitchenNote?: string;
  driverNote?: string;
  doorNote?: string;
  cashDue?: string;
  ageCheck?: number;
}

/** The latest position of each driver of a city that moved since the last of these frames. */
export interface FleetPositions {
  type: "driver_pos";
  cityId: string;
  drivers: FleetPosition[];
}

/** What the filter turned away on a driver's present socket since `since`, by name; `last` at `v` (ms). */
export interface FixTrouble {
  type: "fixes";
  driverId: string;
  v: number;
  since: number;
  last: string;
  rejected: Record<string, number>;
}

/** A geofence moved an order along, and why. */
export interface GeofenceEvent {
  type: "geofence";
  orderId: string;
  driverId: string | null;
  status: OrderStatus;
  at: number;
  evidence?: Record<string, unknown>;
}

/**
 * A driver pressed `says` without a network, and it came when people had decided otherwise. A dispatcher settles
 * it; `settled` ones leave the list.
 */
export interface ConflictState {
  type: "conflict";
  conflictId: string;
  v: number;
  orderId: string;
  cityId: string | null;
  restaurantId: string | null;
  customerName: string;
  customerAddress: string;
  number: string;
  driverId: string;
  driverName: string;
  says: OrderStatus;
  pressedAt: number;
  toldAt: number;
  against: Against;
  settled: boolean;
}

/**
 * What a dispatcher should look at, `since` then: of a driver, or of an order that has none. Beside a driver,
 * `orderId` is what it concerns there. `dueAt`: when the planned shift ends. `seenBy`: who looks after it, so
 * that it is quiet. One that is `ended` leaves the list.
 */
export interface AlertState {
  type: "alert";
  alertId: string;
  v: number;
  kind: AlertKind;
  cityId: string | null;
  since: number;
  driverId?: string;
  orderId?: string;
  dueAt?: number;
  seenBy?: string;
  ended?: boolean;
}

/** By whose clocks times are told, whether these count to 12 or to 24, and in which units distances are. */
export interface Locale {
  timeZone: string;
  clock: Clock;
  units: Units;
}

/** The tiles' address, their deepest zoom, and who is to be named as their source. */
export interface MapConfig {
  tileUrl: string;
  attribution: string;
  attributionUrl: string;
  maxDataZoom: number;
}

/**
 * What is asked of the server. `subject` stands in each for the id of the order, driver, conflict, alert,
 * restaurant or city, `other` for that of another driver.
 */
export interface Urls {
  subject: string;
  other: string;
  proposals: string;
  remedies: string;
  saving: string;
  assign: string;
  unassign: string;
  serveFirst: string;
  unpin: string;
  rearrange: string;
  succession: string;
  successionTo: string;
  handOn: string;
  handBack: string;
  cancel: string;
  undoPickup: string;
  close: string;
  settle: string;
  seeAlert: string;
  pause: string;
  resume: string;
  promiseLater: string;
  promiseAsUsual: string;
}

/** How statuses are called, in the order in which they are listed; and the sets that decide what can be done. */
export interface Statuses {
  orders: Record<OrderStatus, string>;
  drivers: Record<DriverStatus, string>;
  events: Record<OrderStatus, StatusChange>;
  vehicles: Record<Vehicle, string>;
  beforePickup: OrderStatus[];
  inTheBag: OrderStatus[];
  final: OrderStatus[];
  passingProblems: Problem[];
}

/** The form's fields that a pin follows, by their ids; "" where there is none. */
export interface PinFields {
  lat: string;
  lng: string;
  address: string;
  radius?: string;
  city?: string;
}

/** A road, as GeoJSON: [longitude, latitude], two of them or more. */
export interface LineString {
  type: "LineString";
  coordinates: number[][];
}

export type OrderStatus = "scheduled" | "pending" | "assigned" | "to_restaurant" | "driver_at_restaurant" | "picked_up" | "driver_nearby" | "delivered" | "cancelled" | "failed";

/** Nobody is sent for food; `until`: null where somebody has to end it. `reason`: a dispatcher's own words. */
export interface Pause {
  since: number;
  until: number | null;
  reason: string;
}

/** Who orders meanwhile is promised so many `minutes` more. */
export interface ExtraMinutes {
  minutes: number;
  since: number;
  until: number;
}

export type DriverStatus = "offline" | "idle" | "to_restaurant" | "delivering";

export type Vehicle = "car" | "scooter" | "bicycle" | "foot";

export type Problem = "restaurant_unplaced" | "customer_unplaced" | "restaurant_at_zero" | "customer_at_zero" | "restaurant_far" | "customer_far" | "customer_doubtful" | "customer_outside" | "restaurant_unreachable" | "customer_unreachable" | "restaurant_closed" | "restaurant_paused" | "restaurant_closes" | "city_closed" | "city_paused" | "no_driver" | "driver_unplaced" | "driver_off_road" | "driver_silent" | "shift_over" | "shift_ends" | "on_break" | "too_big" | "lacks_skill" | "no_room" | "in_another_bag" | "leg_kept" | "contradictory" | "earlier_stop" | "roads_away";

/**
 * The step that people took: `status` and when, who (`by`, in words) and why; `driverName`: who had the order
 * from then on, where it went to another driver.
 */
export interface Against {
  status: OrderStatus;
  at: number;
  by: string;
  reason?: string;
  driverName?: string;
}

export type AlertKind = "unassigned" | "not_set_out" | "at_restaurant" | "standing" | "off_route" | "silent" | "shift_ending";

export type Clock = "12h" | "24h";

export type Units = "mi" | "km";

export interface Place {
  lat: number;
  lng: number;
  name: string;
}

/** Degrees. */
export interface LatLng {
  lat: number;
  lng: number;
}

export interface CityOfPage {
  lat: number;
  lng: number;
  id: string;
  name: string;
  locale: Locale;
}

/** `label`: as people read it. */
export interface FoundAddress {
  lat: number;
  lng: number;
  label: string;
  sure: boolean;
}

/**
 * One stop of the visiting order that a dispatcher wants; `pinned`: it stays at its place.
 *
 * Named by what is done there: stops that come back with their order are other ones.
 */
export interface Wish {
  order: string;
  kind: StopKind;
  pinned: boolean;
}

/** An order, and the driver who takes it. */
export interface Move {
  order: string;
  driver: string;
}

/** By how much later than now an order that the driver has already would become late. */
export interface Delay {
  orderId: string;
  minutes: number;
}

/** What would help a late order. `moves`: the order that goes to the driver, or comes first. */
export interface Remedy {
  kind: "reassign" | "relieve" | "first";
  moves: string;
  driverId: string;
  savedMinutes: number;
  reliefMinutes: number;
}

/** The planner's order of a driver's stops (ids), and what it saves; km below 0 is a longer way. */
export interface Saving {
  stops: string[];
  minutes: number;
  km: number;
}

export interface PlanStop {
  stopId: string;
  orderId: string;
  kind: StopKind;
  lat: number | null;
  lng: number | null;
  name: string;
  address: string;
  orderStatus: OrderStatus;
  eta?: number;
  arrivedAt?: number;
  leftAt?: number;
  readyAt?: number;
  seenAt?: number;
  pinned?: boolean;
  number?: string;
  bags?: number;
  items?: Item[];
  needs?: string[];
  phone?: string;
  note?: string;
  doorNote?: string;
  tip?: string;
  cashDue?: string;
  ageCheck?: number;
}

/** `text`: what it is, with whatever was wished for. */
export interface Item {
  count: number;
  text: string;
}

export interface FleetPosition {
  driverId: string;
  lat: number;
  lng: number;
  ts: number;
  speed?: number;
  heading?: number;
  battery?: number;
  background?: boolean;
}

/** What happened when an order took a status, and its icon (templates/icons.html). */
export interface StatusChange {
  words: string;
  icon: string;
}

export type StopKind = "pickup" | "dropoff" | "return" | "transfer";

/** Who takes an order that a driver hands on, and when it is at the door then. */
export interface Heir {
  orderId: string;
  driverId: string;
  lateMinutes: number;
  deliveredAt: number | null;
}

/** Why nobody can take this order: a code and a sentence. */
export interface Heirless {
  orderId: string;
  problem: Problem;
  message: string;
}

/** What it would mean that this driver takes the order: more work, when it is at the door, what becomes late. */
export interface Offer {
  driverId: string;
  addedMinutes: number;
  lateMinutes: number;
  deliveredAt: number | null;
  delays: Delay[];
}

/** Why this driver can't take the order: a code and a sentence. */
export interface Unable {
  driverId: string;
  problem: Problem;
  message: string;
}

export type ControlFrame = Hello | Ready | Heartbeat | Error;

export type CustomerFrame = Eta | EtaUnknown | Route | RouteHidden | DriverHidden | DriverPosition | CustomerStatus;

export type DispatcherFrame = RestaurantState | CityState | DriverState | Plan | OrderState | FleetPositions | FixTrouble | GeofenceEvent | ConflictState | AlertState;
