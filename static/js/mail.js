// The web client's entry: brings its modules together and keeps what is shown up to date. One browser holds one event
// stream (the tab that has the lock), and tells the other tabs through a channel; a ring only means "look again".

import { forgetAhead, getJson, later, lookAhead, reading, say, view } from "./client.js";
import { fill, missed, renew, update } from "./list.js";
import "./actions.js";
import "./keyboard.js";
import "./progress.js";

/* --- the conversation's module comes when a conversation is pointed at, or opened ------------------------ */
let module = null;
const conversation = () => (module ??= import("./conversation.js").catch((error) => { module = null; throw error; }));  // without a line: later
const isReading = () => reading().view === "conversation";

function accompany() {
  if (!isReading()) return;
  conversation().catch(() => {});
  const { newer, older } = reading();  // the next one is there before it is asked for
  setTimeout(() => { if (reading().older === older) for (const url of [older, newer]) if (url) lookAhead(url); }, 120);
}
for (const kind of ["pointerover", "focusin", "touchstart"]) {
  document.addEventListener(kind, (event) => { if (event.target.closest?.("[data-rows] > .row")) conversation().catch(() => {}); }, { passive: true });
}
document.addEventListener("mail:view", accompany);
document.addEventListener("mail:reading", accompany);
accompany();

/* --- attached files open over the page -------------------------------------------------------------------- */
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-preview]");
  if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  event.stopPropagation();
  import("./preview.js").then(({ open }) => open(link), () => location.assign(link.href));
}, true);

/* --- what fingers need -------------------------------------------------------------------------------- */
if (matchMedia("(pointer: coarse), (width <= 768px)").matches) (window.requestIdleCallback ?? setTimeout)(() => import("./touch.js"), { timeout: 1000 });

/* --- the search field's module comes when the field is touched, and with results ------------------------ */
const searching = () => import("./search.js");
for (const kind of ["focusin", "pointerover", "touchstart"]) {
  document.addEventListener(kind, (event) => { if (event.target.closest?.(".topbar .search, [data-advanced-search]")) searching(); }, { passive: true });
}
document.addEventListener("mail:view", () => { if (view().view === "search") searching(); });
if (view().view === "search") searching();

/* --- catching up ---------------------------------------------------------------------------------- */
let busy = false, again = false;

async function catchUp() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    do {
      again = false;
      await look();
    } while (again);
  } catch {
    /* the next ring, or the next look, tells it again */
  } finally {
    busy = false;
  }
}

async function look() {
  const { view: kind, box, clock, query } = view();
  if (kind === "conversation") { showCounts((await (await conversation()).catchUp())?.counts); return; }
  const place = kind === "list" || kind === "search" ? box : "inbox";
  const shown = document.getElementById("view");
  const news = await getJson(`/mail/live/rows/${place}/?${new URLSearchParams({ since: clock ?? known, ...(query ? { q: query } : {}) })}`);
  showCounts(news.counts);
  if (document.getElementById("view") !== shown || (kind !== "list" && kind !== "search")) return;
  if (news.reload) { forgetAhead(); await renew(); shown.dataset.clock = news.clock; return; }
  forgetAhead([...news.rows.map(({ id }) => id), ...news.gone]);
  shown.dataset.clock = news.clock;
  if (kind === "list") document.title = shown.dataset.title = news.title;
  const arrived = update(news) ?? [];
  if (missed.size) shown.dataset.clock = clock ?? known;  // not all of it is shown: it is asked for again
  const fresh = arrived.filter((row) => "unread" in row.dataset);
  announce(fresh);
  if (fresh.length && box === "inbox") document.dispatchEvent(new CustomEvent("mail:arrived", { detail: { rows: fresh } }));
  await fill(news.total);
  if (document.getElementById("reading")) await (await conversation()).catchUp();
}

