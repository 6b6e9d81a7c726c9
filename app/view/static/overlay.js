// What stands on the picture: rulers, keys, notes, markers, the selection, the slice, the cursor and the position.

import { extent, KEY_WIDTH, BLACK_WIDTH, KEY_GAP, rulerFont, TICKS_HZ } from "./axes.js";
import { hex, hue, seenOn } from "./colours.js";
import { drawName, drawNotes, VOICES } from "./melody.js";
import { clockTime, isBlack, name, noteHertz, semitone, tuning } from "./music.js";

const STEPS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800];
const TICK_GAP_PX = 24;
const TIME_GAP_PX = 78;
const TICK_PX = 4;
const SLICE_PX = 120;

export class Overlay {
  // still: frequencies, keys, notes and markers; passing: the ruler of time, a strip that is all that changes with it; moving: what follows the pointer
  constructor(still, passing, moving, stage) {
    Object.assign(this, { stage, positions: [] });
    this.still = still.getContext("2d");
    this.passing = passing.getContext("2d");
    this.moving = moving.getContext("2d");
    this.restyle();
  }

  restyle() {
    const style = getComputedStyle(document.documentElement);
    this.font = rulerFont();
    const keys = ["ground", "ink", "soft", "line", "accent", "key-white", "key-black"];
    this.ink = Object.fromEntries(keys.map((key) => [key, style.getPropertyValue(`--${key}`).trim()]));
  }

  // What stands on the picture itself can be seen there, whatever the page's colours: rgba, the picture's 256.
  standOn(rgba) {
    const [ground, ink] = [hex(rgba.slice(0, 3)), hex(rgba.slice(-4, -1))];
    const seen = (colour) => seenOn(ground, ink, colour);
    this.on = { ground, ink, accent: seen(this.ink.accent), voices: VOICES.map(seen) };
  }

  // Everything that stands while the view stands. What moves through time alone keeps its scales of frequency.
  draw(plane, layers, pixelRatio) {
    const { still } = this;
    const boxes = plane.panes.map(({ x, y, width, height, title }) => [x, y, width, height, title]);
    const drawn = JSON.stringify([plane.lowHz, plane.highHz, boxes, layers.byVoice, tuning.a4, tuning.temperament, this.ink, this.on, this.font, pixelRatio, still.canvas.width, still.canvas.height]);
    const kept = drawn === this.drawn;
    this.drawn = drawn;
    if (!kept) {
      clear(still, pixelRatio);
      this.scales(still, plane, layers.byVoice);
    } else if (this.covered) this.uncover(plane);
    this.covered = layers.markers.length > 0 || layers.notes !== null;
    if (this.covered) this.cover(still, plane, layers);
    const passing = clear(this.passing, pixelRatio);
    passing.translate(0, -plane.margin.top - plane.height);
    this.times(passing, plane);
  }

  // All of that on one context.
  paint(context, plane, layers) {
    this.scales(context, plane, layers.byVoice);
    this.cover(context, plane, layers);
    this.times(context, plane);
  }

  // Take away what covers panes; whole pixels, as edges between them leave traces.
  uncover({ panes, margin }) {
    for (const { x, y, width, height } of panes) {
      const [left, top] = [Math.floor(margin.left + x), Math.floor(margin.top + y)];
      this.still.clearRect(left, top, Math.ceil(margin.left + x + width) - left, Math.ceil(margin.top + y + height) - top);
    }
  }

  scales(context, plane, byVoice) {
    this.begin(context);
    for (const pane of plane.panes) {
      this.frequencies(context, plane, pane);
      if (plane.keyboard && pane.x + pane.width > plane.width - 1) this.keyboard(context, plane, pane, byVoice);
      this.label(context, plane, pane);
    }
  }

  cover(context, plane, { notes, markers }) {
    this.begin(context);
    for (const pane of plane.panes) {
      context.save();
      context.beginPath();
      context.rect(plane.margin.left + pane.x, plane.margin.top + pane.y, pane.width, pane.height);
      context.clip();
      if (notes?.has(pane.sheet.folder)) drawNotes(context, plane, pane, notes.get(pane.sheet.folder), this.on);
      for (const marker of markers) this.marker(context, plane, pane, marker);
      context.restore();
    }
  }

  begin(context) {
    context.font = this.font;
    context.textBaseline = "middle";
  }

