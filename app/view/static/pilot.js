// Buttons, sliders, pointer and keys of the page of files.

import { BY_VOICE, MAPS } from "./colours.js";
import { nameGroups } from "./groups.js";
import { Hand } from "./hand.js";
import { tune, tuning } from "./music.js";
import { chooseShortcuts, isMeant } from "./shortcuts.js";
import { tell } from "./tell.js";

const $ = (id) => document.getElementById(id);
const digits = (value) => `${value}`.replace("-", "−");

export class Pilot {
  constructor(page) {
    this.page = page;
    for (const map of [...MAPS, BY_VOICE]) $("colours").add(new Option(map));
    this.listen();
    chooseShortcuts();
    nameGroups();
    this.hand = new Hand(page, this);
    addEventListener("keydown", (event) => this.key(event));
  }

  get held() {
    return this.hand.held;
  }

  listen() {
    const { page } = this;
    const on = (id, event, act) => $(id).addEventListener(event, () => { act($(id)); this.show(); page.changed(); });
    on("play", "click", () => this.playOrPause());
    on("loop", "click", () => this.loop());
    on("alone", "click", () => page.hearAlone());
    on("speed", "input", (slider) => page.player.setSpeed(2 ** +slider.value));
    on("hear", "change", (list) => page.hear(list.value));
    on("blend", "input", (slider) => (page.plane.blend = +slider.value));
    on("beside", "click", () => (page.plane.beside = !page.plane.beside));
    on("range", "input", (slider) => (page.rangeDb = +slider.value));
    on("auto", "click", () => (page.rangeDb = page.rangeDb === null ? Math.round(page.painter.topDb - page.painter.floorDb) : null));
    on("notes", "click", () => (page.showsNotes = !page.showsNotes));
    on("slice", "click", () => (page.showsSlice = !page.showsSlice));
    on("voices", "click", () => this.byVoice());
    on("colours", "change", () => page.recolour());
    on("a4", "change", ({ min, max, value }) => tune({ a4: Math.min(+max, Math.max(+min, +value || 440)) }));
    on("temperament", "change", (list) => tune({ temperament: list.value }));
    on("in", "click", () => this.zoomTime(0.7));
    on("out", "click", () => this.zoomTime(1 / 0.7));
    on("taller", "click", () => this.zoomFrequency(0.7));
    on("flatter", "click", () => this.zoomFrequency(1 / 0.7));
    on("selected", "click", () => this.zoomToSelection());
    on("whole", "click", () => page.plane.whole());
    on("mark", "click", () => page.keeper.name(page.keeper.mark(page.positionS)));
    on("save", "click", () => page.keeper.save($("what").value));
    on("help", "click", () => $("keys").showModal());
    $("controls").addEventListener("submit", (event) => event.preventDefault());
  }

  playOrPause() {
    const { player } = this.page;
    if (player.playing) player.pause();
    else player.play();
  }

  loop() {
    const { page } = this;
    page.loops = !page.loops;
    page.select(page.selection ?? (page.loops ? { fromS: page.plane.startS, untilS: page.plane.startS + page.plane.spanS } : null));
  }

  show() {
    const { page } = this;
    for (const [id, pressed] of [["loop", page.loops], ["beside", page.plane.beside], ["auto", page.rangeDb === null], ["notes", page.showsNotes], ["slice", page.showsSlice], ["voices", $("colours").value === BY_VOICE]]) {
      $(id).setAttribute("aria-pressed", pressed);
    }
    $("blend").value = page.plane.blend;
    $("blend").disabled = page.plane.beside;
    $("a4").value = +tuning.a4.toFixed(2);
    if ($("temperament").length !== Object.keys(tuning.temperaments).length) $("temperament").replaceChildren(...Object.keys(tuning.temperaments).map((each) => new Option(each)));
    $("temperament").value = tuning.temperament;
    $("speed").value = Math.log2(page.player.speed);
    $("speed-x").textContent = `${+page.player.speed.toFixed(2)} ×`;
    $("selected").disabled = !page.selection;
    $("hear").value = page.heardFolder ?? "";
    $("play").disabled = $("loop").disabled = !page.player.ready;
  }