function showCounts(counts) {
  if (!counts) return;
  for (const item of document.querySelectorAll(".sidebar [data-nav]")) {
    if (item.dataset.nav.startsWith("label/") === false && !(item.dataset.nav in counts)) continue; // a page that counts nothing
    const [count, unread] = counts[item.dataset.nav] ?? [0, false];
    const shown = item.querySelector(".nav-count");
    item.classList.toggle("has-unread", unread);
    shown.textContent = count > 99_999 ? "99,999+" : count.toLocaleString(document.documentElement.lang);
    shown.hidden = !count;
  }
  showIcon(counts.inbox?.[0] ?? 0);
  const here = [...document.querySelectorAll('.sidebar [data-nav^="label/"]')].map((item) => item.dataset.nav).sort().join();
  const there = Object.keys(counts).filter((name) => name.startsWith("label/")).sort().join();
  if (here !== there && drawnFor !== there) { drawnFor = there; redraw().catch(() => {}); }
}
/* A label that was made, renamed or removed elsewhere: the column is drawn again, once for each set of them. */
let drawnFor = null;
const redraw = later(() => import("./labels.js"), "refreshSidebar");

const icon = document.querySelector('link[rel="icon"]');
const plainIcon = icon?.getAttribute("href");
function showIcon(unread) {
  if (icon?.dataset.unread) icon.setAttribute("href", unread ? icon.dataset.unread : plainIcon);
}

/* New mail is said politely, at most once in half a minute. */
const speaker = document.createElement("div");
speaker.className = "visually-hidden";
speaker.setAttribute("aria-live", "polite");
document.body.append(speaker);
let said = 0;
function announce(arrived) {
  if (!arrived.length || Date.now() - said < 30_000) return;
  said = Date.now();
  speaker.textContent = say("new_mail", arrived.map((row) => row.querySelector(".row-names")?.textContent.trim()).slice(0, 3).join(", "));
}

/* --- the stream -------------------------------------------------------------------------------------- */
let known = Number(view().clock ?? 0);
const { mailspace } = document.body.dataset;
const channel = "BroadcastChannel" in window ? new BroadcastChannel(`mailstead-${mailspace}`) : null;

function rang(clock) {
  heard = Date.now();
  if (clock <= known && clock <= Number(view().clock ?? 0)) return;
  known = Math.max(known, clock);
  document.dispatchEvent(new CustomEvent("mail:rang"));
  catchUp();
}

function listen() {
  const stream = new EventSource(`/mail/events/?since=${mailspace}:${known}`);
  const tell = (clock) => { channel?.postMessage(clock); rang(clock); };
  stream.addEventListener("change", (event) => {
    const [space, clock] = event.data.split(":");
    if (space === mailspace) tell(Number(clock));
  });
  stream.addEventListener("alive", () => tell(known));
  return new Promise((resolve) => {
    stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) setTimeout(resolve, 10_000); });
    addEventListener("pagehide", () => { stream.close(); resolve(); }, { once: true });
  });
}

channel?.addEventListener("message", (event) => rang(event.data));

/* A stream says every fifteen seconds that it is there. Where none comes through, the page asks by itself. */
const SILENCE = 25_000;
let heard = Date.now();
setInterval(() => {
  if (document.hidden || Date.now() - heard < SILENCE) return;
  heard = Date.now();
  catchUp();
}, 5_000);

async function keepListening() {
  for (;;) {
    if (navigator.locks) await navigator.locks.request(`mailstead-live-${mailspace}`, listen);
    else await listen();
  }
}
if (mailspace) addEventListener("load", () => setTimeout(keepListening), { once: true });
addEventListener("pageshow", (event) => { if (event.persisted) { keepListening(); catchUp(); } });
document.addEventListener("visibilitychange", () => { if (!document.hidden) catchUp(); });
addEventListener("online", () => catchUp());

document.addEventListener("mail:view", (event) => {
  const { clock } = view();  // a ring that came while the view was on its way was heard by the one before
  if (event.detail.restored || (clock && Number(clock) < known)) catchUp();
});
document.addEventListener("mail:stale", () => catchUp());
