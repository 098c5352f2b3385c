// Behaviour of the components that CSS and HTML alone do not give: theme, left column, menus, dialogs, copy buttons,
// tabs of the keyboard. One listener per event on the document, so that swapped-in parts work without set-up.
// Never talks to the server; choices of looks go into cookies, which base.html reads.

import { toast } from "./toast.js";

const root = document.documentElement;
export const fingers = matchMedia("(pointer: coarse)");
const YEAR = 31_536_000;

export function remember(name, value) {
  document.cookie = `${name}=${value}; Path=/; Max-Age=${YEAR}; SameSite=Lax${location.protocol === "https:" ? "; Secure" : ""}`;
}

remember("tz", Intl.DateTimeFormat().resolvedOptions().timeZone);  // before somebody signs in: the first list has their clock

/* --- looks: theme and density are attributes of <html> ---------------------- */
function setLook(name, value) {
  root.dataset[name] = value;
  remember(name, value);
  showLooks();
  document.dispatchEvent(new CustomEvent("look", { detail: { name, value } }));
}

export function showLooks() {
  for (const name of ["theme", "density", "pane"]) {
    const attribute = `data-set-${name}`;
    for (const choice of document.querySelectorAll(`[${attribute}]`)) {
      const on = choice.getAttribute(attribute) === root.dataset[name];
      choice.setAttribute(choice.getAttribute("role") === "menuitemradio" ? "aria-checked" : "aria-pressed", on);
    }
  }
}

/* --- menus: native popovers; here only their keys and, for older engines, their place ------ */
const anchored = CSS.supports("position-area: block-end");

function placeBelow(menu, opener) {
  const at = opener.getBoundingClientRect(), own = menu.getBoundingClientRect();
  const rtl = getComputedStyle(root).direction === "rtl";
  const fromEnd = menu.classList.contains("from-end") !== rtl;
  let left = fromEnd ? at.right - own.width : at.left;
  let top = menu.classList.contains("upward") ? at.top - own.height - 4 : at.bottom;
  if (top + own.height > innerHeight) top = Math.max(8, at.top - own.height - 4);
  left = Math.min(Math.max(8, left), innerWidth - own.width - 8);
  Object.assign(menu.style, { left: `${left}px`, top: `${top}px`, right: "auto", bottom: "auto" });
}

function openerOf(menu) {
  return document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"][aria-expanded="true"]`)
    ?? document.querySelector(`[popovertarget="${CSS.escape(menu.id)}"]`);
}

const itemsOf = (menu) => [...menu.querySelectorAll('[role^="menuitem"], .menu-item')].filter((item) => item.offsetParent);

document.addEventListener("toggle", (event) => {
  const menu = event.target;
  if (!(menu instanceof HTMLElement) || !menu.classList.contains("menu")) return;
  const open = event.newState === "open";
  for (const opener of document.querySelectorAll(`[popovertarget="${CSS.escape(menu.id)}"]`)) opener.setAttribute("aria-expanded", open);
  if (!open) return;
  const opener = openerOf(menu);
  if (!anchored && opener) placeBelow(menu, opener);
  let first = menu.querySelector("[autofocus], input:not([type=hidden])") ?? (menu.role === "menu" ? itemsOf(menu)[0] : null);
  if (first?.matches("input") && fingers.matches) { menu.tabIndex = -1; first = menu; }  // a keyboard on the screen would cover what there is to choose
  first?.focus({ focusVisible: false });
}, true);

/** Opens a menu at a point: for right clicks and for the key ".". */
export function openMenuAt(menu, x, y) {
  menu.showPopover();
  menu.style.positionArea = "none";
  const own = menu.getBoundingClientRect();
  Object.assign(menu.style, { left: `${Math.min(x, innerWidth - own.width - 8)}px`, top: `${Math.min(y, innerHeight - own.height - 8)}px`, right: "auto", bottom: "auto" });
}

