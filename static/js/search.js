// The search field: suggestions while somebody types, the advanced form below the field. Loaded when the field is first
// touched. The server makes the options (webmail/suggesting.py) and the form; both are plain pages without this module.

import { commands, getHtml, go, main, parse, post, view } from "./client.js";

const form = document.querySelector(".topbar .search");
const field = form.querySelector("input");
const list = form.querySelector(".suggestions");
const known = new Map();  // text → options, for as long as the page stands
const KEPT = 60;

/* --- the list ------------------------------------------------------------------ */
const options = () => [...list.querySelectorAll("[role=option]")];
const chosen = () => list.querySelector("[aria-selected=true]");
let asking = null, typed = field.value;

function open(html) {
  list.replaceChildren(parse(html));
  const any = list.childElementCount > 0 && document.activeElement === field;
  list.hidden = !any;
  field.setAttribute("aria-expanded", any);
  field.removeAttribute("aria-activedescendant");
}

function close() {
  asking?.abort();
  asking = null;
  list.hidden = true;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

async function suggest() {
  typed = field.value;
  asking?.abort();
  if (known.has(typed)) { open(known.get(typed)); return; }
  const mine = asking = new AbortController();
  const text = typed;
  try {
    const html = await getHtml(`/mail/search/suggest/?${new URLSearchParams({ q: text })}`, { how: "1", signal: mine.signal });
    if (known.size >= KEPT) known.clear();
    known.set(text, html);
    if (asking === mine) open(html);
  } catch {
    if (asking === mine) close();  // typing goes on without suggestions
  }
}

function choose(option) {
  chosen()?.setAttribute("aria-selected", "false");
  if (!option) {
    field.value = typed;
    field.removeAttribute("aria-activedescendant");
    return;
  }
  option.setAttribute("aria-selected", "true");
  option.scrollIntoView({ block: "nearest" });
  field.setAttribute("aria-activedescendant", option.id);
  if (option.dataset.query) field.value = option.dataset.query;
}

function take(option) {
  const { url, query, more } = option.dataset;
  if (url) { close(); field.value = typed; field.blur(); go(url); return; }
  field.value = query;
  field.setSelectionRange(query.length, query.length);
  if (more !== undefined) { suggest(); return; }
  form.requestSubmit();
}

async function forget(option) {
  const text = option.dataset.query;
  option.remove();
  known.clear();
  if (!options().length) close();
  await post("/mail/search/recent/", { q: text, forget: 1 }).catch(() => {});
}

field.addEventListener("input", suggest);
field.addEventListener("focus", () => { if (list.hidden) suggest(); });
field.addEventListener("click", () => { if (list.hidden) suggest(); });
field.addEventListener("blur", () => setTimeout(() => { if (!form.contains(document.activeElement)) close(); }));

field.addEventListener("keydown", (event) => {
  if (event.isComposing) return;
  const all = options(), now = all.indexOf(chosen());
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    if (list.hidden) { suggest(); return; }
    const to = now + (event.key === "ArrowDown" ? 1 : now < 0 ? all.length : -1);
    choose(all[to === all.length || to < 0 ? -1 : to]);  // past either end is what was typed
  } else if (event.key === "Enter" && !list.hidden && chosen()) {
    event.preventDefault();
    take(chosen());
  } else if (event.key === "Escape" && !list.hidden) {
    event.preventDefault();
    event.stopPropagation();
    choose(null);
    close();
  } else if (event.key === "Delete" && event.shiftKey && chosen()?.dataset.kind === "recent") {
    event.preventDefault();
    const next = all[now + 1] ?? all[now - 1];
    forget(chosen());
    choose(next);
  }
});

list.addEventListener("pointerdown", (event) => { if (event.pointerType === "mouse") event.preventDefault(); });  // the field keeps the focus
list.addEventListener("click", (event) => {
  const option = event.target.closest("[role=option]");
  if (!option) return;
  field.focus();
  if (event.target.closest("[data-forget]")) forget(option);
  else take(option);
});

form.addEventListener("submit", () => {
  close();
  closePanel();
  const text = field.value.trim();
  known.clear();
  if (text) post("/mail/search/recent/", { q: text }).catch(() => {});
});

function clear() {
  field.value = "";
  field.focus();
  suggest();
}

/* --- the advanced form ------------------------------------------------------------ */
let panel = null;

async function openPanel() {
  close();
  if (!panel) {
    panel = document.createElement("div");
    panel.className = "search-panel";
    panel.id = "search-panel";
    panel.popover = "auto";
    form.parentElement.append(panel);
    panel.addEventListener("submit", () => closePanel());
  }
  if (panel.matches(":popover-open")) { closePanel(); return; }
  panel.replaceChildren(parse(await getHtml(`/mail/search/advanced/?${new URLSearchParams({ q: field.value })}`, { how: "1" })));
  panel.showPopover();
  panel.querySelector("input:not([type=hidden])").focus();
}

function closePanel() {
  if (panel?.matches(":popover-open")) panel.hidePopover();
}

document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-search-clear]")) { clear(); return; }
  const opener = event.target.closest?.("[data-advanced-search]");
  if (!opener || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  event.stopPropagation();
  openPanel().catch(() => go(opener.href));
}, true);

/* --- the line that a form made is the address ---------------------------------------- */
function settle() {
  const { canonical } = view();
  if (canonical) history.replaceState(history.state, "", canonical);
  closePanel();
}
document.addEventListener("mail:view", settle);
settle();

commands.set("search", () => { field.focus(); field.select(); });
if (document.activeElement === field) suggest();
