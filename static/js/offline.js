// Without a line (webmail spec 5.5): a bar says so, views that were seen stay readable (js/client.js keeps them), and
// what is done waits in its order, in this tab and across a reload, until there is a line again. What then cannot be
// done is said, and the list is brought up to date.

import { post, say, words } from "./client.js";
import { toast } from "./toast.js";

const NAME = `mailstead-waiting:${document.body.dataset.account}`;
const EVERY = 5000;
let waiting = [], sending = false, timer = 0;
try { waiting = JSON.parse(sessionStorage.getItem(NAME) ?? "[]"); } catch { /* forbidden, or not ours */ }

const bar = Object.assign(document.createElement("div"), { className: "offline-bar", hidden: true });
bar.setAttribute("role", "status");
bar.dataset.test = "offline";
document.querySelector(".topbar")?.after(bar);

function show() {
  try { sessionStorage.setItem(NAME, JSON.stringify(waiting)); } catch { /* only this page knows them then */ }
  const off = !navigator.onLine || waiting.length > 0;
  const text = waiting.length === 0 ? words.offline : `${words.offline} ${waiting.length === 1 ? words.waits_one : say("waits_many", waiting.length)}`;
  if (bar.textContent !== text) bar.textContent = text;
  bar.hidden = !off;
  document.documentElement.classList.toggle("is-offline", off);
}

/** Keeps something to do for later; what it answers says so. */
export function wait(url, body) {
  waiting.push([url, body.toString()]);
  show();
  again();
  return { text: words.waits, waiting: true };
}

function again() {
  clearTimeout(timer);
  if (waiting.length) timer = setTimeout(send, EVERY);
}

async function send() {
  if (sending || !waiting.length || !navigator.onLine) { again(); return; }
  sending = true;
  let done = 0;
  const refused = [];
  try {
    while (waiting.length) {
      const [url, body] = waiting[0];
      try {
        await post(url, body, { wait: false });
        done += 1;
      } catch (problem) {
        if (problem.unreached) break;
        refused.push(problem.message);
      }
      waiting.shift();
      show();
    }
  } finally {
    sending = false;
  }
  if (refused.length) toast(`${words.waited_failed} ${refused[0]}`, { stay: 0, name: "refused" });
  else if (done && !waiting.length) toast(done === 1 ? words.waited_one : say("waited_many", done), { name: "waited" });
  if (done || refused.length) document.dispatchEvent(new CustomEvent("mail:stale"));
  show();
  again();
}

addEventListener("offline", show);
addEventListener("online", () => { show(); send(); });
show();
send();
