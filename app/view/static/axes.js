// Frequency in Hz on the left, a keyboard with note names on the right, time below: drawn when something changes.

import { hertz, isBlack, name, noteHertz, semitone } from "./music.js";
import { SHARP } from "./history.js";
import { MARGIN } from "./view.js";

export const TICKS_HZ = [20, 30, 40, 50, 60, 80, 100, 150, 200, 300, 400, 500, 600, 800, 1000, 1500, 2000, 3000, 4000, 5000, 6000, 8000, 10000, 15000, 20000];
export const KEY_WIDTH = 40;
export const BLACK_WIDTH = 25;
export const KEY_GAP = 6;
const TICK_GAP_PX = 26;
const NAME_GAP_PX = 11;
const TIME_STEPS_S = [0.1, 0.2, 0.5, 1, 2, 5, 10];
const TIME_GAP_PX = 70;
const COLUMNS_HEARD = 4;
const KEY_RANGE_DB = 30;

// Names on the rulers: a little smaller than the page's text, which is larger on large screens.
export const rulerFont = () => `${Math.round(0.85 * parseFloat(getComputedStyle(document.body).fontSize))}px system-ui, sans-serif`;

export class Axes {
  constructor(still, moving) {
    this.still = still.getContext("2d");
    this.moving = moving.getContext("2d");
    this.keys = new Float32Array(128);
    this.restyle();
  }

  restyle() {
    const style = getComputedStyle(document.documentElement);
    this.font = rulerFont();
    this.ink = Object.fromEntries(
      ["ink", "soft", "line", "accent", "key-white", "key-black"].map((key) => [key, style.getPropertyValue(`--${key}`).trim()]),
    );
  }

  // Everything that stands still.
  draw(view, pixelRatio) {
    const context = clear(this.still, pixelRatio);
    context.font = this.font;
    context.textBaseline = "middle";
    this.drawHertz(context, view);
    this.drawKeyboard(context, view);
    this.drawTime(context, view);
    context.textAlign = "left";
    context.fillStyle = this.ink.soft;
    for (const pane of view.panes) context.fillText(pane.title, MARGIN.left + pane.x, MARGIN.top - 9);
  }

  drawHertz(context, view) {
    context.textAlign = "right";
    let last = Infinity;
    for (const hz of TICKS_HZ) {
      const y = view.y(hz);
      if (hz < view.lowHz || hz > view.highHz || last - y < TICK_GAP_PX) continue;
      last = y;
      context.fillStyle = this.ink.line;
      context.fillRect(MARGIN.left - 6, Math.round(y), 5, 1);
      context.fillStyle = this.ink.soft;
      context.fillText(hz >= 1000 ? `${hz / 1000} k` : `${hz}`, MARGIN.left - 10, y);
    }
    context.fillText("Hz", MARGIN.left - 10, MARGIN.top - 9);
  }

  drawKeyboard(context, view) {
    context.textAlign = "left";
    context.fillStyle = this.ink["key-white"];
    context.fillRect(keyboardX(view), MARGIN.top, KEY_WIDTH, view.height);
    let lastName = Infinity;
    for (const key of keysOf(view)) {
      const [top, height] = extent(boxOf(view), key);
      context.fillStyle = this.ink[isBlack(key) ? "key-black" : "line"];
      if (isBlack(key)) context.fillRect(keyboardX(view), top, BLACK_WIDTH, height);
      else if (!isBlack(key + 1)) context.fillRect(keyboardX(view), Math.round(top), KEY_WIDTH, 1);
      const y = view.y(noteHertz(key));
      const roomy = height >= NAME_GAP_PX;
      if (y < MARGIN.top || y > MARGIN.top + view.height || lastName - y < NAME_GAP_PX) continue;
      if (key % 12 !== 0 && !(roomy && !isBlack(key))) continue;
      lastName = y;
      context.fillStyle = key % 12 === 0 ? this.ink.ink : this.ink.soft;
      context.fillText(name(key), keyboardX(view) + KEY_WIDTH + 6, y);
      if (key % 12 === 0) context.fillRect(keyboardX(view) - KEY_GAP + 1, Math.round(y), 4, 1);
    }
  }

