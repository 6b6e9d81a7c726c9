// Draws every pane: columns and strokes give levels, slab by slab; levels give colours, once; what scrolls is coloured slabs.

import { columnLevel, contents, nearest, reached } from "./contents.js";
import { programs } from "./ink.js";
import { SLAB_PX, Slabs } from "./slabs.js";
import { PLAIN, SHARP } from "./tiles.js";

const MOST_RANGE_DB = 66;
const LEAST_RANGE_DB = 52;
const STEADY_DB = 4;
const FEWEST_STROKES = 2000; // to be drawn between two pictures
const MOST_STROKES = 1_000_000;
const SLOW_MS = 30;
const QUICK_MS = 20;

export class Painter {
  constructor(canvas) {
    // Opaque, and handed over, not copied: the browser has less to do for each picture.
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    if (!gl) throw new Error("this browser draws no WebGL 2");
    Object.assign(this, { canvas, gl, programs: programs(gl), slabs: new Slabs(gl), before: new Map() });
    Object.assign(this, { topDb: -20, floorDb: -80, budget: 2 * FEWEST_STROKES, drawn: 0, drewAt: 0, byVoice: false, tables: 0 });
    this.colours = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    for (const which of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, which, gl.LINEAR);
    for (const which of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, which, gl.CLAMP_TO_EDGE);
  }

  // byVoice: lines have the hue of their voice's pitch class.  between: what is seen between panes, as #rrggbb.
  setColours(rgba, byVoice, between) {
    const { gl } = this;
    this.byVoice = byVoice;
    this.tables += 1;
    this.between = [1, 3, 5].map((at) => parseInt(between.slice(at, at + 2), 16) / 255);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
    this.ground = [rgba[0] / 255, rgba[1] / 255, rgba[2] / 255];
  }

  // tilesOf(sheet) → Tiles. Returns whether all is drawn that can be: what is not comes with the next pictures, so that none waits long.
  draw(plane, tilesOf, pixelRatio, budget = this.affordable()) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.clearColor(...this.between, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.drawn = 0;
    this.left = budget;
    return plane.panes.map((pane) => this.pane(plane, pane, tilesOf(pane.sheet), pixelRatio)).every(Boolean);
  }

  // How many strokes to draw now: fewer where the last ones kept the picture from moving.
  affordable() {
    const now = performance.now();
    const took = now - this.drewAt;
    this.drewAt = now;
    if (this.drawn && took > SLOW_MS) this.budget = Math.max(FEWEST_STROKES, this.budget / 2);
    if (this.drawn && took < QUICK_MS) this.budget = Math.min(MOST_STROKES, this.budget * 1.5);
    return this.budget;
  }