  showRange() {
    const range = Math.round(this.page.painter.topDb - this.page.painter.floorDb);
    $("range").value = range;
    tell("range-db", `${digits(range)} dB`);
  }

  // Which recordings are shown, and which is heard.
  files() {
    const { page } = this;
    $("recordings").hidden = page.sheets.length < 2;
    if ($("files").childElementCount !== page.sheets.length) {
      $("files").replaceChildren(...page.sheets.map((sheet) => this.file(sheet)));
      $("hear").replaceChildren(...page.sheets.map((sheet) => new Option(sheet.name, sheet.folder)));
    }
    this.show();
  }

  file(sheet) {
    const box = Object.assign(document.createElement("input"), { type: "checkbox", checked: true });
    box.addEventListener("change", () => {
      if (box.checked) this.page.hidden.delete(sheet.folder);
      else this.page.hidden.add(sheet.folder);
      if (!this.page.shown.length) [box.checked] = [this.page.hidden.delete(sheet.folder)];
      this.page.overview.changed();
      this.page.changed();
    });
    const label = document.createElement("label");
    label.append(box, `show ${sheet.name}`);
    const item = document.createElement("li");
    item.append(label);
    return item;
  }

  zoomTime(factor) {
    const { plane, positionS, cursor } = this.page;
    const at = cursor?.timeS ?? positionS;
    plane.zoomTime(factor, at >= plane.startS && at <= plane.startS + plane.spanS ? at : plane.startS + plane.spanS / 2);
  }

  zoomFrequency(factor) {
    const { plane, cursor } = this.page;
    plane.zoomFrequency(factor, cursor?.hz ?? Math.sqrt(plane.lowHz * plane.highHz));
  }

  zoomToSelection() {
    const { selection, plane } = this.page;
    if (!selection) return;
    plane.show(selection.fromS, selection.untilS - selection.fromS);
    if (selection.lowHz) plane.showHz(selection.lowHz, Math.log2(selection.highHz / selection.lowHz));
  }

  // Move the position by so many seconds, and the cursor with it.
  step(seconds) {
    const { page } = this;
    const timeS = Math.min(page.plane.toS, Math.max(page.plane.fromS, page.positionS + seconds));
    page.seek(timeS);
    this.toCursor(timeS, page.cursor?.hz);
    page.plane.follow(timeS);
  }

  toCursor(timeS, hz) {
    const { page } = this;
    page.cursor = { timeS, hz: hz ?? Math.sqrt(page.plane.lowHz * page.plane.highHz), folder: page.cursor?.folder ?? page.heardFolder ?? page.shown[0].folder };
  }

  // From the cursor's line to the next one up (1) or down (-1).
  async climb(direction) {
    const { page } = this;
    const { floorDb } = page.painter;
    this.toCursor(page.cursor?.timeS ?? page.positionS, page.cursor?.hz);
    await page.tiles.get(page.cursor.folder).reach(page.cursor.timeS);
    if (!page.cursor) return; // Escape came before its lines
    const lines = page.lines.filter(({ db }) => db > floorDb).map(({ hz }) => hz);
    const next = direction > 0 ? lines.find((hz) => hz > page.cursor.hz * 1.001) : lines.findLast((hz) => hz < page.cursor.hz / 1.001);
    if (next) this.toCursor(page.cursor.timeS, next);
  }

  edge(which) {
    const { page } = this;
    const { selection, positionS } = page;
    const from = which === "from" ? positionS : (selection?.fromS ?? page.plane.startS);
    const until = which === "until" ? positionS : (selection?.untilS ?? page.plane.startS + page.plane.spanS);
    page.select({ ...selection, fromS: Math.min(from, until), untilS: Math.max(from, until) });
  }

