// The panel behind the gear: fetched once, then only shown. Looks are set by their buttons (components.js); the order
// of the inbox and conversations are kept by the server, and what is shown is drawn anew.

import { address, getHtml, go, post } from "./client.js";
import { showLooks } from "./components.js";
import { toast } from "./toast.js";

let panel = null;

async function make() {
  const html = await getHtml("/mail/settings/quick/");
  const page = new DOMParser().parseFromString(html, "text/html");
  panel = page.getElementById("quick");
  document.body.append(panel);
  showLooks();
  panel.addEventListener("change", save);
}

async function save({ target }) {
  try {
    await post("/mail/settings/", { [target.name]: target.value });
    await go(address(), { replace: true });
  } catch (problem) {
    toast(problem);
  }
}

export async function click(gear) {
  try {
    if (!panel) await make();
  } catch {
    location.assign(gear.href);
    return;
  }
  panel.togglePopover();
  if (panel.matches(":popover-open")) panel.querySelector(".icon-button").focus({ focusVisible: false });
}