function moveInMenu(event, menu) {
  const items = itemsOf(menu), now = items.indexOf(document.activeElement);
  const to = { ArrowDown: now + 1, ArrowUp: now < 0 ? items.length - 1 : now - 1, Home: 0, End: items.length - 1 }[event.key];
  if (to === undefined || !items.length) return false;
  if (document.activeElement instanceof HTMLInputElement && ["Home", "End"].includes(event.key)) return false;
  items[(to + items.length) % items.length].focus();
  return true;
}

function moveInBar(event, bar) {
  const items = [...bar.querySelectorAll("button, a[href], [tabindex]")].filter((item) => item.offsetParent && !item.disabled);
  const rtl = getComputedStyle(bar).direction === "rtl";
  const step = { ArrowRight: rtl ? -1 : 1, ArrowLeft: rtl ? 1 : -1 }[event.key];
  const now = items.indexOf(document.activeElement);
  if (!step || now < 0) return false;
  items[(now + step + items.length) % items.length].focus();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const menu = event.target.closest?.(".menu");
  const bar = event.target.closest?.('[role="toolbar"], [role="tablist"]');
  if ((menu && moveInMenu(event, menu)) || (bar && !event.target.matches("input, textarea, select") && moveInBar(event, bar))) {
    event.preventDefault();
    event.stopPropagation();
  }
});

/* --- clicks ------------------------------------------------------------------ */
async function copy(button) {
  const source = document.getElementById(button.dataset.copyFrom) ?? button.closest(".copy")?.querySelector("[data-copy-text]");
  const text = source?.textContent ?? button.dataset.copy;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const range = document.createRange();  // no clipboard without TLS: select it, so that Ctrl+C does it
    if (!source) return;
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    if (!document.execCommand("copy")) return;
  }
  button.dataset.copied = "";
  const use = button.querySelector("svg");
  const check = document.createElementNS("http://www.w3.org/2000/svg", "use");
  check.setAttribute("href", "#icon-check");
  const before = [...use.childNodes];
  use.replaceChildren(check);
  setTimeout(() => { delete button.dataset.copied; use.replaceChildren(...before); }, 1500);
}

const clicks = {
  "[data-toggle-sidebar]": () => setLook("sidebar", root.dataset.sidebar === "rail" ? "full" : "rail"),
  "[data-set-theme]": (element) => setLook("theme", element.dataset.setTheme),
  "[data-set-density]": (element) => setLook("density", element.dataset.setDensity),
  "[data-set-pane]": (element) => setLook("pane", element.dataset.setPane),
  "[data-copy]": copy,
  "[data-opens]": (element) => document.getElementById(element.dataset.opens)?.showModal(),
  "[data-closes]": (element) => element.closest("dialog")?.close(),
  "[data-back]": () => history.back(),
};

document.addEventListener("click", (event) => {
  if (event.target instanceof HTMLDialogElement && event.target.hasAttribute("data-light")) event.target.close();
  for (const [selector, run] of Object.entries(clicks)) {
    const element = event.target.closest?.(selector);
    if (element) run(element, event);
  }
  const item = event.target.closest?.('.menu [role="menuitem"]');
  if (item) item.closest("[popover]")?.hidePopover();
});

// A form may ask once before it is sent: <form data-confirm="dialog-id">; the dialog's [data-confirmed] button sends it.
document.addEventListener("submit", (event) => {
  const form = event.target, id = form.dataset?.confirm;
  if (!id || form.dataset.confirmed === "yes") return;
  const dialog = document.getElementById(id);
  if (!dialog) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  const submitter = event.submitter;
  dialog.querySelector("[data-confirmed]").addEventListener("click", () => {
    dialog.close();
    form.dataset.confirmed = "yes";
    form.requestSubmit(submitter);
    delete form.dataset.confirmed;
  }, { once: true });
  dialog.showModal();
}, true);

showLooks();
export { toast };
