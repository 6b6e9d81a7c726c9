// Draws every pane: columns and strokes give levels, levels give colours.

import { programs } from "./ink.js";
import { PLAIN, SHARP } from "./tiles.js";

const STROKE_PX = 2.5; // a step of a stroke, about
const MOST_STEPS = 2.2; // in a pixel: beyond, there are columns
const MOST_RANGE_DB = 66;
const LEAST_RANGE_DB = 52;
const STEADY_DB = 4;
const OVERVIEW_COLUMNS = 256;

export class Painter {
  constructor(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, preserveDrawingBuffer: true });
    if (!gl) throw new Error("this browser draws no WebGL 2");
    Object.assign(this, { canvas, gl, programs: programs(gl), buffer: gl.createFramebuffer() });
    this.levels = this.texture(gl.NEAREST);
    this.colours = this.texture(gl.LINEAR);
    this.size = [0, 0];
    Object.assign(this, { topDb: -20, floorDb: -80, drawnStrokes: 0 });
  }

  texture(filter) {
    const { gl } = this;
    const made = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, made);
    for (const which of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, which, filter);
    for (const which of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, which, gl.CLAMP_TO_EDGE);
    return made;
  }

  setColours(rgba) {
    const { gl } = this;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.colours);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 256, 1, 0, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
    this.ground = [rgba[0] / 255, rgba[1] / 255, rgba[2] / 255];
  }

  resize(width, height) {
    if (this.size[0] === width && this.size[1] === height) return;
    const { gl } = this;
    this.size = [width, height];
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.levels);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG8, width, height, 0, gl.RG, gl.UNSIGNED_BYTE, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.buffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, this.levels, 0);
  }

  // tilesOf(sheet) → Tiles
  draw(plane, tilesOf, pixelRatio) {
    const { gl } = this;
    this.resize(Math.max(1, this.canvas.width), Math.max(1, this.canvas.height));
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, ...this.size);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    this.drawnStrokes = 0;
    for (const pane of plane.panes) this.pane(plane, pane, tilesOf(pane.sheet), pixelRatio);
  }

  pane(plane, pane, tiles, pixelRatio) {
    const { gl } = this;
    const px = (value) => Math.round(value * pixelRatio);
    const box = { x: px(pane.x), width: Math.max(1, px(pane.width)), height: Math.max(1, px(pane.height)) };
    box.y = this.size[1] - px(pane.y) - box.height;
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.buffer);
    gl.viewport(0, 0, box.width, box.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.BLEND);
    gl.blendEquation(gl.MAX);
    gl.blendFunc(gl.ONE, gl.ONE);
    const framesPerPixel = plane.spanS / tiles.sheet.hop_s / box.width;
    const highest = tiles.format.stroke_levels - 1;
    const strokeLevel = Math.min(highest, Math.max(0, Math.round(Math.log2(framesPerPixel * STROKE_PX))));
    const stroked = framesPerPixel < MOST_STEPS * 2 ** highest;
    if (!stroked || pane.sharp < 1) this.drawColumns(plane, tiles, box, !stroked);
    if (tiles.preview?.texture) this.drawPreview(plane, tiles, box);
    if (stroked && pane.sharp > 0) this.drawStrokes(plane, tiles, box, strokeLevel, pixelRatio);
    gl.disable(gl.BLEND);
    this.colour(box, pane.sharp);
  }

  look(tiles) {
    const { lowest_db: lowest, steps_per_db: steps } = tiles.format;
    return [1 + (this.floorDb - lowest) * steps, 1 / Math.max(1, (this.topDb - this.floorDb) * steps)];
  }

  useColumns(plane, tiles, sharp) {
    const { gl } = this;
    const { columns: use } = this.programs;
    gl.useProgram(use.program);
    gl.activeTexture(gl.TEXTURE0);
    gl.uniform1i(use.levels, 0);
    gl.uniform2f(use.look, ...this.look(tiles));
    gl.uniform1f(use.sharp, sharp ? 1 : 0);
    gl.uniform2f(use.rows, tiles.row(plane.lowHz), tiles.row(plane.highHz));
  }

  // Of a tile whose first column begins at `tileFromS`, what lies between two times.
  drawTile(plane, tiles, box, { tile, tileFromS, columnS, fromS, untilS }) {
    const { gl } = this;
    const { columns: use } = this.programs;
    const clip = (timeS) => ((timeS - plane.startS) / plane.spanS) * 2 - 1;
    // A column stands in the middle of its frames.
    const column = (timeS) => (timeS - tileFromS) / columnS - 0.5;
    gl.bindTexture(gl.TEXTURE_2D, tile.texture);
    gl.uniform4f(use.place, clip(fromS), clip(untilS), column(fromS), column(untilS));
    gl.uniform2f(use.size, tiles.sheet.rows, tile.columns);
    gl.uniform2f(use.step_, plane.spanS / box.width / columnS, (tiles.row(plane.highHz) - tiles.row(plane.lowHz)) / box.height);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  // What is not sharpened yet.
  drawPreview(plane, tiles, box) {
    const { duration_s: untilS, done_s: fromS } = tiles.sheet;
    if (fromS >= plane.startS + plane.spanS) return;
    this.useColumns(plane, tiles, true);
    this.drawTile(plane, tiles, box, { tile: tiles.preview, tileFromS: 0, columnS: untilS / tiles.preview.columns, fromS, untilS });
  }

  drawColumns(plane, tiles, box, sharp) {
    this.useColumns(plane, tiles, sharp);
    const level = columnLevel(plane, tiles, box.width);
    for (const number of tiles.numbers(level, plane.startS, plane.startS + plane.spanS)) {
      const found = nearest(tiles, level, number);
      if (!found) continue;
      const spanS = tiles.tileS * 2 ** level;
      const columnS = tiles.columnS * 2 ** found.level;
      const tileFromS = found.number * tiles.tileS * 2 ** found.level;
      const fromS = number * spanS;
      const untilS = Math.min(fromS + spanS, tileFromS + found.tile.columns * columnS);
      this.drawTile(plane, tiles, box, { tile: found.tile, tileFromS, columnS, fromS, untilS });
    }
  }

  drawStrokes(plane, tiles, box, level, pixelRatio) {
    const { gl } = this;
    const { strokes: use } = this.programs;
    gl.useProgram(use.program);
    const [floor, scale] = this.look(tiles);
    gl.uniform2f(use.look, floor, scale);
    gl.uniform2f(use.pane, box.width, box.height);
    const { steps_per_db: steps, faded_db: fadedDb, flank_db: flankDb } = tiles.format;
    gl.uniform1f(use.fade, fadedDb * steps);
    gl.uniform1f(use.flank, (flankDb * steps * scale) / pixelRatio ** 2);
    const perRow = box.height / (tiles.row(plane.highHz) - tiles.row(plane.lowHz));
    gl.uniform2f(use.pitch, -tiles.row(plane.lowHz) * perRow, perRow / tiles.format.row_steps);
    const perSecond = box.width / plane.spanS;
    const slackS = tiles.sheet.hop_s * 2 ** level;
    for (const number of tiles.numbers(level, plane.startS - slackS, plane.startS + plane.spanS)) {
      const tile = tiles.get("s", level, number);
      if (!tile?.count) continue;
      const tileFromS = number * tiles.tileS * 2 ** level;
      gl.uniform2f(use.time, (tileFromS - plane.startS) * perSecond, tiles.sheet.hop_s * perSecond);
      gl.bindBuffer(gl.ARRAY_BUFFER, tile.buffer);
      [[gl.UNSIGNED_SHORT, 0, false], [gl.UNSIGNED_SHORT, 4, false], [gl.UNSIGNED_BYTE, 8, false], [gl.UNSIGNED_BYTE, 10, true]].forEach(
        ([kind, offset, normalized], place) => {
          gl.enableVertexAttribArray(place);
          gl.vertexAttribPointer(place, 2, kind, normalized, 12, offset);
          gl.vertexAttribDivisor(place, 1);
        },
      );
      const count = tiles.louder(tile, floor);
      gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, count);
      this.drawnStrokes += count;
    }
    for (const place of [0, 1, 2, 3]) gl.disableVertexAttribArray(place);
  }

  colour(box, blend) {
    const { gl } = this;
    const { colours: use } = this.programs;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(box.x, box.y, box.width, box.height);
    gl.useProgram(use.program);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.levels);
    gl.uniform1i(use.levels, 0);
    gl.uniform1i(use.colours, 1);
    gl.uniform2f(use.share, box.width / this.size[0], box.height / this.size[1]);
    gl.uniform1f(use.blend, blend);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  // Levels from the loudest of what is shown down to its noise; steady: small changes change nothing. True if it moved.
  listen(plane, tilesOf, rangeDb) {
    const sums = [new Float64Array(256), new Float64Array(256)];
    let format = null;
    for (const { sheet, width } of plane.panes) {
      const tiles = tilesOf(sheet);
      format = tiles.format;
      const level = columnLevel(plane, tiles, width);
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

export function columnLevel(plane, tiles, width) {
  const perPixel = plane.spanS / width / tiles.columnS;
  return Math.min(tiles.format.column_levels - 1, Math.max(0, Math.floor(Math.log2(perPixel) + 0.3)));
}

// The tile of this level or, until it has come, of one above.
function nearest(tiles, level, number) {
  for (let above = 0; level + above < tiles.format.column_levels; above++) {
    const tile = tiles.get("r", level + above, number >> above, above === 0);
    if (tile?.texture) return { tile, level: level + above, number: number >> above };
  }
  return null;
}

function quantile(histogram, share) {
  const total = histogram.reduce((sum, count, byte) => sum + (byte > 0 ? count : 0), 0);
  let sum = 0;
  return Math.max(1, histogram.findIndex((count, byte) => byte > 0 && (sum += count) >= share * total));
}
