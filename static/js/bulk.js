// Doing something to everything in a place or a search: asked once, done by the server in the background, followed here
// with a line that can be stopped. The tab may be closed meanwhile; the next one of this browser goes on following.

import { address, getJson, go, main, post, say, view, words } from "./client.js";
import { bodyOf, confirmed, remember, tell, undo } from "./actions.js";
import { select, total } from "./list.js";
import { closeToast, toast } from "./toast.js";

const KEPT = `mailstead-job:${document.body.dataset.mailspace}`;
const PAUSE = 400;
const FOREVER = ["delete-forever", "empty"];
let following = 0;

const spell = (number) => number.toLocaleString(document.documentElement.lang);

/** What is named when everything is meant: a place, or one part of it, or a search. */
function scope() {
  const { box = "all", query, section, view: kind } = view();
  return { box, all: 1, ...(kind === "search" ? { q: query } : {}), ...(kind === "list" && section && !main.querySelector("[data-rows][data-total]") ? { section } : {}) };
}

/** Does a verb to everything that is shown on all pages. With `quietly` only more than this page is asked about. */
export async function start(verb, fields = {}, { quietly = false } = {}) {
  const count = total(), shown = main.querySelectorAll("[data-rows] > .row").length, forever = FOREVER.includes(verb);
  if (count === 0) return false;
  const asks = !quietly || count === null || count > shown;
  const text = count === null ? words[forever ? "sure_many_forever" : "sure_many"] : say(`sure_${verb}`, spell(count));
  if (asks && !(await confirmed(text, words[`do_${verb}`], { danger: forever }))) return false;
  return begin(verb, fields);
}

/** Empties Trash or Spam. */
export async function empty({ confirmText, confirmButton }) {
  if (await confirmed(confirmText, confirmButton)) begin("empty", {});
}

async function begin(verb, fields) {
  select("none");
  try {
    // Not kept for later without a line: "everything" would then be mail that nobody has seen.
    const said = await post(`/mail/actions/${verb}/`, bodyOf({ ...scope(), ...fields }), { wait: false });
    if (said.job) {
      closeToast();
      if (said.action) remember(said.action, { large: true });
      follow(said);
    } else { tell(said, verb); go(address(), { replace: true }); }
    return true;
  } catch (problem) {
    toast(problem);
    return false;
  }
}

/* --- the line that tells how far it is ---------------------------------------------- */
function line() {
  const place = document.getElementById("toasts"), old = place.querySelector(".job-toast");
  if (old) return old;
  const element = document.createElement("div"), text = document.createElement("span"), stop = document.createElement("button"), bar = document.createElement("progress");
  element.className = "job-toast";
  element.dataset.held = "";
  element.dataset.test = "job";
  text.className = "job-text";
  stop.type = "button";
  stop.className = "button small quiet";
  stop.textContent = words.stop;
  bar.className = "bar";
  element.append(text, stop, bar);
  place.prepend(element);
  return element;
}

function show(job) {
  const element = line(), bar = element.querySelector("progress"), stop = element.querySelector("button");
  element.querySelector(".job-text").textContent = job.text;
  bar.setAttribute("aria-label", job.text);
  if (job.total) Object.assign(bar, { max: job.total, value: Math.min(job.done, job.total) });
  else bar.removeAttribute("value");
  stop.onclick = () => { stop.disabled = true; post(`/mail/jobs/${job.job}/stop/`, {}).catch((problem) => toast(problem)); };
}

/** Follows a job until it has ended, and says what it did. */
export async function follow(job) {
  const mine = following = job.job;
  localStorage.setItem(KEPT, String(job.job));
  show(job);
  let soon = PAUSE / 4;
  while (following === mine) {
    await new Promise((resolve) => setTimeout(resolve, soon));
    soon = PAUSE;
    try {
      const now = await getJson(`/mail/jobs/${mine}/`);
      if (following !== mine) return;
      if (!now.ended) { show(now); continue; }
      following = 0;
      localStorage.removeItem(KEPT);
      document.querySelector("#toasts .job-toast")?.remove();
      if (now.undoable) remember(now.action, { large: true });
      toast(now.text, { name: "job", actions: now.undoable ? [{ text: words.undo, run: () => undo(now.action, { large: true }) }] : [] });
      document.dispatchEvent(new CustomEvent("mail:stale"));
    } catch (problem) {  // no line, or not signed in: asked again
      if (!problem.gone || following !== mine) continue;
      following = 0;  // its record was cleared away
      localStorage.removeItem(KEPT);
      document.querySelector("#toasts .job-toast")?.remove();
    }
  }
}

/** Goes on following what another tab, or this one before it was closed, has begun. */
export async function resume() {
  const job = Number(localStorage.getItem(KEPT));
  localStorage.removeItem(KEPT);
  const now = job ? await getJson(`/mail/jobs/${job}/`).catch(() => null) : null;
  if (now && !now.ended) follow(now);
}
