// What is shown: the ranges, the panes, and where a time and a frequency stand.

export const MARGIN = { left: 56, right: 88, top: 20, bottom: 22 };
const PANE_GAP = 10;
const SHORTEST_S = 0.5;
const LONGEST_S = 40;
const FEWEST_OCTAVES = 0.5;
const PULL_PER_S = 6; // how fast the shown time follows the newest: smooth at 60 frames a second, and late by nothing
const JUMP_S = 0.3;
const RANGE_DB = 55;
const STEADY_DB = 5; // the range follows what is louder or softer by more than this
const LEAST_TOP_DB = -70; // below, it is the noise of an empty input
const LEAD_S = 0.008; // a pixel or so: batches come in steps, and what is newest is not to wait for the mean of them

export class View {
  constructor() {
    Object.assign(this, { paused: false, auto: true, beside: false, blend: 1, floorDb: -72, topDb: -20, spanS: 8, edgeS: 0 });
    this.cursor = null; // { x, y } in pixels of the stage
    this.panes = [{ x: 0, width: 1, sharp: 1 }];
    this.width = this.height = 1; // of the picture, CSS pixels
    this.reset({ low_hz: 55, rows: 769, rows_per_octave: 96 });
  }

  // The whole range of these axes.
  reset(axes) {
    this.lowestHz = axes.low_hz;
    this.highestHz = axes.low_hz * 2 ** ((axes.rows - 1) / axes.rows_per_octave);
    this.whole();
  }

  whole() {
    this.lowHz = this.lowestHz;
    this.highHz = this.highestHz;
  }

  layOut(width, height) {
    this.width = Math.max(1, width - MARGIN.left - MARGIN.right);
    this.height = Math.max(1, height - MARGIN.top - MARGIN.bottom);
    const half = (this.width - PANE_GAP) / 2;
    this.panes = this.beside
      ? [{ x: 0, width: half, sharp: 0, title: "filterbank" }, { x: half + PANE_GAP, width: half, sharp: 1, title: "sharpened" }]
      : [{ x: 0, width: this.width, sharp: this.blend, title: this.title() }];
  }

  title() {
    if (this.blend === 0) return "filterbank";
    return this.blend === 1 ? "sharpened" : `sharpened ${Math.round(100 * this.blend)} %, filterbank ${Math.round(100 - 100 * this.blend)} %`;
  }

  // Let time go on: by the clock, drawn towards the newest column.
  advance(elapsedS, newestS) {
    if (this.paused) return;
    const behind = newestS + LEAD_S - this.edgeS - elapsedS;
    this.edgeS = Math.abs(behind) > JUMP_S ? newestS + LEAD_S : this.edgeS + elapsedS + behind * Math.min(1, PULL_PER_S * elapsedS);
  }

  // The range that suits a loudest line, if it is chosen here; true if it has changed.
  listen(loudestDb) {
    if (!this.auto || loudestDb === null) return false;
    const topDb = Math.max(LEAST_TOP_DB, Math.round(loudestDb));
    if (Math.abs(topDb - this.topDb) <= STEADY_DB) return false;
    Object.assign(this, { topDb, floorDb: topDb - RANGE_DB });
    return true;
  }

  zoomTime(factor) {
    this.spanS = Math.min(LONGEST_S, Math.max(SHORTEST_S, this.spanS * factor));
  }

  // Zoom so that `hz` stays where it is.
  zoomFrequency(factor, hz) {
    const whole = Math.log2(this.highestHz / this.lowestHz);
    const octaves = Math.min(whole, Math.max(FEWEST_OCTAVES, Math.log2(this.highHz / this.lowHz) * factor));
    const share = Math.log2(hz / this.lowHz) / Math.log2(this.highHz / this.lowHz);
    this.lowHz = hz * 2 ** (-share * octaves);
    this.highHz = this.lowHz * 2 ** octaves;
    this.moveFrequency(0);
  }

  moveFrequency(octaves) {
    const range = this.highHz / this.lowHz;
    this.lowHz = Math.min(this.highestHz / range, Math.max(this.lowestHz, this.lowHz * 2 ** octaves));
    this.highHz = this.lowHz * range;
  }

  moveTime(seconds, newestS) {
    if (this.paused) this.edgeS = Math.min(newestS, this.edgeS + seconds);
  }

  // Stage coordinates, CSS pixels.
  y(hz) {
    return MARGIN.top + this.height * (1 - Math.log2(hz / this.lowHz) / Math.log2(this.highHz / this.lowHz));
  }

  hz(y) {
    return this.lowHz * (this.highHz / this.lowHz) ** (1 - (y - MARGIN.top) / this.height);
  }

  paneAt(x) {
    return this.panes.find((pane) => x - MARGIN.left <= pane.x + pane.width) ?? this.panes.at(-1);
  }

  time(x) {
    const pane = this.paneAt(x);
    return this.edgeS - this.spanS * (1 - (x - MARGIN.left - pane.x) / pane.width);
  }

  x(timeS, pane) {
    return MARGIN.left + pane.x + pane.width * (1 - (this.edgeS - timeS) / this.spanS);
  }
}
