// The reading pane (webmail spec 2.9): a conversation beside or below its list. The list stays the view, with its keys,
// its selection and its news; the conversation's facts are #reading, and the address bar and the history name it. The
// server draws the pane's place with the list, so nothing moves when this module comes.

import { address, hasPane, load, noteBeside, parse, view, words } from "./client.js";
import { remember } from "./components.js";
import { rowOf, setCursor } from "./list.js";
import { toast } from "./toast.js";

const root = document.documentElement;
const pane = () => document.getElementById("pane");
/** What is open, whatever else its address says: a conversation, or one message where lists are of messages. */
function path(url) {
  const { pathname, searchParams } = new URL(url, location.href), message = searchParams.get("message");
  return message ? `${pathname}?message=${message}` : pathname;
}
const rowAt = (url) => rowOf(path(url).match(/(\d+)\/?$/)?.[1] ?? "");
let coming = null;  // the address that is on its way

/** What the address of a conversation carries so that a reload shows the same page of the list. */
function withPage(url) {
  const full = new URL(url, location.href), here = new URL(address(), location.href).searchParams;
  for (const name of ["before", "after", "last", "page", "sort"]) if (here.get(name)) full.searchParams.set(name, here.get(name));
  return full.href;
}

async function fill(url) {
  const mine = coming = url, place = pane();
  place.setAttribute("aria-busy", "true");
  try {
    const html = await load(url, { how: "pane" });
    if (mine !== coming || !place.isConnected) return false;
    place.replaceChildren(parse(html));
    place.dataset.open = path(url);
    place.querySelector(".sheet-body")?.scrollTo(0, 0);
    mark(true);
    document.dispatchEvent(new CustomEvent("mail:reading"));
    return true;
  } catch (problem) {
    if (mine === coming) toast(problem, { actions: [{ text: words.retry, run: () => show(url) }] });
    return false;
  } finally {
    if (mine === coming) coming = null;
    place.removeAttribute("aria-busy");
  }
}

function mark(open) {
  document.querySelector("#main > [data-toolbar]")?.toggleAttribute("data-reading", open);
  for (const row of document.querySelectorAll("#main .row.open")) row.classList.remove("open");
  if (open) rowAt(pane().dataset.open)?.classList.add("open");
}

/** Shows a conversation beside the list; the address bar follows. */
export async function show(url) {
  const place = pane();
  if (place.dataset.open === path(url)) { focusText(); return; }
  const list = address(), full = withPage(url);
  const row = rowAt(url);
  if (row) quietly(() => setCursor(row, { focus: !place.contains(document.activeElement) }));
  document.getElementById("view").dataset.at = list;
  noteBeside(full, { at: full, replace: Boolean(history.state?.pane) });  // Back leads to the list alone
  await fill(full);
}

/** What the history says is open: after Back and Forward. */
export async function restore(url) {
  if (!hasPane()) return;
  if (!url) { close(); return; }
  if (pane().dataset.open === path(url)) return;
  document.getElementById("view").dataset.at ??= view().boxUrl;
  await fill(url);
}

function close() {
  const place = pane();
  coming = null;
  delete place.dataset.open;
  const view = document.getElementById("view");
  delete view.dataset.at;
  place.replaceChildren();
  mark(false);
}

const focusText = () => pane().querySelector(".subject")?.focus({ preventScroll: true });

/* --- the cursor leads ------------------------------------------------------------- */
let quiet = false, next = 0, since = 0;
function quietly(run) { quiet = true; try { run(); } finally { quiet = false; } }

document.addEventListener("mail:cursor", ({ detail: { row } }) => {
  const link = row?.querySelector(".row-link:not([data-compose])");
  if (quiet || !link || !hasPane() || path(link.href) === pane().dataset.open) return;
  if (!pane().dataset.open && document.activeElement !== row) return;  // a list that is only drawn opens nothing
  clearTimeout(next);
  const now = performance.now();
  if (now - since > 200) show(link.href);
  else next = setTimeout(() => show(link.href), 120);  // a key that is held down passes over
  since = now;
});

/* The open conversation has left the list, and nothing took its place. */
const gone = new MutationObserver(() => {
  const place = pane();
  if (!place?.dataset.open || rowAt(place.dataset.open) || document.querySelector("#main [data-rows] > .row")) return;
  noteBeside(address(), { at: null, replace: true });
  close();
});

/* --- the split ---------------------------------------------------------------------- */
const share = () => Number(root.dataset.split) || 42;
function setShare(value, { keep = true } = {}) {
  const near = Math.min(80, Math.max(20, Math.round(value / 2) * 2));
  root.dataset.split = near;
  document.querySelector("[data-pane-grip]")?.setAttribute("aria-valuenow", near);
  if (keep) remember("split", near);
}

document.addEventListener("pointerdown", (event) => {
  const grip = event.target.closest?.("[data-pane-grip]");
  if (!grip || event.button) return;
  event.preventDefault();
  grip.setPointerCapture(event.pointerId);
  root.classList.add("splitting");
  const box = document.getElementById("main").getBoundingClientRect(), below = root.dataset.pane === "below";
  const top = below ? box.top + document.querySelector("#main > .toolbar").offsetHeight : box.top;
  const move = ({ clientX, clientY }) => {
    const rtl = getComputedStyle(root).direction === "rtl";
    const part = below ? (clientY - top) / (box.bottom - top) : (rtl ? box.right - clientX : clientX - box.left) / box.width;
    setShare(part * 100, { keep: false });
  };
  grip.addEventListener("pointermove", move);
  grip.addEventListener("lostpointercapture", () => {
    grip.removeEventListener("pointermove", move);
    root.classList.remove("splitting");
    setShare(share());
  }, { once: true });
});

document.addEventListener("keydown", (event) => {
  if (!event.target.matches?.("[data-pane-grip]")) return;
  const rtl = getComputedStyle(root).direction === "rtl";
  const step = { ArrowUp: -2, ArrowDown: 2, ArrowLeft: rtl ? 2 : -2, ArrowRight: rtl ? -2 : 2 }[event.key];
  if (!step) return;
  event.preventDefault();
  event.stopPropagation();
  setShare(share() + step);
}, true);

/** For a view that has just been shown, and for the page that the server drew with a conversation beside the list. */
export function start() {
  const place = pane(), list = document.querySelector("#main [data-rows]");
  if (!place) return;
  gone.disconnect();
  if (list) gone.observe(list, { childList: true });
  if (!place.dataset.open || !document.getElementById("reading")) return;
  if (!hasPane()) { location.reload(); return; }
  document.getElementById("view").dataset.at ??= place.dataset.list;
  if (!history.state?.pane) noteBeside(location.href, { at: location.href, replace: true });
  mark(true);
  const row = rowAt(place.dataset.open);
  if (row) quietly(() => setCursor(row, { focus: false }));
  document.dispatchEvent(new CustomEvent("mail:reading"));
}
