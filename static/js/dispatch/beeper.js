// @ts-check
// A short sound, made by code. Browsers allow none before the first click or key on a page: until then it waits.

/** @typedef {"waiting" | "on" | "muted"} SoundState */

const MUTED = "muted";
/** Two notes (Hz), each so long (s), and so loud (of 1). */
const NOTES = [784, 1047];
const NOTE_S = 0.13;
const LOUD = 0.2;

export class Beeper {
  #storage;
  #makeContext;
  /** @type {AudioContext | null} */
  #context = null;
  /** How often it sounded. */
  played = 0;
  /** Called whenever `state` may be another one. */
  changed = () => {};

  /**
   * @param {Pick<Storage, "getItem" | "setItem">} storage remembers that it is muted
   * @param {() => AudioContext} makeContext
   */
  constructor(storage, makeContext = () => new AudioContext()) {
    this.#storage = storage;
    this.#makeContext = makeContext;
  }

  /** @returns {SoundState} */
  get state() {
    if (this.#storage.getItem(MUTED)) return "muted";
    return this.#context?.state === "running" ? "on" : "waiting";
  }

  /** Somebody clicked or pressed a key: from now on a sound is allowed, soon after. */
  async unlock() {
    if (!this.#context) {
      this.#context = this.#makeContext();
      this.#context.onstatechange = () => this.changed();
    }
    await this.#context.resume();
    this.changed();
  }

  /** The button was clicked, which is a click as well: what waited for one is on, and sounds as it will. */
  async toggle() {
    this.#storage.setItem(MUTED, this.state === "on" ? "1" : "");
    this.changed();
    await this.unlock();
    this.beep();
  }

  /** Sounds, unless it is muted or not allowed yet. */
  beep() {
    const context = this.#context;
    if (!context || this.state !== "on") return;
    this.played += 1;
    NOTES.forEach((frequency, n) => {
      const oscillator = context.createOscillator();
      const gain = context.createGain();
      const begin = context.currentTime + n * NOTE_S;
      oscillator.frequency.value = frequency;
      // Without a slope at both ends it would click.
      gain.gain.setValueAtTime(0, begin);
      gain.gain.linearRampToValueAtTime(LOUD, begin + 0.01);
      gain.gain.linearRampToValueAtTime(0, begin + NOTE_S);
      oscillator.connect(gain).connect(context.destination);
      oscillator.start(begin);
      oscillator.stop(begin + NOTE_S);
    });
  }
}
