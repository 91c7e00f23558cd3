"use strict";
// One moment for all: the videos, the cursor of the timeline and the list of events.

{
  const scene = document.getElementById("scene");
  const videos = [...scene.querySelectorAll("video")];
  const frames = videos.map((video) => JSON.parse(video.dataset.frames));
  const track = document.getElementById("track");
  const cursor = track.querySelector(".cursor");
  const list = document.getElementById("events");
  const lines = [...list.querySelectorAll("li")];
  const begins = lines.map((line) => Number(line.dataset.tick));
  const ends = lines.map((line) => Number(line.dataset.end));
  const play = document.getElementById("play");
  const clock = document.getElementById("clock");
  const now = document.getElementById("now");
  const asked = document.getElementById("asked");
  const questions = lines.flatMap((line, i) => (line.querySelector("details") === null ? [] : [i]));
  const help = document.getElementById("help");
  const dt = Number(scene.dataset.dt);
  const last = Math.max(Number(scene.dataset.last), 1);
  const word = scene.dataset.tickWord;
  // The camera with the most pictures leads; the others follow it.
  const lead = frames.reduce((best, ticks, i) => (best < 0 || ticks.length > frames[best].length ? i : best), -1);
  let tick = 0;
  let current = -1;
  let timer = 0;

  // The place of the newest picture at a tick.
  function place(ticks, at) {
    let low = 0;
    let high = ticks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (ticks[middle] <= at) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  // Pictures follow each other evenly in a video, whenever they were taken.
  function period(i) {
    return videos[i].duration / frames[i].length;
  }

  function tickOf(i) {
    const step = period(i);
    if (!Number.isFinite(step) || step <= 0) return tick;
    return frames[i][Math.min(Math.floor(videos[i].currentTime / step + 1e-3), frames[i].length - 1)];
  }

  function move(i, at) {
    const step = period(i);
    // The middle of a picture: at its edge a decoder may take the one before.
    if (Number.isFinite(step)) videos[i].currentTime = (place(frames[i], at) + 0.5) * step;
  }

  function mark(at) {
    tick = Math.min(Math.max(Math.round(at), 0), last);
    const x = `${(100 * tick) / last}%`;
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    clock.textContent = `${(tick * dt).toFixed(2)} s · ${word} ${tick} / ${last}`;
    track.setAttribute("aria-valuenow", String(tick));
    track.setAttribute("aria-valuetext", clock.textContent);
    let newest = -1;
    for (let i = 0; i < lines.length; i += 1) {
      if (begins[i] <= tick) newest = i;
      lines[i].classList.toggle("active", begins[i] <= tick && tick <= ends[i]);
    }
    choose(newest);
    recall();
  }

  // What the brain was last asked stands beside the videos, with what it saw.
  function recall() {
    const last = questions.filter((i) => begins[i] <= tick).pop();
    if (last === undefined || asked.dataset.event === String(last)) return;
    asked.dataset.event = String(last);
    const copy = lines[last].querySelector("details").cloneNode(true);
    const head = document.createElement("p");
    head.textContent = `${lines[last].querySelector("a").textContent} ${lines[last].querySelector(".said").firstChild.textContent.trim()}`;
    copy.querySelector("summary").remove();
    asked.replaceChildren(head, ...copy.childNodes);
    now.hidden = false;
  }

  function choose(number) {
    if (number === current) return;
    for (const [i, on] of [[current, false], [number, true]]) {
      if (i < 0) continue;
      lines[i].classList.toggle("current", on);
      if (on) lines[i].setAttribute("aria-current", "true");
      else lines[i].removeAttribute("aria-current");
      for (const drawn of track.querySelectorAll(`[data-event="${i}"]`)) drawn.classList.toggle("current", on);
    }
    current = number;
    if (number < 0) return;
    const line = lines[number]; // scrolls the list alone, never the page
    const top = line.offsetTop - list.clientHeight / 2 + Math.min(line.offsetHeight, list.clientHeight) / 2;
    list.scrollTop = Math.max(top, 0);
  }

  function seek(at, number) {
    pause();
    mark(at);
    if (number !== undefined) choose(number);
    videos.forEach((_, i) => move(i, tick));
  }

  function pause() {
    for (const video of videos) video.pause();
  }

  function toggle() {
    if (lead < 0) return;
    if (!videos[lead].paused) {
      pause();
      return;
    }
    if (tick >= frames[lead][frames[lead].length - 1]) seek(0);
    for (const video of videos) void video.play().catch(() => {});
  }

  function follow() {
    cancelAnimationFrame(timer);
    if (videos[lead].paused) return;
    mark(tickOf(lead));
    timer = requestAnimationFrame(follow);
  }

  function frame(step) {
    if (lead < 0) {
      seek(tick + step);
      return;
    }
    const ticks = frames[lead];
    const now = place(ticks, tick);
    // Back from between two pictures is to the one that is seen.
    const next = step < 0 && ticks[now] < tick ? now : now + step;
    seek(ticks[Math.min(Math.max(next, 0), ticks.length - 1)]);
  }

  function event(step) {
    const next = Math.min(Math.max(current + step, 0), lines.length - 1);
    seek(begins[next], next);
  }

  function lot(rel) {
    const link = document.querySelector(`nav.pager a[rel=${rel}]`);
    if (link !== null) location.assign(link.href);
  }

  const keys = {
    " ": toggle, n: () => event(1), p: () => event(-1), j: () => lot("next"), k: () => lot("prev"),
    ArrowLeft: (held) => (held ? seek(tick - 1) : frame(-1)),
    ArrowRight: (held) => (held ? seek(tick + 1) : frame(1)),
    Home: () => seek(0), End: () => seek(last), "?": () => help.showModal(),
  };

  // In the capture phase: a focused video has keys of its own, and they would seek twice.
  document.addEventListener("keydown", (pressed) => {
    if (pressed.ctrlKey || pressed.metaKey || pressed.altKey || help.open) return;
    if (!(pressed.target instanceof Element) || pressed.target.closest("input, textarea, select, pre")) return;
    if (pressed.key === " " && pressed.target.closest("a, button, summary")) return;
    const act = keys[pressed.key];
    if (act === undefined) return;
    pressed.preventDefault();
    pressed.stopPropagation();
    act(pressed.shiftKey);
  }, true);

  function at(pointer) {
    const box = track.getBoundingClientRect();
    return (last * (pointer.clientX - box.left)) / box.width;
  }

  track.addEventListener("pointerdown", (pressed) => {
    if (pressed.button !== 0) return;
    const drawn = pressed.target instanceof Element ? pressed.target.closest("[data-event]") : null;
    // A point is a moment; on a bar it is the place that was clicked that counts.
    if (drawn !== null && drawn.tagName !== "rect") seek(begins[drawn.dataset.event], Number(drawn.dataset.event));
    else seek(at(pressed));
    track.setPointerCapture(pressed.pointerId);
  });
  track.addEventListener("pointermove", (moved) => {
    if (track.hasPointerCapture(moved.pointerId)) seek(at(moved));
  });

  document.addEventListener("click", (clicked) => {
    const link = clicked.target instanceof Element ? clicked.target.closest("a[data-tick]") : null;
    if (link === null) return;
    clicked.preventDefault();
    const line = link.closest("li");
    seek(Number(link.dataset.tick), line === null ? undefined : lines.indexOf(line));
  });

  videos.forEach((video, i) => {
    video.addEventListener("loadedmetadata", () => move(i, tick));
    if (i !== lead) return;
    for (const name of ["play", "pause"]) {
      video.addEventListener(name, () => {
        play.setAttribute("aria-pressed", String(!video.paused));
        if (video.paused) pause();
        else follow();
      });
    }
    // Somebody drags the video's own bar: the others and the cursor go with it.
    video.addEventListener("seeked", () => {
      if (place(frames[i], tick) === place(frames[i], tickOf(i))) return;
      mark(tickOf(i));
      videos.forEach((_, other) => other !== i && move(other, tick));
    });
  });
  play.addEventListener("click", toggle);
  document.getElementById("keys").addEventListener("click", () => help.showModal());

  track.tabIndex = 0;
  track.setAttribute("role", "slider");
  track.setAttribute("aria-valuemin", "0");
  track.setAttribute("aria-valuemax", String(last));
  scene.querySelector(".controls").hidden = false;
  play.hidden = lead < 0;
  const named = /^#e(\d+)$/.exec(location.hash);
  if (named !== null && Number(named[1]) < lines.length) seek(begins[named[1]], Number(named[1]));
  else mark(0);
}
