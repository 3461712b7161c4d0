// Building and updating elements. Data reaches the page as text or attributes only, never as markup.

/** An element: properties starting with `on` are listeners, `null`/`false` leave an attribute out. */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(
    ...children.flat().filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/** Writes only what differs: a live region that is set to what it says already would be read out again. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const SVG = "http://www.w3.org/2000/svg";

/** An icon of templates/icons.html. */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/** What the server passed with json_script. */
export function pageData(id) {
  return JSON.parse(document.getElementById(id).textContent);
}

const rows = new WeakMap();

/**
 * Makes the children of `container` match `items`: rows are made once per key, updated in place, and moved only
 * where the order changed, so that focus and scroll position survive.
 */
export function syncList(container, items, key, create, update) {
  const before = rows.get(container) ?? new Map();
  const after = new Map();
  let place = container.firstElementChild;
  for (const item of items) {
    const id = key(item);
    const row = before.get(id) ?? create(item);
    before.delete(id);
    after.set(id, row);
    update(row, item);
    if (row === place) place = place.nextElementSibling;
    else container.insertBefore(row, place);
  }
  for (const row of before.values()) row.remove();
  rows.set(container, after);
}

/** A copy of what a <template> holds, with its `data-field` elements at hand as `fields`. */
export function fromTemplate(id) {
  const element = document.getElementById(id).content.firstElementChild.cloneNode(true);
  return withFields(element);
}

export function withFields(element) {
  element.fields = Object.fromEntries(
    [...element.querySelectorAll("[data-field]")].map((field) => [field.dataset.field, field]),
  );
  return element;
}

/** Fills `data-field` elements with texts; an empty one is hidden. */
export function fill(element, texts) {
  for (const [name, text] of Object.entries(texts)) {
    const field = element.fields[name];
    setText(field, text ?? "");
    field.hidden = !text;
  }
}
