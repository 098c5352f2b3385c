// The web client's entry: brings its modules together and keeps what is shown up to date. One browser holds one event
// stream (the tab that has the lock), and tells the other tabs through a channel; a ring only means "look again".

import { forgetAhead, getJson, say, view } from "./client.js";
import { fill, update } from "./list.js";
import "./actions.js";
import "./keyboard.js";

document.cookie = `tz=${Intl.DateTimeFormat().resolvedOptions().timeZone}; Path=/; Max-Age=31536000; SameSite=Lax`;

/* --- the conversation's module comes when it is needed, or when nothing else is going on ------------ */
let conversation = null;
const reading = () => (conversation ??= import("./conversation.js"));
if (view().view === "conversation") reading();
(window.requestIdleCallback ?? setTimeout)(() => { reading(); import("./labels.js"); }, { timeout: 2000 });
document.addEventListener("mail:view", () => { if (view().view === "conversation") reading(); });

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
  forgetAhead();
  if (kind === "conversation") { showCounts((await (await reading()).catchUp())?.counts); return; }
  const place = kind === "list" || kind === "search" ? box : "inbox";
  const shown = document.getElementById("view");
  const news = await getJson(`/mail/live/rows/${place}/?${new URLSearchParams({ since: clock ?? known, ...(query ? { q: query } : {}) })}`);
  showCounts(news.counts);
  if (document.getElementById("view") !== shown || (kind !== "list" && kind !== "search")) return;
  if (news.reload) { location.reload(); return; }
  shown.dataset.clock = news.clock;
  if (kind === "list") document.title = shown.dataset.title = news.title;
  const arrived = update(news) ?? [];
  announce(arrived.filter((row) => "unread" in row.dataset));
  await fill(news.total);
}

function showCounts(counts) {
  if (!counts) return;
  for (const item of document.querySelectorAll(".sidebar [data-nav]")) {
    const [count, unread] = counts[item.dataset.nav] ?? [0, false];
    const shown = item.querySelector(".nav-count");
    item.classList.toggle("has-unread", unread);
    shown.textContent = count > 99_999 ? "99,999+" : count.toLocaleString(document.documentElement.lang);
    shown.hidden = !count;
  }
  showIcon(counts.inbox?.[0] ?? 0);
}

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
  if (clock <= known && clock <= Number(view().clock ?? 0)) return;
  known = Math.max(known, clock);
  catchUp();
}

function listen() {
  const stream = new EventSource(`/mail/events/?since=${mailspace}:${known}`);
  stream.addEventListener("change", (event) => {
    const [space, clock] = event.data.split(":");
    if (space !== mailspace) return;
    channel?.postMessage(Number(clock));
    rang(Number(clock));
  });
  return new Promise((resolve) => {
    stream.addEventListener("error", () => { if (stream.readyState === EventSource.CLOSED) setTimeout(resolve, 10_000); });
    addEventListener("pagehide", () => { stream.close(); resolve(); }, { once: true });
  });
}

channel?.addEventListener("message", (event) => rang(event.data));

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