  pane(plane, pane, tiles, pixelRatio) {
    const { gl } = this;
    const px = (value) => Math.round(value * pixelRatio);
    const box = { x: px(pane.x), width: Math.max(1, px(pane.width)), height: Math.max(1, px(pane.height)) };
    box.y = this.canvas.height - px(pane.y) - box.height;
    const secondsPerPx = plane.spanS / box.width;
    const firstPx = Math.round(plane.startS / secondsPerPx);
    const look = { tiles, pixelRatio, secondsPerPx, height: box.height, lowHz: plane.lowHz, highHz: plane.highHz, sharp: pane.sharp > 0, plain: pane.sharp < 1 };
    // Plain and sharp beside each other have slabs of their own, as each has its own colours.
    const whose = [tiles.sheet.folder, plane.beside && pane.sharp].join();
    const name = [whose, secondsPerPx, box.height, plane.lowHz, plane.highHz, this.floorDb, this.topDb].join();
    const [first, last] = [Math.floor(firstPx / SLAB_PX), Math.floor((firstPx + box.width - 1) / SLAB_PX)];
    const numbers = Array.from({ length: last - first + 1 }, (_, n) => first + n);
    const shown = numbers.map((number) => this.slab(`${name},${number}`, number, look));
    const whole = shown.every(({ fresh }) => fresh);
    if (whole) for (const number of [last + 1, first - 1]) if (number >= 0) this.slab(`${name},${number}`, number, look);
    const there = shown.every(({ texture }) => texture);
    // What was last shown whole, at whatever scale, stands where there is nothing yet.
    const below = there ? [] : (this.before.get(whose) ?? []);
    for (const slab of [...below, ...shown]) if (slab.texture) this.colour(slab, pane.sharp);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(box.x, box.y, box.width, box.height);
    if (!there) {
      gl.clearColor(...this.ground, 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
    }
    gl.useProgram(this.programs.shown.program);
    gl.activeTexture(gl.TEXTURE0);
    for (const slab of below) this.show(slab, plane, box);
    shown.forEach((slab, n) => this.show(slab, plane, box, numbers[n] * SLAB_PX - firstPx));
    gl.disable(gl.SCISSOR_TEST);
    if (whole) this.before.set(whose, shown);
    return shown.every(({ fresh, waits }) => fresh || waits);
  }

  // The slab of that number, drawn anew if there is something new, and budget for it; without a texture where there is none yet.
  // waits: for tiles, whose arrival is told. What lacks some is not drawn: it would be a hole in what stood there before.
  slab(name, number, look) {
    const scale = { startS: number * SLAB_PX * look.secondsPerPx, spanS: SLAB_PX * look.secondsPerPx, lowHz: look.lowHz, highHz: look.highHz };
    const made = contents(look, scale);
    let slab = this.slabs.get(name);
    const sharp = look.sharp || Boolean(slab?.sharp);
    const plain = look.plain || Boolean(slab?.plain);
    const fresh = slab && slab.sharp === sharp && slab.plain === plain && slab.stamp.length === made.stamp.length && slab.stamp.every((each, n) => each === made.stamp[n]);
    if (fresh || made.lacking || this.left <= 0) return Object.assign(slab ?? {}, { fresh, waits: made.lacking });
    slab = this.slabs.begin(name, scale, look.height);
    Object.assign(slab, { sharp, plain, stamp: made.stamp, fresh: true });
    const count = this.fill(look.tiles, scale, made, { width: SLAB_PX, height: look.height }, { sharp, plain, pixelRatio: look.pixelRatio });
    this.left -= count + FEWEST_STROKES;
    this.drawn += count + 1;
    return slab;
  }

  // Draw what a stretch shows; returns how many strokes that were.
  fill(tiles, scale, { level, strokes, columns, preview }, box, { sharp, plain, pixelRatio }) {
    const { gl } = this;
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    for (const column of columns) this.drawTile(scale, tiles, box, column, { sharp: sharp && level === null, plain });
    if (preview) this.drawTile(scale, tiles, box, preview, { sharp, plain });
    let count = 0;
    if (level !== null && sharp) {
      gl.colorMask(true, false, true, false);
      gl.enable(gl.DEPTH_TEST);
      gl.depthFunc(gl.LESS);
      count = this.drawStrokes(scale, tiles, box, level, strokes, pixelRatio);
      gl.disable(gl.DEPTH_TEST);
      gl.colorMask(true, true, true, true);
    }
    return count;
  }

  look(tiles) {
    const { lowest_db: lowest, steps_per_db: steps } = tiles.format;
    return [1 + (this.floorDb - lowest) * steps, 1 / Math.max(1, (this.topDb - this.floorDb) * steps)];
  }

  // Of a tile whose first column begins at `tileFromS`, what lies between two times.
  drawTile(scale, tiles, box, { tile, tileFromS, columnS, fromS, untilS }, { sharp, plain }) {
    const { gl } = this;
    const { columns: use } = this.programs;
    const clip = (timeS) => ((timeS - scale.startS) / scale.spanS) * 2 - 1;
    // A column stands in the middle of its frames.
    const column = (timeS) => (timeS - tileFromS) / columnS - 0.5;
    const [low, high] = [tiles.row(scale.lowHz), tiles.row(scale.highHz)];
    gl.useProgram(use.program);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, tile.texture);
    gl.uniform1i(use.levels, 0);
    gl.uniform2f(use.look, ...this.look(tiles));
    gl.uniform2f(use.rows, low, high);
    gl.uniform4f(use.place, clip(fromS), clip(untilS), column(fromS), column(untilS));
    gl.uniform2f(use.size, tiles.sheet.rows, tile.columns);
    gl.uniform2f(use.step_, scale.spanS / box.width / columnS, (high - low) / box.height);
    gl.colorMask(sharp, plain, false, false);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    gl.colorMask(true, true, true, true);
  }

