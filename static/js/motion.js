// @ts-check
// Whether this person wants things on the page to move.

export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