  label(context, plane, pane) {
    context.textAlign = "left";
    context.fillStyle = this.ink.soft;
    const top = plane.margin.top + pane.y - 8;
    if (pane.title) context.fillText(pane.title, plane.margin.left + pane.x, top);
    context.textAlign = "right";
    if (pane.x === 0) context.fillText("Hz", plane.margin.left - 8, top);
  }

  frequencies(context, plane, pane) {
    if (pane.x > 0) return;
    context.textAlign = "right";
    let last = Infinity;
    for (const hz of ticks(plane)) {
      const y = plane.y(hz, pane);
      if (last - y < TICK_GAP_PX || y < plane.margin.top + pane.y + 4) continue;
      last = y;
      context.fillStyle = this.ink.line;
      context.fillRect(plane.margin.left - 6, Math.round(y), 5, 1);
      context.fillStyle = this.ink.soft;
      context.fillText(hz >= 1000 ? `${+(hz / 1000).toFixed(3)} k` : `${+hz.toFixed(1)}`, plane.margin.left - 8, y);
    }
  }

  keyboard(context, plane, pane, byVoice) {
    const x = plane.margin.left + plane.width + KEY_GAP;
    const box = { top: plane.margin.top + pane.y, height: pane.height, y: (hz) => plane.y(hz, pane) };
    context.textAlign = "left";
    context.fillStyle = this.ink["key-white"];
    context.fillRect(x, box.top, KEY_WIDTH, box.height);
    let lastName = Infinity;
    const lowest = Math.max(0, Math.ceil(semitone(plane.lowHz) - 0.5));
    // Where lines have the hue of a pitch class, the keys tell which is which.
    const highest = Math.min(127, Math.floor(semitone(plane.highHz) + 0.5));
    for (let key = lowest; byVoice && key <= highest; key++) {
      const [top, height] = extent(box, key);
      context.fillStyle = hue(key % 12);
      context.fillRect(x + BLACK_WIDTH, top, KEY_WIDTH - BLACK_WIDTH, height);
    }
    for (let key = lowest; key <= highest; key++) {
      const [top, height] = extent(box, key);
      context.fillStyle = this.ink[isBlack(key) ? "key-black" : "line"];
      if (isBlack(key)) context.fillRect(x, top, BLACK_WIDTH, height);
      else if (!isBlack(key + 1)) context.fillRect(x, Math.round(top), KEY_WIDTH, 1);
      const y = box.y(noteHertz(key));
      if (y < box.top || y > box.top + box.height || lastName - y < 11) continue;
      if (key % 12 !== 0 && !(height >= 11 && !isBlack(key))) continue;
      lastName = y;
      context.fillStyle = key % 12 === 0 ? this.ink.ink : this.ink.soft;
      context.fillText(name(key), x + KEY_WIDTH + 6, y);
    }
  }

  // Below the lowest panes.
  times(context, plane) {
    this.begin(context);
    context.textAlign = "center";
    context.fillStyle = this.ink.soft;
    const bottom = plane.margin.top + plane.height;
    for (const pane of plane.panes.filter(({ y, height }) => Math.abs(y + height - plane.height) < 1)) {
      const step = STEPS_S.find((s) => (s / plane.spanS) * pane.width >= TIME_GAP_PX) ?? STEPS_S.at(-1);
      for (let n = Math.ceil(plane.startS / step); n * step <= plane.startS + plane.spanS; n++) {
        const x = plane.x(n * step, pane);
        context.fillRect(Math.round(x), bottom + 1, 1, TICK_PX);
        if (x > plane.margin.left + pane.x + 20 && x < plane.margin.left + pane.x + pane.width - 20) context.fillText(clockTime(n * step, step), x, bottom + 13);
      }
    }
  }

  marker(context, plane, pane, { timeS, label }) {
    const x = plane.x(timeS, pane);
    context.fillStyle = this.on.accent;
    context.fillRect(Math.round(x), plane.margin.top + pane.y, 1, pane.height);
    drawName(context, label, x + 4, plane.margin.top + pane.y + 9, this.on);
  }

  // Where the sound is: elements, a line for each pane, which move without anything being drawn.
  stand(plane, positionS) {
    while (this.positions.length > plane.panes.length) this.positions.pop().remove();
    while (this.positions.length < plane.panes.length) {
      const line = Object.assign(document.createElement("i"), { className: "position" });
      this.positions.push(line);
      this.stage.append(line);
    }
    plane.panes.forEach((pane, number) => {
      const x = plane.x(positionS, pane);
      const inside = x >= plane.margin.left + pane.x && x <= plane.margin.left + pane.x + pane.width;
      const [top, height] = [plane.margin.top + pane.y, pane.height];
      const place = `height:${height}px;transform:translate(${x.toFixed(2)}px,${top}px);${inside ? "" : "visibility:hidden"}`;
      const line = this.positions[number];
      if (line.place !== place) line.style.cssText = line.place = place;
    });
  }