  drawStrokes(scale, tiles, box, level, strokes, pixelRatio) {
    const { gl } = this;
    const { strokes: use } = this.programs;
    gl.useProgram(use.program);
    const [floor, perByte] = this.look(tiles);
    gl.uniform2f(use.look, floor, perByte);
    gl.uniform2f(use.pane, box.width, box.height);
    const { steps_per_db: steps, faded_db: fadedDb, flank_db: flankDb } = tiles.format;
    gl.uniform1f(use.fade, fadedDb * steps);
    gl.uniform1f(use.flank, (flankDb * steps * perByte) / pixelRatio ** 2);
    const perRow = box.height / (tiles.row(scale.highHz) - tiles.row(scale.lowHz));
    gl.uniform2f(use.pitch, -tiles.row(scale.lowHz) * perRow, perRow / tiles.format.row_steps);
    const perSecond = box.width / scale.spanS;
    gl.uniform1i(use.strokes, 0);
    gl.activeTexture(gl.TEXTURE0);
    let drawn = 0;
    for (const { tile, number } of strokes) {
      if (!tile?.count) continue;
      const tileFromS = number * tiles.tileS * 2 ** level;
      gl.uniform2f(use.time, (tileFromS - scale.startS) * perSecond, tiles.sheet.hop_s * perSecond);
      gl.bindTexture(gl.TEXTURE_2D, tile.texture);
      const [fromS, untilS] = reached(scale, tiles, level, SLAB_PX);
      for (const [first, count] of tiles.louder(tile, fromS - tileFromS, untilS - tileFromS, floor)) {
        gl.drawArrays(gl.TRIANGLES, 6 * first, 6 * count);
        drawn += count;
      }
    }
    return drawn;
  }

  // Give a slab the colours of its levels, unless it has them.
  colour(slab, blend) {
    const { gl } = this;
    const { colours: use } = this.programs;
    if (!this.slabs.colour(slab, `${blend} ${this.tables}`)) return;
    gl.useProgram(use.program);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, slab.levels);
    gl.uniform1i(use.levels, 0);
    gl.uniform1i(use.colours, 1);
    gl.uniform1f(use.blend, blend);
    gl.uniform1f(use.hued, this.byVoice ? 1 : 0);
    gl.uniform4f(use.place, -1, -1, 2, 2);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  // Show a coloured slab: pixel by pixel from `leftPx` on, or stretched to where its time and frequencies stand now.
  show(slab, plane, box, leftPx = null) {
    const { gl } = this;
    if (!slab.texture) return;
    const { startS, spanS, lowHz, highHz } = slab.scale;
    const across = (timeS) => box.x + ((timeS - plane.startS) / plane.spanS) * box.width;
    const up = (hz) => box.y + (Math.log2(hz / plane.lowHz) / plane.octaves) * box.height;
    const [left, width] = leftPx === null ? [across(startS), across(startS + spanS) - across(startS)] : [box.x + leftPx, SLAB_PX];
    const [bottom, height] = leftPx === null ? [up(lowHz), up(highHz) - up(lowHz)] : [box.y, box.height];
    gl.uniform4f(this.programs.shown.place, (2 * left) / this.canvas.width - 1, (2 * bottom) / this.canvas.height - 1, (2 * width) / this.canvas.width, (2 * height) / this.canvas.height);
    gl.bindTexture(gl.TEXTURE_2D, slab.texture);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  // Levels from the loudest of what is shown down to its noise; steady: small changes change nothing. True if it moved.
  listen(plane, tilesOf, rangeDb) {
    const sums = [new Float64Array(256), new Float64Array(256)];
    let format = null;
    for (const { sheet, width } of plane.panes) {
      const tiles = tilesOf(sheet);
      format = tiles.format;
      const level = columnLevel(plane.spanS / width, tiles);
      for (const number of tiles.numbers(level, plane.startS, plane.startS + plane.spanS)) {
        const tile = tiles.held.get(`r${level}-${number}`) ?? nearest(tiles, level, number)?.tile ?? tiles.preview;
        for (const layer of [SHARP, PLAIN]) tile?.histograms[layer].forEach((count, byte) => (sums[layer][byte] += count));
      }
    }
    if (!format) return false;
    const db = (byte) => format.lowest_db + (byte - 1) / format.steps_per_db;
    const loudest = db(sums[SHARP].findLastIndex((count) => count > 3));
    const noise = db(quantile(sums[PLAIN], 0.4));
    if (!(loudest > format.lowest_db)) return false;
    const range = rangeDb ?? Math.min(MOST_RANGE_DB, Math.max(LEAST_RANGE_DB, loudest - noise - 2));
    const [topDb, floorDb] = [loudest, loudest - range];
    const steady = rangeDb === null ? STEADY_DB : 0;
    if (Math.abs(topDb - this.topDb) <= STEADY_DB && Math.abs(floorDb - this.floorDb - (topDb - this.topDb)) <= steady) return false;
    Object.assign(this, { topDb, floorDb });
    return true;
  }
}

function quantile(histogram, share) {
  const total = histogram.reduce((sum, count, byte) => sum + (byte > 0 ? count : 0), 0);
  let sum = 0;
  return Math.max(1, histogram.findIndex((count, byte) => byte > 0 && (sum += count) >= share * total));
}
