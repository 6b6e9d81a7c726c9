// The columns that have come, in a ring: for the graphics card to draw, and for the cursor to read.

export const SHARP = 0;
export const PLAIN = 1;

export class History {
  constructor(axes, height) {
    this.axes = axes;
    this.rows = axes.rows;
    this.height = height;
    this.bytes = new Uint8Array(height * axes.rows * 2); // per column and row: sharp, plain; 0 where nothing was heard
    this.newest = -1; // column number of the newest: its time is newest · column_s
    this.count = 0;
  }

  get newestS() {
    return this.newest * this.axes.column_s;
  }

  slot(column) {
    return ((column % this.height) + this.height) % this.height;
  }

  // Append `count` columns that begin at `timeS`; calls changed(slot, columns) for every stretch that is new.
  add(timeS, columns, count, changed) {
    let first = Math.round(timeS / this.axes.column_s);
    if (this.count === 0) this.newest = first - 1;
    if (Math.abs(first - this.newest - 1) <= 1) first = this.newest + 1; // rounding, not a gap
    if (first <= this.newest) return;
    this.blank(Math.min(first - this.newest - 1, this.height), first, changed);
    const width = this.rows * 2;
    for (let done = 0; done < count; ) {
      const slot = this.slot(first + done);
      const piece = Math.min(count - done, this.height - slot);
      this.bytes.set(columns.subarray(done * width, (done + piece) * width), slot * width);
      changed(slot, piece);
      done += piece;
    }
    this.count = Math.min(this.height, this.count + first + count - 1 - this.newest);
    this.newest = first + count - 1;
  }

  blank(count, before, changed) {
    const width = this.rows * 2;
    for (let done = 0; done < count; ) {
      const slot = this.slot(before - count + done);
      const piece = Math.min(count - done, this.height - slot);
      this.bytes.fill(0, slot * width, (slot + piece) * width);
      changed(slot, piece);
      done += piece;
    }
  }

  // The byte of a column and row, 0 where there is none.
  at(column, row, layer) {
    if (column > this.newest || column <= this.newest - this.count || row < 0 || row >= this.rows) return 0;
    return this.bytes[(this.slot(column) * this.rows + row) * 2 + layer];
  }

  // The level of the loudest line of the last `columns`, every fourth of which is looked at; null where there is none.
  loudestDb(columns) {
    let top = 1;
    for (let back = 0; back < Math.min(columns, this.count); back += 4) {
      const from = this.slot(this.newest - back) * this.rows * 2;
      for (let at = from; at < from + this.rows * 2; at += 2) if (this.bytes[at] > top) top = this.bytes[at];
    }
    return top > 1 ? this.decibels(top) : null;
  }

  decibels(byte) {
    return this.axes.lowest_db + (byte - 1) / this.axes.steps_per_db;
  }

  hertz(row) {
    return this.axes.low_hz * 2 ** (row / this.axes.rows_per_octave);
  }

  row(hertz) {
    return Math.log2(hertz / this.axes.low_hz) * this.axes.rows_per_octave;
  }

  // The sharp line nearest to `row` within `reach` rows: its frequency refined between rows, and its level.
  line(column, row, reach) {
    const from = Math.max(0, Math.round(row - reach));
    const to = Math.min(this.rows - 1, Math.round(row + reach));
    let best = -1;
    let top = 1;
    for (let r = from; r <= to; r++) {
      const level = this.at(column, r, SHARP);
      if (level > top) [top, best] = [level, r];
    }
    if (best < 0) return null;
    // A line is drawn as a Gaussian of power: in decibels a parabola through the top three rows finds its middle.
    const [a, b, c] = [-1, 0, 1].map((d) => Math.max(1, this.at(column, best + d, SHARP)));
    const bend = a - 2 * b + c;
    const shift = bend < 0 ? Math.max(-0.5, Math.min(0.5, (0.5 * (a - c)) / bend)) : 0;
    return { hz: this.hertz(best + shift), db: this.decibels(top) };
  }
}
