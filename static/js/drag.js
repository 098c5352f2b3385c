// Dragging: conversations onto places of the left column move (and leave the label they were seen in), labels onto rows
// are added. The keys v and l do the same. Loaded when the pointer first moves over the page.

import { say, view, words } from "./client.js";
import { act, run } from "./actions.js";
import { checkedRows, isEverything, rowOf, total } from "./list.js";

const CONVERSATIONS = "application/x-mailstead-conversations", LABEL = "application/x-mailstead-label";
const DROPS = /^(inbox|archive|spam|trash|starred|label\/.+)$/;
const VERBS = { starred: "star", trash: "delete", spam: "junk", archive: "archive" };
let dragged = [];

document.addEventListener("dragstart", (event) => {
  const row = event.target.closest?.("[data-rows] > .row"), label = event.target.closest?.("[data-labels] .nav-item");
  if (row) {
    const several = row.classList.contains("checked");
    dragged = (several ? checkedRows() : [row]).map((each) => each.dataset.id);
    event.dataTransfer.setData(CONVERSATIONS, dragged.join(","));
    event.dataTransfer.effectAllowed = "move";
    const picture = document.createElement("div"), count = several && isEverything() ? total() ?? dragged.length : dragged.length;
    picture.className = "drag-picture";
    picture.textContent = count === 1 ? words.move_one : say("move_many", count.toLocaleString(document.documentElement.lang));
    document.body.append(picture);
    event.dataTransfer.setDragImage(picture, -12, 12);
    setTimeout(() => picture.remove());
    for (const id of dragged) rowOf(id)?.classList.add("dragged");
  } else if (label) {
    event.dataTransfer.setData(LABEL, label.dataset.nav);
    event.dataTransfer.effectAllowed = "copy";
  }
});

function dropTarget(event) {
  const { types } = event.dataTransfer;
  if (types.includes(CONVERSATIONS)) {
    const place = event.target.closest?.(".sidebar [data-nav]");
    return place && DROPS.test(place.dataset.nav) && place.dataset.nav !== view().box ? place : null;
  }
  return types.includes(LABEL) ? event.target.closest?.("[data-rows] > .row") : null;
}

document.addEventListener("dragover", (event) => {
  const target = dropTarget(event);
  for (const old of document.querySelectorAll(".drop-target")) if (old !== target) old.classList.remove("drop-target");
  if (!target) return;
  event.preventDefault();
  target.classList.add("drop-target");
});

document.addEventListener("drop", (event) => {
  const target = dropTarget(event);
  if (!target) return;
  event.preventDefault();
  if (target.dataset.nav) {
    const place = target.dataset.nav, verb = VERBS[place] ?? "move";
    run(verb === "archive" && view().box !== "inbox" ? "move" : verb, { target: place }, dragged);
  } else act("label", target.classList.contains("checked") ? checkedRows().map((row) => row.dataset.id) : [target.dataset.id], { target: event.dataTransfer.getData(LABEL) });
});

document.addEventListener("dragend", () => {
  for (const old of document.querySelectorAll(".drop-target, .dragged")) old.classList.remove("drop-target", "dragged");
});
