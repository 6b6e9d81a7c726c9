// Pitch as musicians write it.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);

export const semitone = (hz, a4 = 440) => 69 + 12 * Math.log2(hz / a4);
export const hertz = (semitone, a4 = 440) => a4 * 2 ** ((semitone - 69) / 12);
export const name = (semitone) => NAMES[((semitone % 12) + 12) % 12] + (Math.floor(semitone / 12) - 1);
export const pitchClass = (voice) => NAMES[voice - 1];
export const isBlack = (semitone) => BLACK.has(semitone % 12);

// By how many cents each pitch class, C to B, lies above that of equal temperament on the same A.
const FIFTHS_FROM_A = [-3, 4, -1, -6, 1, -4, 3, -2, 5, 0, -5, 2];
const JUST_ON_C = [[1, 1], [16, 15], [9, 8], [6, 5], [5, 4], [4, 3], [45, 32], [3, 2], [8, 5], [5, 3], [9, 5], [15, 8]];
export const TEMPERAMENTS = {
  equal: NAMES.map(() => 0),
  "meantone, ¼ comma": FIFTHS_FROM_A.map((fifths) => fifths * (300 * Math.log2(5) - 700)),
  Pythagorean: FIFTHS_FROM_A.map((fifths) => fifths * (1200 * Math.log2(1.5) - 700)),
  "just, on C": JUST_ON_C.map(([over, under], n) => 1200 * Math.log2((over / under) * (3 / 5)) - 100 * (n - 9)),
};

// The note nearest to a frequency, and how many cents that is above it: { key, off }.
export function nearest(hz, a4 = 440, temperament = "equal") {
  const exact = semitone(hz, a4);
  const keys = [-1, 0, 1].map((step) => Math.round(exact) + step);
  const notes = keys.map((key) => ({ key, off: 100 * (exact - key) - TEMPERAMENTS[temperament][((key % 12) + 12) % 12] }));
  return notes.reduce((best, note) => (Math.abs(note.off) < Math.abs(best.off) ? note : best));
}

// "+12 ct" beside the nearest note.
export function cents(hz, a4, temperament) {
  const off = Math.round(nearest(hz, a4, temperament).off);
  return `${off < 0 ? "−" : "+"}${Math.abs(off)} ct`;
}

// "1:02:03.45": as many digits as a step of so many seconds needs.
export function clockTime(timeS, stepS = 0.01) {
  const digits = Math.max(0, Math.ceil(-Math.log10(stepS) - 1e-9));
  const whole = +Math.abs(timeS).toFixed(digits);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const seconds = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return `${timeS < 0 ? "−" : ""}${hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes}:${seconds}`;
}
