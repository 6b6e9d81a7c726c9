// Where times and frequencies stand: the stretch that is shown, and the panes that show it, one below or beside the other.

import { MARGIN } from "./view.js";

const GAP = 10;
const SHORTEST_S = 0.03;
const FEWEST_OCTAVES = 0.15;

export class Plane {
  constructor() {
    Object.assign(this, { startS: 0, spanS: 10, fromS: 0, toS: 10, lowestHz: 55, highestHz: 14080, lowHz: 55, highHz: 14080 });
    Object.assign(this, { blend: 1, beside: false, width: 1, height: 1, margin: { ...MARGIN } });
    this.panes = [];
  }

  bound(fromS, toS, lowestHz, highestHz) {
    Object.assign(this, { fromS, toS, lowestHz, highestHz });
  }

  whole() {
    Object.assign(this, { startS: this.fromS, spanS: Math.max(SHORTEST_S, this.toS - this.fromS) });
    this.wholeFrequency();
  }

  wholeFrequency() {
    Object.assign(this, { lowHz: this.lowestHz, highHz: this.highestHz });
  }

  // A pane for each sheet, from top to bottom; with plain and sharp beside each other two, below each other where it is narrow.
  layOut(width, height, sheets) {
    const narrow = width < 720;
    Object.assign(this.margin, narrow ? { left: 38, right: 10 } : { left: MARGIN.left, right: MARGIN.right });
    this.keyboard = !narrow;
    this.width = Math.max(1, width - this.margin.left - this.margin.right);
    this.height = Math.max(1, height - this.margin.top - this.margin.bottom);
    const layers = this.beside ? [{ sharp: 0, name: "filterbank" }, { sharp: 1, name: "sharpened" }] : [{ sharp: this.blend, name: "" }];
    const across = this.beside && !narrow ? 2 : 1;
    const down = sheets.length * (layers.length / across);
    const paneWidth = (this.width - (across - 1) * GAP) / across;
    const paneHeight = (this.height - (down - 1) * (GAP + 8)) / down;
    this.panes = sheets.flatMap((sheet, number) => layers.map(({ sharp, name }, layer) => {
      const [column, row] = across === 2 ? [layer, number] : [0, number * layers.length + layer];
      const title = [sheets.length > 1 ? sheet.name : "", name].filter(Boolean).join(" · ");
      return { sheet, sharp, title, x: column * (paneWidth + GAP), y: row * (paneHeight + GAP + 8), width: paneWidth, height: paneHeight };
    }));
  }

  show(startS, spanS) {
    const whole = Math.max(SHORTEST_S, this.toS - this.fromS);
    this.spanS = Math.min(whole, Math.max(SHORTEST_S, spanS));
    this.startS = Math.min(this.toS - this.spanS, Math.max(this.fromS, startS));
  }

  showHz(lowHz, octaves) {
    const whole = Math.log2(this.highestHz / this.lowestHz);
    const range = 2 ** Math.min(whole, Math.max(FEWEST_OCTAVES, octaves));
    this.lowHz = Math.min(this.highestHz / range, Math.max(this.lowestHz, lowHz));
    this.highHz = this.lowHz * range;
  }

  get octaves() {
    return Math.log2(this.highHz / this.lowHz);
  }

  // Zoom so that `timeS` stays where it is.
  zoomTime(factor, timeS) {
    const share = (timeS - this.startS) / this.spanS;
    const spanS = Math.min(this.toS - this.fromS, Math.max(SHORTEST_S, this.spanS * factor));
    this.show(timeS - share * spanS, spanS);
  }

  zoomFrequency(factor, hz) {
    const share = Math.log2(hz / this.lowHz) / this.octaves;
    const octaves = Math.min(Math.log2(this.highestHz / this.lowestHz), Math.max(FEWEST_OCTAVES, this.octaves * factor));
    this.showHz(hz * 2 ** (-share * octaves), octaves);
  }

  move(seconds, octaves) {
    this.show(this.startS + seconds, this.spanS);
    this.showHz(this.lowHz * 2 ** octaves, this.octaves);
  }

  // Keep a moving position in the picture: turn the page when it leaves.
  follow(timeS) {
    if (timeS >= this.startS && timeS <= this.startS + this.spanS) return false;
    this.show(timeS - 0.05 * this.spanS, this.spanS);
    return true;
  }

  // Stage coordinates, CSS pixels.
  x(timeS, pane) {
    return this.margin.left + pane.x + ((timeS - this.startS) / this.spanS) * pane.width;
  }

  y(hz, pane) {
    return this.margin.top + pane.y + pane.height * (1 - Math.log2(hz / this.lowHz) / this.octaves);
  }

  time(x, pane) {
    return this.startS + ((x - this.margin.left - pane.x) / pane.width) * this.spanS;
  }

  hz(y, pane) {
    return this.lowHz * 2 ** ((1 - (y - this.margin.top - pane.y) / pane.height) * this.octaves);
  }

  paneAt(x, y) {
    const distance = ({ x: left, y: top, width, height }) =>
      Math.hypot(x - clamp(x, this.margin.left + left, width), y - clamp(y, this.margin.top + top, height));
    return this.panes.reduce((best, pane) => (distance(pane) < distance(best) ? pane : best), this.panes[0]);
  }
}

const clamp = (value, from, length) => Math.min(from + length, Math.max(from, value));
