// The pages of filters: fields, line and preview follow each other while somebody types; filters are put in order by
// dragging; what runs in the background is followed. All of it works without this
// module by plain forms. Loaded by those pages alone.

import { getJson, parse, post, words } from "./client.js";
import { toast } from "./toast.js";

const PAUSE = 250, LOOK = 500;

/* --- a filter: both ways to write its conditions, and what they would have matched ---------------------- */
const form = document.querySelector("[data-rule-form]");

function editRule() {
  const preview = form.querySelector("[data-rule-preview]"), said = form.querySelector("[data-rule-said]"), fields = form.querySelector("[data-fields]");
  const { query, was } = form.elements;
  let timer = 0, turn = 0;

  async function look(by) {
    const mine = ++turn;
    preview.setAttribute("aria-busy", "true");
    try {
      const sent = new URLSearchParams([...new FormData(form)].filter(([name]) => name !== "csrfmiddlewaretoken"));
      sent.set("by", by);
      const found = await post(form.dataset.preview, sent, { wait: false });
      if (mine !== turn) return;
      preview.replaceChildren(parse(found.html));
      said.textContent = preview.querySelector(".rule-count, .rule-unfit")?.textContent ?? "";
      was.value = found.query;
      if (by === "fields") query.value = found.query;
      else for (const [name, value] of Object.entries(found.fields)) form.elements[name].value = value;
      if (found.also) form.querySelector("[data-also]").textContent = found.also;
    } catch (problem) {
      toast(problem);
    } finally {
      if (mine === turn) preview.removeAttribute("aria-busy");
    }
  }

  form.addEventListener("input", (event) => {
    const by = event.target === query ? "line" : fields.contains(event.target) ? "fields" : "";
    if (!by) return;
    clearTimeout(timer);
    timer = setTimeout(look, PAUSE, by);
  });
}

/* --- the order -------------------------------------------------------------------------------------------- */
const list = document.querySelector("[data-rules]");

function order() {
  let dragged = null;
  const rows = () => [...list.querySelectorAll("[data-rule]")];
  const clear = () => rows().forEach((row) => row.classList.remove("before", "after", "dragged"));
  const isAfter = (row, y) => { const at = row.getBoundingClientRect(); return y > at.top + at.height / 2; };
  for (const row of rows()) {
    const grip = row.querySelector("[data-grip]");
    grip?.addEventListener("pointerdown", () => { row.draggable = true; });
    grip?.addEventListener("pointerup", () => { row.draggable = false; });
  }
  list.addEventListener("dragstart", (event) => {
    dragged = event.target.closest("[data-rule]");
    dragged.classList.add("dragged");
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", "");
  });
  list.addEventListener("dragover", (event) => {
    const row = event.target.closest("[data-rule]");
    if (!dragged || !row) return;
    event.preventDefault();
    for (const each of rows()) each.classList.remove("before", "after");
    if (row !== dragged) row.classList.add(isAfter(row, event.clientY) ? "after" : "before");
  });
  list.addEventListener("drop", async (event) => {
    const row = event.target.closest("[data-rule]");
    if (!dragged || !row || row === dragged) return;
    event.preventDefault();
    const moved = dragged;
    row[isAfter(row, event.clientY) ? "after" : "before"](moved);
    clear();
    try {
      await post(`${list.dataset.url}${moved.dataset.rule}/do/`, { do: "place", place: rows().indexOf(moved) }, { wait: false });
      showEnds();
    } catch (problem) {
      toast(problem, { actions: [{ text: words.retry, run: () => location.reload() }] });
    }
  });
  list.addEventListener("dragend", () => { clear(); if (dragged) dragged.draggable = false; dragged = null; });
  function showEnds() {
    rows().forEach((row, at, every) => {
      row.querySelector('[value="up"]').disabled = at === 0;
      row.querySelector('[value="down"]').disabled = at === every.length - 1;
    });
  }
}

/* --- what a filter does to mail that was here before ------------------------------------------------------ */
async function follow(job) {
  const bar = job.querySelector("progress"), text = job.querySelector("[data-job-text]");
  while (job.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, LOOK));
    const now = await getJson(`/mail/jobs/${job.dataset.ruleJob}/`).catch(() => null);
    if (!now) continue;
    text.textContent = now.text;
    if (now.total) Object.assign(bar, { max: now.total, value: now.done });
    if (!now.ended) continue;
    bar.hidden = true;
    delete job.dataset.running;
    return;
  }
}

document.documentElement.classList.add("scripted");
if (form) editRule();
if (list) order();
for (const job of document.querySelectorAll("[data-rule-job][data-running]")) follow(job);
