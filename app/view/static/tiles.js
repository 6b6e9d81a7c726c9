// Tiles of one recording, fetched when they are looked at and let go when they are not.

const MOST_BYTES = 96 << 20; // of all recordings together
const MOST_PENDING = 6;
const STROKE_BYTES = 12;
export const STROKES_ACROSS = 1024; // in a texture
const NOT_FOUND = 404;
const RETRY_MS = 1000;
export const SETTLED_S = 1; // this long before where a tile ends that still grows, nothing of it changes any more
export const SHARP = 0;
export const PLAIN = 1;

export class Tiles {
  // format: what the server says of all tiles; shares: how many recordings there are; arrived() is called when there is something new to draw
  constructor(gl, format, shares, arrived) {
    Object.assign(this, { gl, format, arrived, mostBytes: MOST_BYTES / shares });
    this.held = new Map(); // name → { bytes, columns | count, texture, doneS, usedAt }
    this.pending = new Map(); // name → a promise of its tile
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
    const stale = !tile || (tile.doneS < untilS + SETTLED_S && (tile.doneS < doneS || (complete && !tile.complete)));
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

  // Resolves once the finest strokes of a moment are here, if there are any yet.
  async reach(timeS) {
    const number = Math.floor(timeS / this.tileS);
    if (!this.held.has(`s0-${number}`) && timeS < this.sheet.done_s) await this.fetch("s", `s0-${number}`, Infinity);
  }

  fetch(kind, name, most = MOST_PENDING) {
    if (!this.pending.has(name) && this.pending.size < most) this.pending.set(name, this.load(kind, name));
    return this.pending.get(name);
  }

  async load(kind, name) {
    const { done_s: doneS, complete } = this.sheet;
    try {
      const bytes = await contentOf(`data/${this.sheet.folder}/${name}`);
      if (bytes) this.keep(kind, name, bytes, { doneS, complete });
      else await new Promise((done) => setTimeout(done, RETRY_MS));
    } finally {
      this.pending.delete(name);
      this.arrived(); // what is still missing is asked for anew
    }
  }

  keep(kind, name, bytes, state) {
    this.drop(name);
    const tile = { ...state, bytes, usedAt: this.clock };
    if (kind === "s") this.asStrokes(tile, +name.slice(1, name.indexOf("-")));
    else this.asColumns(tile);
    this.held.set(name, tile);
    this.size += bytes.length;
    if (this.size <= this.mostBytes) return;
    for (const [other, { usedAt }] of [...this.held].sort((a, b) => a[1].usedAt - b[1].usedAt)) {
      if (this.size <= this.mostBytes / 2 || usedAt === this.clock) break; // what is shown stays
      this.drop(other);
    }
  }

  drop(name) {
    const tile = this.held.get(name);
    if (!tile) return;
    if (tile.texture) this.gl.deleteTexture(tile.texture);
    this.size -= tile.bytes.length;
    this.held.delete(name);
  }

  asColumns(tile) {
    const { gl } = this;
    const { rows } = this.sheet;
    tile.columns = tile.bytes.length / rows / 2;
    tile.histograms = histograms(tile.bytes);
    if (!tile.columns) return;
    tile.texture = this.texture(gl.RG8, rows, tile.columns, gl.RG, gl.UNSIGNED_BYTE, tile.bytes, gl.LINEAR);
  }

  texture(kind, width, height, format, type, content, filter) {
    const { gl } = this;
    const made = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, made);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, kind, width, height, 0, format, type, content);
    for (const which of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) gl.texParameteri(gl.TEXTURE_2D, which, filter);
    for (const which of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) gl.texParameteri(gl.TEXTURE_2D, which, gl.CLAMP_TO_EDGE);
    return made;
  }

  // starts: of each of its segments, in which strokes come from loud to faint, the first stroke.
  asStrokes(tile, level) {
    const { gl } = this;
    const { tile_frames: frames, segments } = this.format;
    tile.count = tile.bytes.length / STROKE_BYTES;
    tile.words = new Uint16Array(tile.bytes.buffer);
    tile.starts = new Uint32Array(segments + 1).fill(tile.count);
    const shift = Math.log2((frames << level) / segments);
    for (let n = tile.count - 1; n >= 0; n--) tile.starts[tile.words[(n * STROKE_BYTES) / 2] >> shift] = n;
    for (let segment = segments - 1; segment >= 0; segment--) tile.starts[segment] = Math.min(tile.starts[segment], tile.starts[segment + 1]);
    tile.segmentS = (this.tileS * 2 ** level) / segments;
    const down = Math.ceil(tile.count / STROKES_ACROSS);
    if (!down) return;
    const records = new Uint32Array(3 * STROKES_ACROSS * down);
    records.set(new Uint32Array(tile.bytes.buffer));
    tile.texture = this.texture(gl.RGB32UI, STROKES_ACROSS, down, gl.RGB_INTEGER, gl.UNSIGNED_INT, records, gl.NEAREST);
  }

  // Segments of a tile of strokes that begin between two times, from the tile's beginning: the first and the last.
  segments(tile, fromS, untilS) {
    const inside = (timeS) => Math.min(this.format.segments - 1, Math.max(0, Math.floor(timeS / tile.segmentS)));
    return [inside(fromS), inside(untilS)];
  }

  // Strokes that begin between two times and are drawn louder than a byte says, as [first, count] of each segment.
  *louder(tile, fromS, untilS, byte) {
    const { bytes, starts } = tile;
    const fade = (this.format.faded_db * this.format.steps_per_db) / 255;
    const drawn = (at) => Math.max(bytes[at + 8], bytes[at + 9]) - fade * (255 - bytes[at + 10]);
    const [first, last] = this.segments(tile, fromS, untilS);
    for (let segment = first; segment <= last; segment++) {
      let [low, high] = [starts[segment], starts[segment + 1]];
      while (low < high) {
        const middle = (low + high) >> 1;
        if (drawn(middle * STROKE_BYTES) > byte) low = middle + 1;
        else high = middle;
      }
      if (low > starts[segment]) yield [starts[segment], low - starts[segment]];
    }
  }

  // Numbers of the tiles of a level between two times.
  *numbers(level, fromS, untilS) {
    const tileS = this.tileS * 2 ** level;
    const last = Math.floor(Math.min(untilS, this.sheet.duration_s) / tileS);
    for (let number = Math.max(0, Math.floor(fromS / tileS)); number <= last; number++) yield number;
  }

  // The strokes of a level between two times, as { t: [s, s], row: [,], db: [,], weight, voice }; of tiles that are here.
  *strokes(fromS, untilS, level = 0) {
    const { row_steps: rowSteps, lowest_db: lowestDb, steps_per_db: stepsPerDb } = this.format;
    const hopS = this.sheet.hop_s;
    const slackS = hopS * 2 ** level;
    for (const number of this.numbers(level, fromS - slackS, untilS)) {
      const tile = this.get("s", level, number);
      if (!tile) continue;
      const { bytes, words, starts } = tile;
      const tileFromS = number * this.tileS * 2 ** level;
      const [first, last] = this.segments(tile, fromS - slackS - tileFromS, untilS - tileFromS);
      for (let at = starts[first] * STROKE_BYTES; at < starts[last + 1] * STROKE_BYTES; at += STROKE_BYTES) {
        const word = at / 2;
        const t0 = tileFromS + words[word] * hopS;
        const t1 = tileFromS + words[word + 1] * hopS;
        if (t1 < fromS || t0 > untilS) continue;
        const row = [words[word + 2] / rowSteps, words[word + 3] / rowSteps];
        const db = [lowestDb + (bytes[at + 8] - 1) / stepsPerDb, lowestDb + (bytes[at + 9] - 1) / stepsPerDb];
        yield { t: [t0, t1], row, db, weight: bytes[at + 10] / 255, voice: bytes[at + 11] };
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

// A file's bytes, none where there is no such file, as of a stretch of silence; null if it cannot be had just now.
async function contentOf(url) {
  try {
    const answer = await fetch(url);
    if (answer.status === NOT_FOUND) return new Uint8Array(0);
    return answer.ok ? new Uint8Array(await answer.arrayBuffer()) : null;
  } catch {
    return null; // the server is being started again
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