  range(step) {
    const { page } = this;
    page.rangeDb = Math.min(100, Math.max(20, (page.rangeDb ?? Math.round(page.painter.topDb - page.painter.floorDb)) + step));
  }

  speed(octaves) {
    this.page.player.setSpeed(2 ** Math.min(1, Math.max(-2, Math.log2(this.page.player.speed) + octaves)));
  }

  // Lines in the hue of their voice's pitch class, or in the colours before.
  byVoice() {
    const now = $("colours").value;
    $("colours").value = now === BY_VOICE ? (this.colours ?? "magma") : BY_VOICE;
    if (now !== BY_VOICE) this.colours = now;
    this.page.recolour();
  }

  nextColours() {
    $("colours").selectedIndex = ($("colours").selectedIndex + 1) % $("colours").length;
    this.page.recolour();
  }

  key(event) {
    const typing = event.target.matches("select, input") && (event.target.matches("[type=text], [type=number]") || /^(Arrow|Page|Home|End|Enter| )/.test(event.key));
    if (event.ctrlKey || event.altKey || event.metaKey || typing || $("keys").open || !isMeant(event)) return;
    if ((event.key === " " || event.key === "Enter") && event.target.matches("button")) return;
    const { page } = this;
    const { plane } = page;
    const far = event.shiftKey;
    const frameS = page.sheets[0]?.hop_s ?? 0.003;
    const acts = {
      " ": () => this.playOrPause(),
      ArrowLeft: () => this.step(far ? -1 : -frameS),
      ArrowRight: () => this.step(far ? 1 : frameS),
      ArrowUp: () => (far ? this.toCursor(page.cursor?.timeS ?? page.positionS, (page.cursor?.hz ?? plane.lowHz) * 2) : this.climb(1)),
      ArrowDown: () => (far ? this.toCursor(page.cursor?.timeS ?? page.positionS, (page.cursor?.hz ?? plane.highHz) / 2) : this.climb(-1)),
      Home: () => this.step(-Infinity),
      End: () => this.step(Infinity),
      Enter: () => this.zoomToSelection(),
      Escape: () => (page.selection ? page.select(null) : (page.cursor = null)),
      "[": () => (plane.blend = Math.max(0, +(plane.blend - 0.1).toFixed(2))),
      "]": () => (plane.blend = Math.min(1, +(plane.blend + 0.1).toFixed(2))),
      "+": () => this.zoomTime(0.8), "=": () => this.zoomTime(0.8), "-": () => this.zoomTime(1.25), "−": () => this.zoomTime(1.25),
      z: () => this.zoomFrequency(0.8), x: () => this.zoomFrequency(1.25),
      PageUp: () => plane.move(0, plane.octaves / 2), PageDown: () => plane.move(0, -plane.octaves / 2),
      0: () => plane.whole(),
      ",": () => this.range(-3), ".": () => this.range(3), "<": () => this.speed(-0.25), ">": () => this.speed(0.25),
      b: () => (plane.beside = !plane.beside),
      c: () => this.nextColours(),
      h: () => page.hearAlone(),
      i: () => this.edge("from"), o: () => this.edge("until"), l: () => this.loop(),
      m: () => page.keeper.mark(page.positionS),
      n: () => !$("notes").disabled && (page.showsNotes = !page.showsNotes),
      v: () => this.byVoice(),
      s: () => (page.showsSlice = !page.showsSlice), S: () => page.keeper.save($("what").value),
      "?": () => $("keys").showModal(),
    };
    const number = /^[1-9]$/.test(event.key) && page.sheets[+event.key - 1];
    const act = number ? () => page.hear(number.folder) : (acts[event.key] ?? acts[event.key.toLowerCase()]);
    if (!act) return;
    event.preventDefault();
    act();
    this.show();
    page.changed();
  }
}
