"use strict";
// What every page shares: it asks again while something goes on, and j and k walk through rows.

document.documentElement.classList.add("js");

function typing(target) {
  return target instanceof Element && target.closest("input, textarea, select, dialog[open]") !== null;
}

async function again(part) {
  const picked = [...document.querySelectorAll("input[name=run]:checked")].map((box) => box.id);
  const answer = await fetch(location.href, { headers: { accept: "text/html" } });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById(part.id);
  if (fresh === null) {
    location.reload(); // it is no longer the same page; what it says now is what counts
    return false;
  }
  if (fresh.innerHTML !== part.innerHTML) {
    const focused = document.activeElement && part.contains(document.activeElement) ? document.activeElement.id : "";
    part.replaceChildren(...fresh.childNodes);
    for (const id of picked) {
      const box = document.getElementById(id);
      if (box !== null) box.checked = true;
    }
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  }
  if (fresh.dataset.live === undefined) delete part.dataset.live;
  return Number(fresh.dataset.live || 0);
}

function live(part) {
  let wait = Number(part.dataset.live);
  const lost = document.createElement("p");
  lost.className = "lost";
  lost.setAttribute("role", "status");
  async function ask() {
    try {
      if (!document.hidden) wait = await again(part);
      lost.remove();
    } catch {
      lost.textContent = document.documentElement.lang === "zh" ? "与 shopfloor view 的连接已断开。" : "shopfloor view does not answer any more.";
      document.body.append(lost);
    }
    if (wait) setTimeout(ask, wait);
  }
  if (wait) setTimeout(ask, wait);
}

const part = document.getElementById("live");
if (part !== null) live(part);

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  const step = { j: 1, k: -1 }[event.key];
  const links = [...document.querySelectorAll("tr[data-row] th a")];
  if (step === undefined || links.length === 0) return;
  event.preventDefault();
  const now = links.indexOf(document.activeElement);
  const next = now < 0 ? (step > 0 ? 0 : links.length - 1) : now + step;
  links[Math.min(Math.max(next, 0), links.length - 1)].focus();
});
