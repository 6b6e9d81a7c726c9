// Tiles of one recording, fetched when they are looked at and let go when they are not.

const MOST_BYTES = 192 << 20;
const MOST_PENDING = 6;
const STROKE_BYTES = 12;
export const SHARP = 0;
export const PLAIN = 1;

export class Tiles {
  // format: what the server says of all tiles; arrived() is called when there is something new to draw
  constructor(gl, format, arrived) {
    Object.assign(this, { gl, format, arrived });
    this.held = new Map(); // name → { bytes, columns | count, texture | buffer, doneS, usedAt }
    this.pending = new Set();
    this.size = 0;
    this.clock = 0;
  }

  set sheet(sheet) {
    this.about = sheet;
    this.columnS = sheet.hop_s * this.format.pool;
    this.tileS = sheet.hop_s * this.format.tile_frames;
  }

  get sheet() {
    return this.about;
  }

  tick() {
    this.clock += 1;
  }

  // The tile, if it is here; it is asked for if it is not, or has grown since.
  get(kind, level, number, wanted = true) {
    const name = `${kind}${level}-${number}`;
    const tile = this.held.get(name);
    const [fromS, untilS] = [number * this.tileS * 2 ** level, (number + 1) * this.tileS * 2 ** level];
    const { done_s: doneS, complete } = this.sheet;
    const stale = !tile || (tile.doneS < untilS + 1 && (tile.doneS < doneS || (complete && !tile.complete)));
    if (wanted && stale && fromS < doneS) this.fetch(kind, name);
    if (tile) tile.usedAt = this.clock;
    return tile;
  }

  // What is shown of all until it is sharpened.
  get preview() {
    if (this.sheet.complete || !this.sheet.preview) return null;
    const tile = this.held.get("p0-0");
    if (!tile) this.fetch("p", "p0-0");
    else tile.usedAt = this.clock;
    return tile;
  }

  async fetch(kind, name) {
    if (this.pending.size >= MOST_PENDING || this.pending.has(name)) return;
    this.pending.add(name);
    const { done_s: doneS, complete } = this.sheet;
    try {
      const answer = await fetch(`data/${this.sheet.folder}/${name}`);
      const bytes = answer.ok ? new Uint8Array(await answer.arrayBuffer()) : new Uint8Array(0);
      this.keep(kind, name, bytes, { doneS, complete });
    } catch {
      setTimeout(() => this.arrived(), 1000); // the server is being started again: what is still missing is asked for anew
    } finally {
      this.pending.delete(name);
      this.arrived();
    }
  }

  keep(kind, name, bytes, state) {
    this.drop(name);
    const tile = { ...state, bytes, usedAt: this.clock };
    if (kind === "s") this.asBuffer(tile);
    else this.asTexture(tile);
    this.held.set(name, tile);
    this.size += bytes.length;
    if (this.size <= MOST_BYTES) return;
    for (const [other] of [...this.held].sort((a, b) => a[1].usedAt - b[1].usedAt)) {
      if (this.size <= MOST_BYTES / 2) break;
      this.drop(other);
    }
  }

  drop(name) {
    const tile = this.held.get(name);
    if (!tile) return;
    if (tile.texture) this.gl.deleteTexture(tile.texture);
    if (tile.buffer) this.gl.deleteBuffer(tile.buffer);
    this.size -= tile.bytes.length;
    this.held.delete(name);
  }

  asTexture(tile) {
    const { gl } = this;
    const { rows } = this.sheet;
    tile.columns = tile.bytes.length / rows / 2;
    tile.histograms = histograms(tile.bytes);
    if (!tile.columns) return;
    tile.texture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, tile.texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RG8, rows, tile.columns, 0, gl.RG, gl.UNSIGNED_BYTE, tile.bytes);
    for (const which of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, which, gl.LINEAR);
    for (const which of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, which, gl.CLAMP_TO_EDGE);
  }

  asBuffer(tile) {
    const { gl } = this;
    tile.count = tile.bytes.length / STROKE_BYTES;
    tile.buffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, tile.buffer);
    gl.bufferData(gl.ARRAY_BUFFER, tile.bytes, gl.STATIC_DRAW);
  }

  // How many strokes of a tile are drawn louder than a byte says: the first ones, they come from loud to faint.
  louder(tile, byte) {
    const { bytes } = tile;
    const fade = (this.format.faded_db * this.format.steps_per_db) / 255;
    const drawn = (at, end) => bytes[at + 8 + end] - fade * (255 - bytes[at + 10 + end]);
    let [low, high] = [0, tile.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      const at = middle * STROKE_BYTES;
      if (Math.max(drawn(at, 0), drawn(at, 1)) > byte) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Numbers of the tiles of a level between two times.
  *numbers(level, fromS, untilS) {
    const tileS = this.tileS * 2 ** level;
    const last = Math.floor(Math.min(untilS, this.sheet.duration_s) / tileS);
    for (let number = Math.max(0, Math.floor(fromS / tileS)); number <= last; number++) yield number;
  }

  // The strokes of the lowest level between two times, as { t: [s, s], row: [,], db: [,], weight: [,] }; of tiles that are here.
  *strokes(fromS, untilS) {
    const { row_steps: rowSteps, lowest_db: lowestDb, steps_per_db: stepsPerDb } = this.format;
    const hopS = this.sheet.hop_s;
    for (const number of this.numbers(0, fromS, untilS)) {
      const tile = this.get("s", 0, number);
      if (!tile) continue;
      const words = new Uint16Array(tile.bytes.buffer, 0, tile.count * (STROKE_BYTES / 2));
      for (let at = 0; at < tile.bytes.length; at += STROKE_BYTES) {
        const word = at / 2;
        const t0 = number * this.tileS + words[word] * hopS;
        const t1 = number * this.tileS + words[word + 1] * hopS;
        if (t1 < fromS || t0 > untilS) continue;
        const row = [words[word + 2] / rowSteps, words[word + 3] / rowSteps];
        const db = [lowestDb + (tile.bytes[at + 8] - 1) / stepsPerDb, lowestDb + (tile.bytes[at + 9] - 1) / stepsPerDb];
        yield { t: [t0, t1], row, db, weight: tile.bytes[at + 10] / 255 };
      }
    }
  }

  row(hz) {
    return Math.log2(hz / this.sheet.low_hz) * this.format.rows_per_octave;
  }

  hertz(row) {
    return this.sheet.low_hz * 2 ** (row / this.format.rows_per_octave);
  }
}

function histograms(bytes) {
  const found = [new Uint32Array(256), new Uint32Array(256)];
  for (let at = 0; at < bytes.length; at += 2) {
    found[SHARP][bytes[at]] += 1;
    found[PLAIN][bytes[at + 1]] += 1;
  }
  return found;
}
