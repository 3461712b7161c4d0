// @ts-check
// A WebSocket that stays. It reconnects by itself (jittered backoff; at once when the network or the page comes
// back), notices silence, and hands over every snapshot as a whole.

import { setServerTime } from "./clock.js";
import { backoff, Conversation } from "./conversation.js";

/** @typedef {"connecting" | "live" | "waiting" | "refused"} State */
/**
 * `snapshot` replaces everything known, `change` is one frame after it.
 * @template Frame
 * @typedef {{ snapshot(frames: Frame[]): void, change(frame: Frame): void, state(state: State): void }} Handlers
 */

const OPENING_MS = 10_000;
const SILENCE_MS = 25_000; // two heartbeats of 10 s missed

/** Bad request, not signed in, not found: the server won't have us, and asking again won't change that. */
const REFUSALS = new Set([4400, 4401, 4404]);

/** @template {{ type: string }} Frame */
export class LiveSocket {
  #path;
  #handlers;
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Conversation<Frame>} */
  #conversation = new Conversation();
  #attempts = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #heardAt = 0;
  /** @type {State | null} */
  state = null;

  /**
   * @param {string} path such as the `socket` of a page's data
   * @param {Handlers<Frame>} handlers
   */
  constructor(path, handlers) {
    this.#path = path;
    this.#handlers = handlers;
    addEventListener("online", () => this.#resume());
    addEventListener("pageshow", (event) => event.persisted && this.#resume());
    document.addEventListener("visibilitychange", () => document.hidden || this.#resume());
    this.#connect();
  }

  #connect() {
    this.#drop();
    this.#setState("connecting");
    const url = new URL(this.#path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    this.#conversation = new Conversation();
    socket.onmessage = (message) => this.#hear(JSON.parse(message.data));
    socket.onclose = (event) => (REFUSALS.has(event.code) ? this.#giveUp() : this.#retry());
    this.#watch(OPENING_MS);
  }

  /** @param {Parameters<Conversation<Frame>["hear"]>[0]} frame */
  #hear(frame) {
    this.#heardAt = Date.now();
    this.#watch(SILENCE_MS);
    const { now, snapshot, change } = this.#conversation.hear(frame);
    if (now !== undefined) setServerTime(now);
    if (change) this.#handlers.change(change);
    if (snapshot) {
      this.#attempts = 0;
      this.#handlers.snapshot(snapshot);
      this.#setState("live");
    }
  }

  /** @param {number} ms */
  #watch(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#retry(), ms);
  }

  #retry() {
    this.#drop();
    this.#timer = setTimeout(() => this.#connect(), backoff(this.#attempts++, Math.random()));
    this.#setState("waiting");
  }

  #giveUp() {
    this.#drop();
    this.#setState("refused");
  }

  /** The network or the page is back: timers may have slept, so trust only what was heard lately. */
  #resume() {
    const fresh = this.state === "live" && Date.now() - this.#heardAt < SILENCE_MS;
    if (!fresh && this.state !== "refused") {
      this.#attempts = 0;
      this.#connect();
    }
  }

  #drop() {
    clearTimeout(this.#timer);
    if (!this.#socket) return;
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  /** @param {State} state */
  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.#handlers.state(state);
  }
}
