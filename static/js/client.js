// The ground that the client's modules stand on: what is shown, asking the server, going from view to view.
// A view is what lies on the sheet (#main); #view carries its facts. Every view has an address, is a whole page
// without scripts, and comes as its middle part alone when asked with the header X-Mailstead. Views left behind are
// kept as they were, so Back is instant; js/mail.js then brings them up to date.

import { toast } from "./toast.js";

export const main = document.getElementById("main");
export const words = JSON.parse(document.getElementById("words")?.textContent ?? "{}");
export const commands = new Map();  // name → function; keys and menus call what the modules put here

export const view = () => document.getElementById("view")?.dataset ?? {};
/** The facts of the open conversation: the view's own, or, in the reading pane, those beside the list's. */
export const reading = () => (document.getElementById("reading") ?? document.getElementById("view"))?.dataset ?? {};
/** The address of the view, also while the address bar names the conversation in the pane beside it. */
export const address = () => view().at ?? location.href;
/** Whether somebody writes, or chooses, beside the view: then a view that arrives leaves the focus there. */
export const isElsewhere = () => Boolean(document.activeElement?.closest("input, textarea, select, [contenteditable], dialog, :popover-open, .compose"));
export const say = (name, ...values) => values.reduce((text, value) => text.replace(/%[sd]/, value), words[name] ?? "");

/** A function of a module that is fetched when it is first called: later(() => the import of the module, "its function"). */
export const later = (load, name) => async (...a) => (await load())[name](...a);

/* --- asking ----------------------------------------------------------------- */
const cookie = (name) => document.cookie.split("; ").find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
const token = () => cookie("mailstead_csrf") ?? document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";

export class Problem extends Error {}

/* The session may end, another person may sign in, the line may be cut: js/signin.js and js/offline.js know what then. */
const signIn = later(() => import("./signin.js"), "signIn");
const offline = () => import("./offline.js");
const mark = document.body.dataset.account ?? "";
const prepare = () => offline().catch(() => {});  // before it is needed: without a line it does not come
for (const kind of ["pointerdown", "keydown", "offline"]) addEventListener(kind, prepare, { once: true });
setTimeout(prepare, 10_000);

async function ask(url, options, how) {
  let answer;
  try {
    answer = await fetch(url, { ...options, headers: { "X-Mailstead": how, "X-Mailstead-Account": mark, ...(options.body ? { "X-CSRFToken": token() } : {}) } });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw Object.assign(new Problem(navigator.onLine ? words.failed : words.offline), { unreached: true });
  }
  if (answer.status === 409 && (await answer.clone().json().catch(() => ({}))).reason === "account") {
    location.assign("/mail/inbox/");  // somebody else has signed in in another tab: nothing of theirs belongs on this page
    await new Promise(() => {});
  }
  if (answer.status !== 401) return answer;
  if (how.endsWith("ahead") || how === "prefetch") throw new Problem(words.signed_out);
  await signIn();
  return ask(url, options, how);
}
document.addEventListener("mail:signed-out", () => signIn({ again: false }).catch(() => {}));

/** POSTs fields (or a form with files) and gives the JSON answer; throws a Problem whose message is a sentence. */
export async function post(url, fields, { wait = true } = {}) {
  const body = fields instanceof FormData ? fields : new URLSearchParams(fields);
  let answer;
  try {
    answer = await ask(url, { method: "POST", body, keepalive: body !== fields }, "1");  // which takes no files
  } catch (problem) {
    if (!problem.unreached || !wait || !WAITS.test(url)) throw problem;
    const { wait: hold } = await offline().catch(() => { throw problem; });
    return hold(url, body);  // done when there is a line again, in its turn
  }
  let said = {};
  try { said = await answer.json(); } catch { /* an error page */ }
  if (!answer.ok) throw new Problem(said.text || words.failed);
  return said;
}

const WAITS = /^\/mail\/actions\/(?!undo|empty|delete-forever)/;

