// A WebSocket that stays. It reconnects by itself (jittered backoff; at once when the network or the page comes
// back), notices silence, and hands over every snapshot as a whole: the frames between `hello` and `ready`.

import { setServerTime } from "./clock.js";

const OPENING_MS = 10_000;
const SILENCE_MS = 25_000; // two heartbeats of 10 s missed
const BACKOFF_MS = { first: 500, most: 10_000 };

/** Bad request, not signed in, not found: the server won't have us, and asking again won't change that. */
const REFUSALS = new Set([4400, 4401, 4404]);

export class LiveSocket {
  #path;
  #handlers;
  #socket = null;
  #snapshot = null;
  #attempts = 0;
  #timer = 0;
  #heardAt = 0;

  /**
   * @param path such as `/ws?role=dispatcher`
   * @param handlers `snapshot(frames)` replaces everything known, `frame(frame)` is one change, `state(state)` is
   *   "connecting", "live", "waiting" or "refused".
   */
  constructor(path, handlers) {
    this.#path = path;
    this.#handlers = handlers;
    this.state = null;
    addEventListener("online", () => this.#resume());
    addEventListener("pageshow", (event) => event.persisted && this.#resume());
    document.addEventListener("visibilitychange", () => document.hidden || this.#resume());
    this.#connect();
  }

  /** Takes a fresh snapshot. */
  resync() {
    if (this.state === "live") this.#connect();
  }

  #connect() {
    this.#drop();
    this.#setState("connecting");
    const url = new URL(this.#path, location.href);
    url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(url);
    this.#socket = socket;
    socket.onmessage = (message) => this.#hear(JSON.parse(message.data));
    socket.onclose = (event) => (REFUSALS.has(event.code) ? this.#giveUp() : this.#retry());
    this.#watch(OPENING_MS);
  }

  #hear(frame) {
    this.#heardAt = Date.now();
    this.#watch(SILENCE_MS);
    if (frame.type === "hello") {
      setServerTime(frame.now);
      this.#snapshot = [];
    } else if (frame.type === "ready") {
      const frames = this.#snapshot;
      this.#snapshot = null;
      this.#attempts = 0;
      this.#handlers.snapshot(frames);
      this.#setState("live");
    } else if (frame.type === "heartbeat") {
      setServerTime(frame.now);
    } else if (this.#snapshot) {
      this.#snapshot.push(frame);
    } else {
      this.#handlers.frame(frame);
    }
  }

  #watch(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#retry(), ms);
  }

  #retry() {
    this.#drop();
    const ceiling = Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** this.#attempts++);
    this.#timer = setTimeout(() => this.#connect(), ceiling * (0.5 + Math.random() / 2));
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
    this.#snapshot = null;
    if (!this.#socket) return;
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#socket = null;
  }

  #setState(state) {
    if (state === this.state) return;
    this.state = state;
    this.#handlers.state(state);
  }
}
