// Lines of the picture, read from its strokes: what is near a place, where it goes on to, and how it trembles.

const TRACE_S = 12;
const SUREST = 0.3;

// The line nearest to a place, within `reachRows`: { hz, db, row, t, voice }, or null. voice: 1 to 12, C to B, or 0 of none.
export function lineAt(tiles, timeS, row, reachRows) {
  const hopS = tiles.sheet.hop_s;
  let best = null;
  let least = reachRows;
  for (const { t, row: rows, db, weight, voice } of tiles.strokes(timeS - hopS, timeS + hopS)) {
    if (weight < SUREST || t[0] === t[1] || t[0] > timeS + hopS / 2 || t[1] < timeS - hopS / 2) continue;
    const share = Math.min(1, Math.max(0, (timeS - t[0]) / (t[1] - t[0])));
    const at = rows[0] + share * (rows[1] - rows[0]);
    if (Math.abs(at - row) >= least) continue;
    least = Math.abs(at - row);
    best = { row: at, hz: tiles.hertz(at), db: db[0] + share * (db[1] - db[0]), t: timeS, voice };
  }
  return best;
}

// All lines of a moment, from low to high: [{ row, hz, db }].
export function linesAt(tiles, timeS) {
  const found = [];
  for (const { t, row, db, weight } of tiles.strokes(timeS, timeS)) {
    if (weight < SUREST || t[0] === t[1]) continue;
    const share = Math.min(1, Math.max(0, (timeS - t[0]) / (t[1] - t[0])));
    const at = row[0] + share * (row[1] - row[0]);
    found.push({ row: at, hz: tiles.hertz(at), db: db[0] + share * (db[1] - db[0]) });
  }
  return found.sort((a, b) => a.row - b.row);
}

// The whole line through a place, stroke by stroke where one ends at the other's beginning: [{ t, hz, db, amplitude }].
export function traced(tiles, place, fromS = place.t - TRACE_S, untilS = place.t + TRACE_S) {
  const key = (t, row) => `${Math.round(t / tiles.sheet.hop_s)}:${Math.round(row * 64)}`;
  const begins = new Map();
  const ends = new Map();
  let start = null;
  let least = 1;
  for (const stroke of tiles.strokes(fromS, untilS)) {
    if (stroke.t[0] === stroke.t[1]) continue;
    begins.set(key(stroke.t[0], stroke.row[0]), stroke);
    ends.set(key(stroke.t[1], stroke.row[1]), stroke);
    const off = Math.abs(stroke.row[0] - place.row);
    if (stroke.t[0] <= place.t && stroke.t[1] >= place.t && off < 4 && (!start || off < least)) [start, least] = [stroke, off];
  }
  if (!start) return [];
  const strokes = [start];
  for (let one = start; (one = ends.get(key(one.t[0], one.row[0]))); ) strokes.unshift(one);
  for (let one = start; (one = begins.get(key(one.t[1], one.row[1]))); ) strokes.push(one);
  const point = (stroke, end) => ({ t: stroke.t[end], hz: tiles.hertz(stroke.row[end]), db: stroke.db[end], amplitude: 10 ** (stroke.db[end] / 20) });
  return [point(strokes[0], 0), ...strokes.map((stroke) => point(stroke, 1))];
}

const FASTEST_HZ = 9;
const SLOWEST_HZ = 3;
const LEAST_CENTS = 10;
const LEAST_SHARE = 0.6;
const FEWEST_CYCLES = 2.5;

// Rate, Hz, and depth, cents from the middle to the top, of a line's vibrato; null where it has none.
// The rate is the largest of the spectrum of its cents, from 3 to 9 Hz, once their slope is taken off. It is vibrato if
// a sine of that rate is most of what the line does, and comes round more than twice: lines that jitter or bend do not.
export function vibrato(points) {
  const count = points.length;
  if (count < 16) return null;
  const stepS = (points.at(-1).t - points[0].t) / (count - 1);
  if (stepS * count < 1.5 / SLOWEST_HZ) return null;
  const cents = points.map(({ hz }) => 1200 * Math.log2(hz / points[0].hz));
  const middle = (count - 1) / 2;
  const mean = cents.reduce((sum, value) => sum + value) / count;
  const slope = cents.reduce((sum, value, n) => sum + (n - middle) * value, 0) / ((count * (count * count - 1)) / 12);
  const rest = cents.map((value, n) => value - mean - slope * (n - middle));
  const window = rest.map((_, n) => 0.5 - 0.5 * Math.cos((2 * Math.PI * (n + 0.5)) / count));
  const sum = window.reduce((all, weight) => all + weight);
  const power = rest.reduce((all, value, n) => all + window[n] * value * value, 0) / sum;
  let [rateHz, depth] = [0, 0];
  for (let hz = SLOWEST_HZ; hz <= FASTEST_HZ; hz += 0.05) {
    let [re, im] = [0, 0];
    rest.forEach((value, n) => {
      re += window[n] * value * Math.cos(2 * Math.PI * hz * n * stepS);
      im += window[n] * value * Math.sin(2 * Math.PI * hz * n * stepS);
    });
    const amplitude = (2 * Math.hypot(re, im)) / sum;
    if (amplitude > depth) [rateHz, depth] = [hz, amplitude];
  }
  const inside = rateHz > SLOWEST_HZ + 0.1 && rateHz < FASTEST_HZ - 0.1; // at an edge it is the flank of something else
  const is = inside && depth >= LEAST_CENTS && depth ** 2 / 2 >= LEAST_SHARE * power && rateHz * stepS * count >= FEWEST_CYCLES;
  return is ? { rateHz, depth } : null;
}