  drawTime(context, view) {
    context.textAlign = "center";
    context.fillStyle = this.ink.soft;
    for (const pane of view.panes) {
      const step = TIME_STEPS_S.find((s) => (s / view.spanS) * pane.width >= TIME_GAP_PX) ?? TIME_STEPS_S.at(-1);
      for (let back = step; back < view.spanS; back += step) {
        const x = MARGIN.left + pane.x + pane.width * (1 - back / view.spanS);
        context.fillRect(Math.round(x), MARGIN.top + view.height + 1, 1, 4);
        if (x > MARGIN.left + pane.x + 18) context.fillText(`−${+back.toFixed(1)} s`, x, MARGIN.top + view.height + 13);
      }
    }
  }

  // Everything that moves: keys that sound, gaps, the cursor.
  animate(view, history, gaps, found, pixelRatio) {
    const context = clear(this.moving, pixelRatio);
    if (history) {
      this.listen(view, history);
      this.drawSounding(context, view);
    }
    for (const gap of gaps) this.drawGap(context, view, gap);
    if (view.cursor) this.drawCursor(context, view, found);
  }

  // How strongly each key sounds now: held while it falls, so that the eye can follow.
  listen(view, history) {
    const now = Math.min(history.newest, Math.round(view.edgeS / history.axes.column_s));
    for (let key = 21; key < 128; key++) {
      const from = Math.max(0, Math.ceil(history.row(hertz(key - 0.5))));
      const to = Math.min(history.rows - 1, Math.floor(history.row(hertz(key + 0.5))));
      let top = 0;
      for (let row = from; row <= to; row++) {
        for (let back = 0; back < COLUMNS_HEARD; back++) top = Math.max(top, history.at(now - back, row, SHARP));
      }
      const share = 1 + (history.decibels(top) - view.topDb) / KEY_RANGE_DB;
      this.keys[key] = Math.max(this.keys[key] * 0.85, Math.min(1, Math.max(0, share)));
    }
  }

  drawSounding(context, view) {
    context.fillStyle = this.ink.accent;
    for (const key of keysOf(view)) {
      if (this.keys[key] < 0.05) continue;
      const [top, height] = extent(boxOf(view), key);
      context.globalAlpha = this.keys[key] ** 2;
      context.fillRect(keyboardX(view), top, isBlack(key) ? BLACK_WIDTH : KEY_WIDTH, height);
    }
    context.globalAlpha = 1;
  }

  drawGap(context, view, gap) {
    context.font = this.font;
    context.textAlign = "left";
    context.fillStyle = this.ink.accent;
    for (const pane of view.panes) {
      const x = view.x(gap.start_s, pane);
      if (x < MARGIN.left + pane.x || x > MARGIN.left + pane.x + pane.width) continue;
      context.fillRect(x, MARGIN.top, 1, view.height);
      context.fillText(`${gap.cause} ${gap.length_s.toFixed(2)} s`, x + 5, MARGIN.top + 12);
    }
  }

  drawCursor(context, view, found) {
    const { x, y } = view.cursor;
    const time = view.time(x);
    context.fillStyle = this.ink.ink;
    context.globalAlpha = 0.55;
    for (const pane of view.panes) {
      context.fillRect(Math.round(view.x(time, pane)), MARGIN.top, 1, view.height);
      context.fillRect(MARGIN.left + pane.x, Math.round(y), pane.width, 1);
    }
    context.globalAlpha = 1;
    if (!found) return;
    context.strokeStyle = this.ink.accent;
    context.lineWidth = 2;
    for (const pane of view.panes) {
      context.beginPath();
      context.arc(view.x(time, pane), view.y(found.hz), 6, 0, 2 * Math.PI);
      context.stroke();
    }
  }
}

function clear(context, pixelRatio) {
  context.setTransform(pixelRatio, 0, 0, pixelRatio, 0, 0);
  context.clearRect(0, 0, context.canvas.width, context.canvas.height);
  return context;
}

const keyboardX = (view) => MARGIN.left + view.width + KEY_GAP;

const boxOf = (view) => ({ top: MARGIN.top, height: view.height, y: (hz) => view.y(hz) });

function* keysOf(view) {
  const last = Math.min(127, Math.floor(semitone(view.highHz) + 0.5));
  for (let key = Math.max(0, Math.ceil(semitone(view.lowHz) - 0.5)); key <= last; key++) yield key;
}

// Top and height of a key, within a picture { top, height, y(hz) }, with a hair's breadth between keys.
export function extent(picture, key) {
  const top = Math.max(picture.top, picture.y(hertz(key + 0.5)));
  const bottom = Math.min(picture.top + picture.height, picture.y(hertz(key - 0.5)));
  return [top, Math.max(0, bottom - top - (bottom - top > 3 ? 1 : 0))];
}
