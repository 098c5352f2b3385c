// A small choice of emoji, loaded when it is first asked for. A screen reader says their names by itself, in its own
// language, so that none are needed here.

const GROUPS = [
  "😀 😃 😄 😁 😆 😅 😂 🙂 🙃 😉 😊 😇 🥰 😍 😘 😋 😜 🤪 🤗 🤭 🤔 🤨 😐 😏 🙄 😬 😌 😔 😴 😷 🤒 🥵 🥶 🤯 🥳 😎 🤓 😕 😟 😮 😲 😳 🥺 😢 😭 😱 😤 😡 👋 👌 ✌️ 🤞 👍 👎 👏 🙌 🤝 🙏 💪 👀 🙋 🤷 🤦 👶 👩 👨 👵 👴 💃 🕺",
  "🐶 🐱 🐭 🐰 🦊 🐻 🐼 🐨 🦁 🐮 🐷 🐸 🐔 🐧 🐦 🦉 🦋 🐝 🐢 🐟 🐬 🌱 🌲 🌳 🌵 🌷 🌹 🌻 🍀 🍁 🌍 🌙 ⭐ ☀️ ⛅ 🌧️ ⛈️ ❄️ 🌈 🔥 💧 🌊 🍎 🍐 🍊 🍋 🍌 🍉 🍇 🍓 🍒 🥑 🍅 🥕 🌽 🍞 🧀 🍕 🍔 🍟 🍰 🎂 🍪 🍫 ☕ 🍵 🍺 🍷 🥂",
  "⚽ 🏀 🎾 🏐 🏓 🏊 🚴 🏃 🧘 ⛷️ 🏆 🥇 🎯 🎮 🎲 🎸 🎹 🎺 🎨 🎬 🎤 🎧 🎫 🚗 🚌 🚲 🚂 ✈️ 🚀 ⛵ 🏠 🏢 🏖️ ⛰️ 🏕️ 🗺️ 🌃 🌅 🎡 ⛺",
  "💻 📱 ⌚ 📷 🎥 📞 💡 🔦 🔋 💾 🖨️ ⌨️ 📚 📖 📝 ✏️ 📎 📌 📅 📈 📉 📊 📁 📧 📦 🔒 🔑 🔨 🔧 🧰 🧪 💊 🛒 🎁 🎈 🎉 🎓 💼 👓 👔 👟 👑 💍 💰 💳 🏷️ 🗑️ ⏰ ⏳",
  "❤️ 🧡 💛 💚 💙 💜 🖤 🤍 💔 💯 ✅ ☑️ ✔️ ❌ ❓ ❗ ⚠️ 🚫 ♻️ ➡️ ⬅️ ⬆️ ⬇️ 🔁 🔗 ➕ ➖ ✨ 💬 💭 🔔 🔕 🏁 🚩 🏳️‍🌈 ©️ ®️ ™️ ♥️ ♠️ ♦️ ♣️",
];
const KEPT = "mailstead-emoji", MOST = 16;

const lately = () => { try { return JSON.parse(localStorage.getItem(KEPT) ?? "[]").slice(0, MOST); } catch { return []; } };
function remember(sign) {
  try { localStorage.setItem(KEPT, JSON.stringify([sign, ...lately().filter((each) => each !== sign)].slice(0, MOST))); } catch { /* forbidden */ }
}

/** Fills the popup; `titles` name the groups. */
export function fill(menu, titles, latelyTitle, pick) {
  const groups = GROUPS.map((signs, place) => [titles[place] ?? "", signs.split(" ")]);
  if (lately().length) groups.unshift([latelyTitle, lately()]);
  menu.replaceChildren(...groups.flatMap(([title, signs]) => {
    const head = Object.assign(document.createElement("div"), { className: "menu-title", textContent: title });
    const box = Object.assign(document.createElement("div"), { className: "emoji-box" });
    box.append(...signs.map((sign) => Object.assign(document.createElement("button"), { type: "button", className: "emoji", textContent: sign, tabIndex: -1 })));
    return [head, box];
  }));
  const all = [...menu.querySelectorAll(".emoji")];
  all[0].tabIndex = 0;
  all[0].focus({ focusVisible: false });
  menu.onclick = (event) => { const button = event.target.closest(".emoji"); if (button) { remember(button.textContent); pick(button.textContent); } };
  menu.onkeydown = (event) => {
    const to = next(all, event.target, event.key);
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    for (const each of all) each.tabIndex = each === to ? 0 : -1;
    to.focus();
  };
}

/** The button that an arrow leads to; up and down by what stands nearest there. */
function next(all, from, key) {
  const place = all.indexOf(from), rtl = getComputedStyle(from).direction === "rtl" ? -1 : 1;
  const side = { ArrowRight: rtl, ArrowLeft: -rtl }[key];
  if (place < 0) return null;
  if (side) return all[(place + side + all.length) % all.length];
  if (key === "Home") return all[0];
  if (key === "End") return all.at(-1);
  if (key !== "ArrowDown" && key !== "ArrowUp") return null;
  const own = from.getBoundingClientRect(), down = key === "ArrowDown" ? 1 : -1;
  const rows = all.map((each) => [each, each.getBoundingClientRect()]).filter(([, at]) => (at.top - own.top) * down > 4);
  const distance = ([, at]) => Math.abs(at.top - own.top) * 1000 + Math.abs(at.left - own.left);
  return rows.sort((a, b) => distance(a) - distance(b))[0]?.[0] ?? null;
}
