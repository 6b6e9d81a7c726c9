// Pitch as musicians write it.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);

export const semitone = (hz) => 69 + 12 * Math.log2(hz / 440);
export const hertz = (semitone) => 440 * 2 ** ((semitone - 69) / 12);
export const name = (semitone) => NAMES[((semitone % 12) + 12) % 12] + (Math.floor(semitone / 12) - 1);
export const isBlack = (semitone) => BLACK.has(semitone % 12);

// "+12 ct" beside the nearest note.
export function cents(hz) {
  const exact = semitone(hz);
  const off = Math.round(100 * (exact - Math.round(exact)));
  return `${off < 0 ? "−" : "+"}${Math.abs(off)} ct`;
}
