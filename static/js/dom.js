// @ts-check
// Finding, building and updating elements. Data reaches the page as text or attributes only, never as markup.

/** @typedef {string | number | boolean | null | undefined} Value */
/** @typedef {Record<string, HTMLElement>} Fields the `data-field` elements of a part of the page, by name */
/** @typedef {HTMLElement & { fields: Fields }} Part */
/** @typedef {Part & { button: HTMLButtonElement }} Row a part that is clicked as a whole */

/**
 * The element of this id. Throws where the template has none, or one of another kind.
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} id
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof (kind ?? HTMLElement))) throw new Error(`the page has no such element: #${id}`);
  return /** @type {Kind} */ (element);
}

/**
 * The first element below `root` that matches. Throws where there is none, or one of another kind.
 * @template {Element} [Kind=HTMLElement]
 * @param {ParentNode} root
 * @param {string} selector
 * @param {new () => Kind} [kind]
 * @returns {Kind}
 */
export function find(root, selector, kind) {
  const element = root.querySelector(selector);
  if (!(element instanceof (kind ?? HTMLElement))) throw new Error(`the page has no such element: ${selector}`);
  return /** @type {Kind} */ (element);
}

/**
 * An element: functions among the properties are listeners (`onclick`), `null`/`false` leave an attribute out.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, Value | ((event: Event) => void)>} properties
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function el(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else setAttribute(element, name, value);
  }
  element.append(...children);
  return element;
}

/**
 * Sets what differs; `null`/`false` take the attribute away, `true` is an empty one.
 * @param {Element} element
 * @param {string} name
 * @param {Value} value
 */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (element.getAttribute(name) !== text) element.setAttribute(name, text);
}

/**
 * Writes only what differs: a live region that is set to what it says already would be read out again.
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const SVG = "http://www.w3.org/2000/svg";

/**
 * An icon of templates/icons.html.
 * @param {string} name
 */
export function icon(name, className = "icon") {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", className);
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

/**
 * What the server passed with json_script.
 * @param {string} id
 */
export function pageData(id) {
  return JSON.parse(byId(id).textContent ?? "");
}

/** @type {WeakMap<Element, Map<unknown, any>>} */
const rows = new WeakMap();

/**
 * Makes the children of `container` match `items`: rows are made once per key, updated in place, and moved only
 * where the order changed, so that focus and scroll position survive.
 * @template Item
 * @template {Element} Row
 * @param {Element} container
 * @param {Iterable<Item>} items
 * @param {(item: Item) => unknown} key
 * @param {(item: Item) => Row} create
 * @param {(row: Row, item: Item) => void} update
 */
export function syncList(container, items, key, create, update) {
  /** @type {Map<unknown, Row>} */
  const before = rows.get(container) ?? new Map();
  /** @type {Map<unknown, Row>} */
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

/**
 * A copy of what a <template> holds, with its `data-field` elements at hand as `fields`.
 * @param {string} id
 */
export function fromTemplate(id) {
  const first = byId(id, HTMLTemplateElement).content.firstElementChild;
  return withFields(/** @type {HTMLElement} */ (first?.cloneNode(true)));
}

/**
 * The same, of a row: its first button is at hand as `button`.
 * @param {string} id
 * @returns {Row}
 */
export function rowFromTemplate(id) {
  const part = fromTemplate(id);
  return Object.assign(part, { button: find(part, "button", HTMLButtonElement) });
}

/**
 * @template {HTMLElement} Kind
 * @param {Kind} element
 * @returns {Kind & { fields: Fields }}
 */
export function withFields(element) {
  const fields = /** @type {NodeListOf<HTMLElement>} */ (element.querySelectorAll("[data-field]"));
  return Object.assign(element, { fields: Object.fromEntries([...fields].map((field) => [field.dataset.field, field])) });
}

/**
 * Fills `data-field` elements with texts; an empty one is hidden.
 * @param {Part} part
 * @param {Record<string, string | false | 0 | null | undefined>} texts
 */
export function fill(part, texts) {
  for (const [name, text] of Object.entries(texts)) {
    const field = part.fields[name];
    setText(field, text || "");
    field.hidden = !text;
  }
}
