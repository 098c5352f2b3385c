// The ground that the client's modules stand on: what is shown, asking the server, going from view to view.
// A view is what lies on the sheet (#main); #view carries its facts. Every view has an address, is a whole page
// without scripts, and comes as its middle part alone when asked with the header X-Mailstead. Views left behind are
// kept as they were, so Back is instant; js/mail.js then brings them up to date.

import { toast } from "./toast.js";

export const main = document.getElementById("main");
export const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
export const commands = new Map();  // name → function; keys and menus call what the modules put here

export const view = () => document.getElementById("view")?.dataset ?? {};
export const say = (name, ...values) => values.reduce((text, value) => text.replace(/%[sd]/, value), words[name] ?? "");

/** A function of a module that is fetched when it is first called: later(() => the import of the module, "its function"). */
export const later = (load, name) => async (...a) => (await load())[name](...a);

/* --- asking ----------------------------------------------------------------- */
const cookie = (name) => document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
const token = () => cookie("mailstead_csrf") ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";

export class Problem extends Error {}

function signedOut() {
  toast(words.signed_out, { stay: 0, actions: [{ text: words.sign_in, url: `/?next=${encodeURIComponent(location.pathname + location.search)}` }] });
  return new Problem(words.signed_out);
}

async function ask(url, options, how) {
  let answer;
  try {
    answer = await fetch(url, { ...options, headers: { "X-Mailstead": how, ...options?.headers } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(navigator.onLine ? words.failed : words.offline);
  }
  if (answer.status === 401) throw signedOut();
  return answer;
}

/** POSTs fields and gives the JSON answer; throws a Problem whose message is a sentence. */
export async function post(url, fields) {
  const answer = await ask(url, { method: "POST", body: new URLSearchParams(fields), headers: { "X-CSRFToken": token() }, keepalive: true }, "1");
  let said = {};
  try { said = await answer.json(); } catch { /* an error page */ }
  if (!answer.ok) throw new Problem(said.text || words.failed);
  return said;
}

export async function getJson(url) {
  const answer = await ask(url, {}, "1");
  if (!answer.ok) throw new Problem(words.failed);
  return answer.json();
}

export async function getHtml(url, { how = "part", signal } = {}) {
  const answer = await ask(url, { signal }, how);
  if (!answer.ok) throw new Problem(answer.status === 404 ? await reason(answer) : words.load_failed);
  return answer.text();
}

async function reason(answer) {
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return page.querySelector(".desk-lead")?.textContent.trim() || words.load_failed;
}

export function parse(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return holder.content;
}

/* --- going from view to view ---------------------------------------------- */
const OURS = /^\/mail\/(?!attachment|original|download|body|compose|inline|events|live|actions|labels\/|settings)/;
const KEPT_VIEWS = 8, KEPT_AHEAD = 30_000;
const left = new Map();  // history id → the view that was left
const ahead = new Map(); // address → {html: Promise, at}
let loading = null;
let coming = 0;  // a view that the history asked for and that is not kept

/** Whether a view is on its way: keys wait for it (js/keyboard.js); `mail:settled` tells when it came, or did not. */
export const underway = () => loading !== null || coming > 0;
const settled = () => { if (!underway()) document.dispatchEvent(new CustomEvent("mail:settled")); };

let here = history.state?.id ?? Date.now();

history.scrollRestoration = "manual";
history.replaceState({ ...history.state, id: here }, "");

const scroller = () => (matchMedia("(width <= 768px)").matches ? document.scrollingElement : main.querySelector(".sheet-body"));
const goesTo = (url) => url.origin === location.origin && OURS.test(url.pathname);

function keep() {
  const body = scroller();
  const kept = { scroll: body?.scrollTop ?? 0, title: document.title, nodes: document.createDocumentFragment() };
  kept.nodes.append(...main.childNodes);
  left.set(here, kept);
  if (left.size > KEPT_VIEWS) left.delete(left.keys().next().value);
}

function place(nodes, { scroll = 0, title, restored = false }) {
  for (const menu of document.querySelectorAll(".menu:popover-open")) menu.hidePopover();
  main.replaceChildren(nodes);
  document.title = title ?? view().title ?? document.title;
  const body = scroller();
  if (body) body.scrollTop = scroll;
  markCurrent();
  document.dispatchEvent(new CustomEvent("mail:view", { detail: { restored } }));
}

export function markCurrent() {
  const { box, view: kind } = view();
  for (const item of document.querySelectorAll(".sidebar [data-nav]")) {
    const on = item.dataset.nav === box && (kind === "list" || kind === "conversation");
    item.toggleAttribute("aria-current", on);
    if (on) item.setAttribute("aria-current", "page");
  }
  const field = document.querySelector(".topbar .search input");
  if (field && document.activeElement !== field) field.value = kind === "search" ? view().query ?? "" : new URLSearchParams(location.search).get("q") ?? "";
}

/** Loads a view before it is asked for; looking ahead never makes anything read. */
export function lookAhead(address) {
  const url = new URL(address, location.href);
  if (!goesTo(url) || ahead.has(url.href) || navigator.connection?.saveData) return;
  const html = getHtml(url.href, { how: "prefetch" });
  html.catch(() => ahead.delete(url.href));
  ahead.set(url.href, { html, at: Date.now() });
}

export const forgetAhead = () => ahead.clear();

function load(url, signal) {
  const early = ahead.get(url);
  ahead.delete(url);
  return early && Date.now() - early.at < KEPT_AHEAD ? early.html : getHtml(url, { signal });
}

/** Shows the view of an address. `replace` takes the place of the one shown in the history. */
export async function go(address, { replace = false } = {}) {
  const url = new URL(address, location.href);
  if (!goesTo(url) || !main) { location.href = url.href; return; }
  loading?.abort();
  const mine = loading = new AbortController();
  const bar = main.querySelector("[data-toolbar]");
  bar?.setAttribute("aria-busy", "true");
  try {
    const html = await load(url.href, mine.signal);
    if (mine.signal.aborted) return;
    if (!replace) keep();
    if (!replace) here = Date.now();
    const state = { id: here, from: replace ? history.state?.from : location.href };
    history[replace ? "replaceState" : "pushState"](state, "", url.href);
    place(parse(html), {});
  } catch (error) {
    if (error.name === "AbortError") return;
    toast(error.message || words.load_failed, { actions: [{ text: words.retry, run: () => go(address, { replace }) }] });
  } finally {
    bar?.removeAttribute("aria-busy");
    if (loading === mine) { loading = null; settled(); }
  }
}

/** Back to the list a conversation was opened from: as it was left, if it was left. */
export function up(address) {
  const target = new URL(address ?? view().boxUrl ?? "/mail/inbox/", location.href);
  if (history.state?.from && new URL(history.state.from).pathname === target.pathname) {
    coming += 1;
    addEventListener("popstate", () => { coming -= 1; settled(); }, { once: true });
    history.back();
  }
  else go(target.href);
}

addEventListener("popstate", (event) => {
  if (event.state?.id === here) return;  // only the part after # changed
  loading?.abort();
  keep();
  here = event.state?.id ?? Date.now();
  const kept = left.get(here);
  if (kept) {
    left.delete(here);
    place(kept.nodes, { scroll: kept.scroll, title: kept.title, restored: true });
    return;
  }
  main.querySelector("[data-toolbar]")?.setAttribute("aria-busy", "true");
  coming += 1;
  getHtml(location.href).then((html) => place(parse(html), {}), () => location.reload()).finally(() => { coming -= 1; settled(); });
});

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.target || link.hasAttribute("download") || link.dataset.compose || link.getAttribute("aria-disabled")) return;
  const url = new URL(link.href);
  if (!goesTo(url) || (url.hash && url.pathname === location.pathname && url.search === location.search)) return;
  event.preventDefault();
  document.getElementById("sidebar")?.matches(":popover-open") && document.getElementById("sidebar").hidePopover();
  if ("up" in link.dataset) up(link.href);
  else go(link.href, { replace: ["refresh", "older", "newer"].some((name) => name in link.dataset) });  // Back leads to the list
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "get" || event.defaultPrevented) return;
  const url = new URL(form.action);
  if (!goesTo(url)) return;
  event.preventDefault();
  url.search = new URLSearchParams(new FormData(form)).toString();
  form.querySelector("input")?.blur();
  go(url.href);
});

/* Looking ahead: a pointer that rests on a conversation, or the keyboard's cursor. */
let resting = 0;
document.addEventListener("pointerover", (event) => {
  const link = event.pointerType === "mouse" && event.target.closest?.(".row")?.querySelector(".row-link:not([data-compose])");
  clearTimeout(resting);
  if (link) resting = setTimeout(() => lookAhead(link.href), 65);
});
