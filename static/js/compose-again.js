// "Forward as attachment" and "Edit as new" in the menus of rows, of a selection and of a message (webmail spec 3.9, 4.5,
// 6.5). Loaded when one of them is first chosen.

import { meant } from "./actions.js";
import { view } from "./client.js";
import { call } from "./compose-net.js";
import { toast } from "./toast.js";

const open = (detail) => document.dispatchEvent(new CustomEvent("compose:open", { detail }));

/** A new message with these conversations (or single messages, where rows are messages) in it as files. */
export function enclose(ids) {
  const { messages, only } = view();
  if (ids.length) open({ mode: "attach", [messages || only ? "message" : "thread"]: ids.join(",") });
}

/** A draft that begins as a message is. */
async function editAsNew(message) {
  const { draft } = await call(`edit/${message}/`, { body: {} });
  open({ mode: "draft", draft });
}

/** A menu's item: data-again is "attach" or "edit"; data-message names one message, else what is meant counts. */
export function click(item) {
  item.closest("[popover]")?.hidePopover();
  if (item.dataset.again === "edit") editAsNew(item.dataset.message).catch((problem) => toast(problem));
  else enclose(meant());
}