export async function getJson(url) {
  const answer = await ask(url, {}, "1");
  if (!answer.ok) throw Object.assign(new Problem(words.failed), { gone: answer.status === 404 });
  return answer.json();
}

export async function getHtml(url, { how = "part", signal } = {}) {
  const answer = await ask(url, { signal }, how);
  if (answer.status === 204) throw new Problem(words.load_failed);  // asked for early, and gone: who opens it asks again
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
const KEPT_PAGES = 40, SLOW = 300;
const pages = new Map(); // address → markup that was shown: still readable without a line
const left = new Map();  // history id → the view that was left
const ahead = new Map(); // address → {html: Promise, at}
let loading = null;
let coming = 0;  // a view that the history asked for and that is not kept

/** Whether a view is on its way: keys wait for it (js/keyboard.js); `mail:settled` tells when it came, or did not. */
export const underway = () => loading !== null || coming > 0;
const settled = () => { if (!underway()) document.dispatchEvent(new CustomEvent("mail:settled")); };

if (main && view().view) pages.set(`part ${location.href}`, main.innerHTML);

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

/* Conversations open beside their list where there is a reading pane and room for it (js/pane.js). */
const roomy = matchMedia("(width >= 1024px)");
export const hasPane = () => roomy.matches && document.documentElement.dataset.pane !== "none" && document.getElementById("pane") !== null;
const pane = () => import("./pane.js");
const CONVERSATION = /^\/mail\/.+\/\d+\/$/;

function opensBeside(url) {
  if (!hasPane() || !CONVERSATION.test(url.pathname)) return false;
  const { view: kind, boxUrl, query } = view();
  return kind === "search" ? url.searchParams.get("q") === query : kind === "list" && url.pathname.startsWith(boxUrl) && /^\d+\/$/.test(url.pathname.slice(boxUrl.length));
}

/** Notes in the history what is open in the pane; `at` is null for the list alone. */
export function noteBeside(url, { at, replace = false }) {
  history[replace ? "replaceState" : "pushState"]({ ...history.state, id: here, pane: at, from: replace ? history.state?.from : location.href }, "", url);
}

export function markCurrent() {
  const { box, view: kind } = view();
  for (const item of document.querySelectorAll(".sidebar [data-nav]")) {
    const on = item.dataset.nav === box && ["list", "conversation", "changes", "files", "contacts"].includes(kind);
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
  const html = getHtml(url.href, { how: opensBeside(url) ? "pane-ahead" : "prefetch" });
  html.catch(() => ahead.delete(url.href));
  ahead.set(url.href, { html, at: Date.now() });
}

/** Of all, or of these conversations: what was loaded early is not true any more. */
export function forgetAhead(threads) {
  for (const url of [...ahead.keys()]) if (!threads || threads.some((id) => new URL(url).pathname.endsWith(`/${id}/`))) ahead.delete(url);
}

/** Markup that was shown before: what was unread in it was read then. */
const seen = (html) => html.replace(" data-has-unread", "");

/** The markup of a view, or of a conversation for the pane. Without a line: as it was seen last. */
export async function load(url, { signal, how = "part" } = {}) {
  const early = ahead.get(url), name = `${how} ${url}`;
  ahead.delete(url);
  try {
    const now = () => getHtml(url, { signal, how });
    const coming = early && Date.now() - early.at < KEPT_AHEAD ? early.html.catch(now) : now();
    document.dispatchEvent(new CustomEvent("mail:asked", { detail: { url, coming, seen: pages.has(name) } }));  // js/progress.js
    const html = await coming;
    pages.delete(name);
    pages.set(name, html);
    if (pages.size > KEPT_PAGES) pages.delete(pages.keys().next().value);
    return html;
  } catch (problem) {
    if (problem.unreached && pages.has(name)) return seen(pages.get(name));
    throw problem;
  }
}

/** Shows the view of an address. `replace` takes the place of the one shown in the history. */
export async function go(address, { replace = false } = {}) {
  const url = new URL(address, location.href);
  if (!goesTo(url) || !main) { location.href = url.href; return; }
  if (opensBeside(url)) return (await pane()).show(url.href);
  loading?.abort();
  const mine = loading = new AbortController();
  const bar = main.querySelector("[data-toolbar]");
  bar?.setAttribute("aria-busy", "true");
  let early = false;  // what was shown of this view before, while the server takes its time
  const show = (html, restored = false) => {
    if (mine.signal.aborted) return;
    if (early) { place(parse(html), { scroll: scroller()?.scrollTop }); return; }
    early = restored;
    if (!replace) keep();
    if (!replace) here = Date.now();
    const state = { id: here, from: replace ? history.state?.from : location.href };
    history[replace || history.state?.layer ? "replaceState" : "pushState"](state, "", url.href);  // js/touch.js says what a layer is
    place(parse(html), { restored });
  };
  const before = url.href !== new URL(view().at ?? location.href, location.href).href && pages.get(`part ${url.href}`);
  const patience = before && setTimeout(() => show(seen(before), true), SLOW);
  try {
    const html = await load(url.href, { signal: mine.signal });
    clearTimeout(patience);
    show(html);
  } catch (error) {
    if (error.name === "AbortError") return;
    toast(error, { actions: [{ text: words.retry, run: () => go(address, { replace }) }] });
  } finally {
    clearTimeout(patience);
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
  if (event.state?.id === here) {  // only the part after # changed, or what is open in the pane
    if ("pane" in event.state || document.getElementById("reading")) pane().then(({ restore }) => restore(event.state.pane ?? null));
    return;
  }
  loading?.abort();
  keep();
  here = event.state?.id ?? Date.now();
  const kept = left.get(here);
  if (kept) {
    left.delete(here);
    place(kept.nodes, { scroll: kept.scroll, title: kept.title, restored: true });
    if (hasPane() && "pane" in (event.state ?? {})) pane().then(({ restore }) => restore(event.state.pane ?? null));
    return;
  }
  main.querySelector("[data-toolbar]")?.setAttribute("aria-busy", "true");
  coming += 1;
  load(location.href).then((html) => place(parse(html), {}), () => location.reload()).finally(() => { coming -= 1; settled(); });
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
  const url = new URL(event.submitter?.getAttribute("formaction") ?? form.action, location.href);
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

/* What is not needed before it is clicked: the module's function `click` gets the element. */
const LATER = [
  ["[data-label-new], [data-label-menu], [data-label-do], [data-label-colour], #label-actions [data-label-list], #label-actions [data-label-rows], [data-twist]", () => import("./labels.js")],
  ["[data-ask-notices]", () => import("./notify.js")],
  ["[data-rule-do]", () => import("./rules.js")],
  ["[data-again]", () => import("./compose-again.js")],
  ["[data-change-do]", () => import("./history.js")],
  ["a[data-quick]", () => import("./quick.js")],
];
document.addEventListener("click", (event) => {
  for (const [wanted, get] of LATER) {
    const element = event.target.closest?.(wanted);
    if (!element) continue;
    event.preventDefault();  // now: the module may come too late to keep a form from being sent
    get().then(({ click }) => click(element));
  }
});

/* Modules of single views and of choices come when they are needed. */
function accompany() {
  if (view().view === "changes") import("./history.js").then(({ start }) => start());
  if (hasPane() || document.getElementById("reading")) pane().then(({ start }) => start());
  if (view().view === "settings") import("./settings.js");
  else if (document.querySelector("[data-chore]")) import("./chores.js").then(({ watchChores }) => watchChores());
}
if (document.body.dataset.notices !== "off" && globalThis.Notification?.permission === "granted") {
  (window.requestIdleCallback ?? setTimeout)(() => import("./notify.js").then(({ watch }) => watch()));
}
document.addEventListener("mail:view", accompany);
document.addEventListener("change", (event) => {
  const form = event.target.closest?.("[data-label-look]");
  if (form) import("./labels.js").then(({ saveLook }) => saveLook(form));
});
document.addEventListener("look", ({ detail }) => { if (detail.name === "pane") go(address(), { replace: true }); });
accompany();
