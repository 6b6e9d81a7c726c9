// What a stretch of the picture is drawn of: tiles of the level that suits its scale, as far as they are here.

import { SLAB_PX } from "./slabs.js";
import { SETTLED_S } from "./tiles.js";

const STROKE_PX = 2.5; // a step of a stroke, about
const MOST_STEPS = 2.2; // in a pixel: beyond, there are columns
const REACH_PX = 8; // a stroke's flank reaches no farther beyond a slab's edge

// The step of strokes that suits so many seconds in a pixel; null where lines are closer than pixels.
export function strokeLevel(secondsPerPx, tiles) {
  const framesPerPx = secondsPerPx / tiles.sheet.hop_s;
  const highest = tiles.format.stroke_levels - 1;
  if (framesPerPx >= MOST_STEPS * 2 ** highest) return null;
  return Math.min(highest, Math.max(0, Math.round(Math.log2(framesPerPx * STROKE_PX))));
}

export function columnLevel(secondsPerPx, tiles) {
  return Math.min(tiles.format.column_levels - 1, Math.max(0, Math.floor(Math.log2(secondsPerPx / tiles.columnS) + 0.3)));
}

// Between which times a stroke may begin that is seen in a stretch.
export function reached({ startS, spanS }, tiles, level, widthPx) {
  const flankS = (REACH_PX * spanS) / widthPx;
  return [startS - tiles.sheet.hop_s * 2 ** level - flankS, startS + spanS + flankS];
}

// What a stretch is drawn of, as far as it is here; stamp: what is drawn anew when it changes.
export function contents({ tiles, secondsPerPx, sharp, plain }, scale) {
  const untilS = scale.startS + scale.spanS;
  const level = strokeLevel(secondsPerPx, tiles);
  const stroked = level !== null && sharp;
  const strokes = stroked ? [...tiles.numbers(level, ...reached(scale, tiles, level, SLAB_PX))].map((number) => ({ number, name: `s${level}-${number}`, tile: tiles.get("s", level, number) })) : [];
  const columns = level === null || plain ? columnsOf(tiles, scale, columnLevel(secondsPerPx, tiles)) : [];
  const { duration_s: durationS, done_s: doneS } = tiles.sheet;
  const lacking = strokes.some(({ number, tile }) => !tile && number * tiles.tileS * 2 ** level < doneS);
  const { preview: tile } = tiles;
  // What is not sharpened yet.
  const fromS = Math.max(doneS, scale.startS);
  const preview = tile?.texture && fromS < untilS ? { tile, tileFromS: 0, columnS: durationS / tile.columns, fromS, untilS: durationS } : null;
  // A tile that grows changes nothing of a stretch of which it had all before, or has nothing yet.
  const drawnOf = ({ tile, name, columnS = 0 }) => {
    if (tile?.complete || tile?.doneS > untilS + SETTLED_S + columnS) return name;
    return tile?.doneS < scale.startS - SETTLED_S ? `${name} before` : tile;
  };
  return { level, strokes, columns, preview, lacking, stamp: [...[...strokes, ...columns].map(drawnOf), preview && tile, preview && fromS] };
}

function columnsOf(tiles, { startS, spanS }, level) {
  const found = [];
  for (const number of tiles.numbers(level, startS, startS + spanS)) {
    const here = nearest(tiles, level, number);
    if (!here) continue;
    const tileS = tiles.tileS * 2 ** level;
    const columnS = tiles.columnS * 2 ** here.level;
    const tileFromS = here.number * tiles.tileS * 2 ** here.level;
    const fromS = number * tileS;
    found.push({ tile: here.tile, name: `r${here.level}-${here.number}`, tileFromS, columnS, fromS, untilS: Math.min(fromS + tileS, tileFromS + here.tile.columns * columnS) });
  }
  return found;
}

// The tile of this level or, until it has come, of one above.
export function nearest(tiles, level, number) {
  for (let above = 0; level + above < tiles.format.column_levels; above++) {
    const tile = tiles.get("r", level + above, number >> above, above === 0);
    if (tile?.texture) return { tile, level: level + above, number: number >> above };
  }
  return null;
}
