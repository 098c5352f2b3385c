// The menus that choose where to, which labels, until when, and which label to go to: a field that filters, arrow keys,
// Enter, and boxes of three states. Escape, or a click beside it, closes a menu without a change (they are popovers).
// Loaded when one is first opened; js/actions.js opens them.

import { fingers } from "./components.js";
import { getHtml, go, parse, view } from "./client.js";
import { factsOf, run } from "./actions.js";

const NEXT = { false: "true", true: "false", mixed: "true" };
const MINUTE = 60_000;
let meantFor = [];  // the conversations a menu was opened for
let drawn = Date.now();  // when the moments of the snooze menu were worked out

const itemsOf = (menu) => [...menu.querySelectorAll("button.menu-item, a.menu-item")].filter((item) => !item.hidden);
const boxes = (menu) => [...menu.querySelectorAll('[role="checkbox"][name="target"]')];

/** A menu opens: everything is listed, and labels say what the conversations have. */
export function prepare(menu, ids) {
  meantFor = ids;
  if (menu.id === "snooze-menu") { freshen(menu); return; }
  if (menu.id === "goto-menu") { goToLabel(menu); return; }
  filter(menu, menu.querySelector("[data-filter]").value);
  if (menu.dataset.chooser !== "label") return;
  const sets = view().view === "conversation" ? [new Set(view().boxes?.split(" "))] : factsOf(ids).map((row) => new Set(row.boxes?.split(" ")));
  for (const item of boxes(menu)) {
    const having = sets.filter((set) => set.has(item.value)).length;
    item.dataset.was = having === 0 ? "false" : having === sets.length ? "true" : "mixed";
    item.setAttribute("aria-checked", item.dataset.was);
  }
  showApply(menu);
}

/* --- filtering, and the item that the arrow keys are at --------------------------- */
function filter(menu, text) {
  const wanted = text.trim().toLocaleLowerCase();
  let exact = false;
  for (const item of menu.querySelectorAll("[data-name]")) {
    const name = item.dataset.name.toLocaleLowerCase();
    item.hidden = !name.includes(wanted);
    exact ||= name === wanted;
  }
  for (const item of menu.querySelectorAll("[data-unfiltered]")) item.hidden = wanted !== "";
  const make = menu.querySelector("[data-make]");
  if (make) {
    make.hidden = !wanted || exact;
    make.value = text.trim();
    make.querySelector("[data-make-name]").textContent = text.trim();
  }
  point(menu, wanted ? itemsOf(menu)[0] : null);
}

function point(menu, item) {
  for (const other of menu.querySelectorAll(".menu-item.pointed")) other.classList.remove("pointed");
  const field = menu.querySelector("[data-filter]");
  if (!item) { field.removeAttribute("aria-activedescendant"); return; }
  item.id ||= `choice-${Math.random().toString(36).slice(2)}`;
  item.classList.add("pointed");
  item.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", item.id);
}

/** A key in the field. Enter does what is pointed at; with nothing pointed at it applies what was changed. */
export function key(field, name) {
  const menu = field.closest(".menu"), items = itemsOf(menu);
  const now = items.findIndex((item) => item.classList.contains("pointed"));
  if (name !== "Enter") {
    const to = now < 0 ? (name === "ArrowDown" ? 0 : items.length - 1) : now + (name === "ArrowDown" ? 1 : -1);
    point(menu, items[(to + items.length) % items.length]);
    return;
  }
  const item = items[now];
  if (!item) { if (changed(menu)) apply(menu); return; }
  if (item.getAttribute("role") === "checkbox") { turn(item); apply(menu); } else item.click();
}

document.addEventListener("input", (event) => {
  if (event.target.matches?.("[data-filter]")) filter(event.target.closest(".menu"), event.target.value);
});

/* --- labels: boxes of three states, applied together -------------------------------- */
const changed = (menu) => boxes(menu).some((item) => item.getAttribute("aria-checked") !== item.dataset.was);

function turn(item) {
  const now = item.getAttribute("aria-checked");
  item.setAttribute("aria-checked", now === "false" && item.dataset.was === "mixed" ? "mixed" : NEXT[now]);
  showApply(item.closest(".menu"));
}

function showApply(menu) {
  menu.querySelector("[data-apply]").hidden = !changed(menu);
}

function apply(menu) {
  const turned = (to) => boxes(menu).filter((item) => item.dataset.was !== to && item.getAttribute("aria-checked") === to).map((item) => item.value);
  const fields = { add: turned("true"), remove: turned("false") }, ids = meantFor;
  menu.hidePopover();
  if (fields.add.length || fields.remove.length) run("labels", fields, ids);
}

document.addEventListener("click", (event) => {
  const menu = event.target.closest?.('[data-chooser="label"]'), item = event.target.closest?.(".menu-item");
  if (!menu || !item) return;
  if (item.getAttribute("role") === "checkbox") { event.preventDefault(); turn(item); if (!fingers.matches) menu.querySelector("[data-filter]").focus(); }
  if ("apply" in item.dataset) apply(menu);
}, true);
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-chooser] [data-label-new], [data-chooser] a")) event.target.closest(".menu").hidePopover();
});

/* --- until when: worked out anew when the page is old --------------------------------- */
async function freshen(menu) {
  if (Date.now() - drawn < MINUTE) return;
  const fresh = parse(await getHtml(`/mail/snooze/?${new URLSearchParams({ box: view().box ?? "inbox" })}`));
  drawn = Date.now();
  if (!menu.contains(document.activeElement) || document.activeElement === menu) menu.querySelector("[data-snooze-choices]").replaceChildren(fresh);
}
document.addEventListener("mail:view", () => { drawn = Date.now(); });

/* --- going to a label by its name (g l) ------------------------------------------------ */
function goToLabel(menu) {
  const list = menu.querySelector("[data-labels-here]");
  list.replaceChildren(...[...document.querySelectorAll(".sidebar [data-labels] a[data-nav]")].map((link) => {
    const item = document.createElement("a");
    item.className = "menu-item";
    item.href = link.href;
    item.dataset.name = decodeURIComponent(link.dataset.nav.replace(/^label\//, "")).replace(/(^|\/)~/g, "$1");
    item.textContent = item.dataset.name;
    item.addEventListener("click", (event) => { event.preventDefault(); menu.hidePopover(); go(item.href); });
    return item;
  }));
  filter(menu, menu.querySelector("[data-filter]").value);
}
