// "Filter messages like these" and "Block" in the menus of rows, of a selection and of a message (webmail spec 3.9, 4.5,
// 6.5, 10.4). Loaded when one of them is first chosen.

import { post, view, words } from "./client.js";
import { meant } from "./actions.js";
import { toast } from "./toast.js";

const FILTERS = "/mail/settings/filters/";

/** The conversations, or single messages, that are meant, as the server takes them. */
function named(ids) {
  const { messages, only } = view();
  return { [messages || only ? "messages" : "conversations"]: ids.slice(0, 25).join(".") };
}

/** The page of a new filter, filled in from these. */
export function filterLike(ids) {
  if (ids.length) location.assign(`${FILTERS}new/?${new URLSearchParams(named(ids))}`);
}

/** Mail from the senders of these goes to Spam from now on. */
export const block = (ids) => send(named(ids));

async function send(fields) {
  try {
    const { text, addresses } = await post(`${FILTERS}block/`, fields, { wait: false });
    toast(text, { name: "blocked", actions: [{ text: words.undo, run: () => free(addresses) }] });
  } catch (problem) {
    toast(problem);
  }
}

async function free(addresses) {
  const body = new URLSearchParams(addresses.map((each) => ["addresses", each]));
  body.set("do", "free");
  try {
    toast((await post(`${FILTERS}block/`, body, { wait: false })).text, { name: "freed" });
  } catch (problem) {
    toast(problem);
  }
}

async function turn(rule, way, back) {
  try {
    const { text } = await post(`${FILTERS}${rule}/do/`, { do: way }, { wait: false });
    toast(text, { name: "filter", actions: back ? [{ text: words.undo, run: () => turn(rule, back) }] : [] });
    return true;
  } catch (problem) {
    toast(problem);
    return false;
  }
}

/** A menu's item: data-rule-do is "filter" or "block", in the why panel "off" or "free"; data-message names one message, else what is meant counts. */
export function click(item) {
  const message = item.dataset.message;
  item.closest("[popover]")?.hidePopover();
  if (item.dataset.ruleDo === "off") turn(item.dataset.rule, "off", "on").then((done) => { if (done) item.hidden = true; });
  else if (item.dataset.ruleDo === "free") free([item.dataset.address]).then(() => { item.hidden = true; });
  else if (item.dataset.ruleDo === "filter") filterLike(meant());
  else if (message) send({ messages: message });
  else block(meant());
}
