// The page of recent changes: taking a change back and putting the mailbox back without leaving the page, with their
// progress. Without this module the same forms work by themselves. js/client.js loads it with the page.

import { address, getJson, load, main, parse, post, view, words } from "./client.js";
import { toast } from "./toast.js";

const PACE = [150, 250, 400, 700, 1000];  // ms between looks at a job

/** A button of the page: its form is sent, and what it started is followed. */
export async function click(button) {
  const form = button.closest("form");
  if (!form || button.disabled) return;
  button.disabled = true;
  const doing = button.dataset.changeDo;
  try {
    const job = await post(form.getAttribute("action"), new FormData(form));
    const end = job.running ? await follow(job, form) : job;
    const said = end.failed ? words.failed : doing === "rewind" ? words.rewound : words.undone;
    toast(end.note ? `${said} ${end.note}` : said, { name: doing === "rewind" ? "rewound" : "undone" });
    await refresh();
  } catch (problem) {
    button.disabled = false;
    toast(problem);
  }
}

function freshLine() {
  const line = document.createElement("div"), text = document.createElement("span");
  line.className = "job";
  line.setAttribute("role", "status");
  text.className = "num";
  line.append(Object.assign(document.createElement("progress"), { className: "bar" }), text);
  return line;
}

/** Draws how far a job is until it is done: where its button was, or in the line that the page has for it already. */
async function follow(job, place) {
  const line = place.matches(".job") ? place : freshLine();
  const bar = line.querySelector("progress"), text = line.querySelector("span");
  const draw = ({ done, total, text: said }) => {
    bar.max = total || 1;
    bar.value = done;
    text.textContent = said;
  };
  draw({ ...job, text: job.progress });
  for (let look = 0; ; look += 1) {
    if (look === 2 && line !== place) (place.closest(".change") ?? place).append(line);  // what is soon done needs no bar
    await new Promise((resolve) => { setTimeout(resolve, PACE[Math.min(look, PACE.length - 1)]); });
    const now = await getJson(`/mail/changes/job/${job.id}/`);
    draw(now);
    if (!now.running) { line.remove(); return now; }
  }
}

/** The page as it is now, at the place where the reader is. */
async function refresh() {
  if (view().view !== "changes") return;
  const body = main.querySelector(".sheet-body"), top = body.scrollTop;
  const url = new URL(address());
  for (const name of ["at", "to", "day", "time"]) url.searchParams.delete(name);
  if (url.href !== location.href) { history.replaceState(history.state, "", url.href); }
  const fresh = parse(await load(url.href));
  if (view().view !== "changes") return;
  main.replaceChildren(fresh);
  main.querySelector(".sheet-body").scrollTop = top;
  start();
}

/* A moment that is chosen shows at once what it would take back. */
document.addEventListener("click", (event) => {
  const choice = event.target.closest?.("[data-rewind]");
  if (!choice || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  event.stopPropagation();
  preview(choice.href);
}, true);
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (!form.matches("[data-rewind-form]")) return;
  event.preventDefault();
  event.stopPropagation();
  preview(`${location.pathname}?${new URLSearchParams(new FormData(form))}`);
}, true);

async function preview(url) {
  const now = document.getElementById("rewind");
  now.setAttribute("aria-busy", "true");
  try {
    const fresh = parse(await load(new URL(url, location.href).href)).getElementById("rewind");
    now.replaceWith(fresh);
    (fresh.querySelector('[data-test="rewind"]') ?? fresh.querySelector(".on"))?.focus({ preventScroll: true });
  } catch (problem) {
    toast(problem);
    now.removeAttribute("aria-busy");
  }
}

/** What was under way when the page was drawn is followed to its end. */
export function start() {
  for (const running of main.querySelectorAll("[data-job]")) {
    const job = { id: running.dataset.job, total: running.querySelector("progress").max, done: running.querySelector("progress").value, progress: running.querySelector("span").textContent };
    running.removeAttribute("data-job");
    follow(job, running).then(refresh, (problem) => toast(problem));
  }
}