  // Everything that moves with the pointer: { selection, cursor, found, slice, alone }. Where nothing does there is no layer.
  animate(plane, moving, pixelRatio) {
    const { canvas } = this.moving;
    canvas.hidden = !Object.values(moving).some(Boolean);
    if (canvas.hidden) return;
    const context = clear(this.moving, pixelRatio);
    this.begin(context);
    for (const pane of plane.panes) {
      context.save();
      context.beginPath();
      context.rect(plane.margin.left + pane.x, plane.margin.top + pane.y - 6, pane.width, pane.height + 6);
      context.clip();
      if (moving.selection) this.selection(context, plane, pane, moving.selection);
      if (moving.slice) this.slice(context, plane, pane, moving.slice(pane));
      if (moving.alone) this.trace(context, plane, pane, moving.alone);
      if (moving.cursor) this.cursor(context, plane, pane, moving);
      context.restore();
    }
  }

  selection(context, plane, pane, { fromS, untilS, lowHz, highHz }) {
    const [x0, x1] = [plane.x(fromS, pane), plane.x(untilS, pane)];
    const [top, bottom] = lowHz ? [plane.y(highHz, pane), plane.y(lowHz, pane)] : [plane.margin.top + pane.y, plane.margin.top + pane.y + pane.height];
    context.fillStyle = context.strokeStyle = this.on.accent;
    context.globalAlpha = 0.13;
    context.fillRect(x0, top, x1 - x0, bottom - top);
    context.globalAlpha = 0.9;
    context.lineWidth = 1;
    context.strokeRect(x0, top, x1 - x0, bottom - top);
    context.globalAlpha = 1;
  }

  trace(context, plane, pane, points) {
    context.strokeStyle = this.on.ink;
    context.lineWidth = 1.5;
    context.setLineDash([2, 3]);
    context.beginPath();
    for (const side of [-5, 5]) points.forEach(({ t, hz }, n) => context[n ? "lineTo" : "moveTo"](plane.x(t, pane), plane.y(hz, pane) + side));
    context.stroke();
    context.setLineDash([]);
  }

  // The spectrum of a moment: its lines as bars from the right, as long as they are loud.
  slice(context, plane, pane, { lines, floorDb, topDb }) {
    const right = plane.margin.left + pane.x + pane.width;
    context.fillStyle = this.on.ground;
    context.globalAlpha = 0.72;
    context.fillRect(right - SLICE_PX, plane.margin.top + pane.y, SLICE_PX, pane.height);
    context.globalAlpha = 1;
    context.fillStyle = this.on.accent;
    for (const { hz, db } of lines.filter((line) => line.hz > plane.lowHz && line.hz < plane.highHz)) {
      const length = SLICE_PX * Math.min(1, Math.max(0, (db - floorDb) / (topDb - floorDb)));
      context.fillRect(right - length, plane.y(hz, pane) - 1, length, 2);
    }
  }

  cursor(context, plane, pane, { cursor, found }) {
    const [x, y] = [plane.x(cursor.timeS, pane), plane.y(cursor.hz, pane)];
    context.fillStyle = this.on.ink;
    context.globalAlpha = 0.4;
    context.fillRect(Math.round(x), plane.margin.top + pane.y, 1, pane.height);
    context.fillRect(plane.margin.left + pane.x, Math.round(y), pane.width, 1);
    context.globalAlpha = 1;
    if (!found) return;
    context.strokeStyle = this.on.accent;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, plane.y(found.hz, pane), 6, 0, 2 * Math.PI);
    context.stroke();
  }
}

function* ticks(plane) {
  if (plane.octaves > 1.2) {
    yield* TICKS_HZ.filter((hz) => hz >= plane.lowHz && hz <= plane.highHz);
    return;
  }
  const step = 10 ** Math.floor(Math.log10((plane.highHz - plane.lowHz) / 4));
  for (let n = Math.ceil(plane.lowHz / step); n * step <= plane.highHz; n++) yield n * step;
}

function clear(context, pixelRatio) {
  context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  return context;
}
