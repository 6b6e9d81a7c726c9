// Buttons, sliders, pointer and keys: all of them change the view, and tell so.

import { MAPS } from "./colours.js";
import { nearest, noteHertz } from "./music.js";
import { chooseShortcuts, isMeant } from "./shortcuts.js";
import { MARGIN } from "./view.js";

const $ = (id) => document.getElementById(id);
const SHORTEST_S = 0.5;
const LONGEST_S = 40;

export class Controls {
  // acts: { changed(), colours(map), preset(name), keep() }; newestS() gives the time of the newest column
  constructor(view, acts, newestS) {
    Object.assign(this, { view, acts, newestS });
    this.stage = $("stage");
    for (const map of MAPS) $("colours").add(new Option(map));
    this.listen();
    chooseShortcuts();
    this.point();
    addEventListener("keydown", (event) => this.key(event));
    this.show();
  }

  listen() {
    const { view } = this;
    const on = (id, event, act) => $(id).addEventListener(event, () => { act($(id)); this.show(); });
    on("pause", "click", () => (view.paused = !view.paused));
    on("beside", "click", () => (view.beside = !view.beside));
    on("blend", "input", (slider) => (view.blend = +slider.value));
    on("floor", "input", (slider) => this.range(+slider.value, view.topDb));
    on("top", "input", (slider) => this.range(view.floorDb, +slider.value));
    on("auto", "click", () => (view.auto = !view.auto));
    on("span", "input", (slider) => (view.spanS = SHORTEST_S * (LONGEST_S / SHORTEST_S) ** +slider.value));
    on("whole", "click", () => view.whole());
    on("keep", "click", () => this.acts.keep());
    on("help", "click", () => $("keys").showModal());
    $("colours").addEventListener("change", () => this.acts.colours($("colours").value));
    $("preset").addEventListener("change", () => this.acts.preset($("preset").value));
    $("controls").addEventListener("submit", (event) => event.preventDefault());
  }

  range(floorDb, topDb) {
    this.view.auto = false;
    this.view.floorDb = Math.min(floorDb, topDb - 5);
    this.view.topDb = Math.max(topDb, this.view.floorDb + 5);
  }

  show() {
    const { view } = this;
    $("pause").setAttribute("aria-pressed", view.paused);
    $("pause").textContent = view.paused ? "Go on" : "Pause";
    $("beside").setAttribute("aria-pressed", view.beside);
    $("auto").setAttribute("aria-pressed", view.auto);
    $("blend").value = view.blend;
    $("blend").disabled = view.beside;
    $("floor").value = view.floorDb;
    $("top").value = view.topDb;
    $("span").value = Math.log(view.spanS / SHORTEST_S) / Math.log(LONGEST_S / SHORTEST_S);
    $("floor-db").textContent = `${view.floorDb} dB`.replace("-", "−");
    $("top-db").textContent = `${view.topDb} dB`.replace("-", "−");
    $("span-s").textContent = `${view.spanS.toFixed(1)} s`;
    this.acts.changed();
  }

  presets(names, chosen) {
    $("preset").replaceChildren(...names.map((each) => new Option(each)));
    if (!names.includes(chosen)) $("preset").add(new Option(chosen));
    $("preset").value = chosen;
  }

  point() {
    const { stage, view } = this;
    let held = null;
    const place = (event) => {
      const box = stage.getBoundingClientRect();
      return { x: event.clientX - box.left, y: event.clientY - box.top };
    };
    stage.addEventListener("pointerdown", (event) => {
      held = place(event);
      stage.setPointerCapture(event.pointerId);
    });
    stage.addEventListener("pointermove", (event) => {
      const now = place(event);
      if (held) {
        view.moveFrequency(((now.y - held.y) / view.height) * Math.log2(view.highHz / view.lowHz));
        view.moveTime(((held.x - now.x) / view.paneAt(now.x).width) * view.spanS, this.newestS());
        held = now;
        this.show();
      }
      this.moveCursor(now.x, now.y);
    });
    stage.addEventListener("pointerup", () => (held = null));
    stage.addEventListener("pointerleave", () => { if (!held) view.cursor = null; });
    stage.addEventListener("wheel", (event) => {
      event.preventDefault();
      const factor = 1.0015 ** (event.deltaY || event.deltaX);
      if (event.shiftKey) view.zoomTime(factor);
      else view.zoomFrequency(factor, view.hz(place(event).y));
      this.show();
    }, { passive: false });
  }

  moveCursor(x, y) {
    const { view } = this;
    view.cursor = {
      x: Math.min(MARGIN.left + view.width - 1, Math.max(MARGIN.left, x)),
      y: Math.min(MARGIN.top + view.height, Math.max(MARGIN.top, y)),
    };
  }

  // Move the cursor by so many semitones and seconds; it appears in the middle.
  step(semitones, seconds) {
    const { view } = this;
    const middle = { x: MARGIN.left + view.panes.at(-1).x + view.panes.at(-1).width * 0.75, y: MARGIN.top + view.height / 2 };
    const { x, y } = view.cursor ?? middle;
    const pane = view.paneAt(x);
    this.moveCursor(x + (seconds / view.spanS) * pane.width, view.y(noteHertz(nearest(view.hz(y)).key + semitones)));
  }

  next(id) {
    const select = $(id);
    if (select.disabled) return;
    select.selectedIndex = (select.selectedIndex + 1) % select.length;
    select.dispatchEvent(new Event("change"));
  }

  key(event) {
    const typing = event.target.matches("select, input") && /^(Arrow|Page|Home|End| )/.test(event.key);
    if (event.ctrlKey || event.altKey || event.metaKey || typing || $("keys").open || $("share").open || !isMeant(event)) return;
    if (event.key === " " && event.target.matches("button")) return;
    const { view } = this;
    const far = event.shiftKey;
    const centre = () => (view.cursor ? view.hz(view.cursor.y) : Math.sqrt(view.lowHz * view.highHz));
    const acts = {
      " ": () => (view.paused = !view.paused),
      ArrowUp: () => this.step(far ? 12 : 1, 0),
      ArrowDown: () => this.step(far ? -12 : -1, 0),
      ArrowLeft: () => this.step(0, far ? -1 : -0.02),
      ArrowRight: () => this.step(0, far ? 1 : 0.02),
      Escape: () => (view.cursor = null),
      b: () => (view.beside = !view.beside),
      "[": () => (view.blend = Math.max(0, +(view.blend - 0.1).toFixed(2))),
      "]": () => (view.blend = Math.min(1, +(view.blend + 0.1).toFixed(2))),
      "+": () => view.zoomTime(0.8),
      "=": () => view.zoomTime(0.8),
      "-": () => view.zoomTime(1.25),
      "−": () => view.zoomTime(1.25),
      z: () => view.zoomFrequency(0.8, centre()),
      x: () => view.zoomFrequency(1.25, centre()),
      PageUp: () => view.moveFrequency(0.5),
      PageDown: () => view.moveFrequency(-0.5),
      0: () => view.whole(),
      ",": () => this.range(view.floorDb - 3, view.topDb),
      ".": () => this.range(view.floorDb + 3, view.topDb),
      a: () => (view.auto = !view.auto),
      c: () => this.next("colours"),
      k: () => this.acts.keep(),
      p: () => $("share").showModal(),
      P: () => this.next("preset"),
      "?": () => $("keys").showModal(),
    };
    const act = acts[event.key] ?? acts[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
    this.show();
  }
}
