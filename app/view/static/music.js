// Pitch as musicians write it.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);

// What notes are named by; temperaments: by how many cents each pitch class, C to B, lies above that of equal temperament.
export const tuning = { a4: 440, temperament: "equal", temperaments: { equal: NAMES.map(() => 0) } };
export const tune = (changes) => Object.assign(tuning, changes);

export const semitone = (hz) => 69 + 12 * Math.log2(hz / tuning.a4);
export const hertz = (semitone) => tuning.a4 * 2 ** ((semitone - 69) / 12);
const above = (key) => tuning.temperaments[tuning.temperament][((key % 12) + 12) % 12];
export const noteHertz = (key) => hertz(key + above(key) / 100);
export const name = (semitone) => NAMES[((semitone % 12) + 12) % 12] + (Math.floor(semitone / 12) - 1);
export const pitchClass = (voice) => NAMES[voice - 1];
export const isBlack = (semitone) => BLACK.has(semitone % 12);

// The note nearest to a frequency, and how many cents that is above it: { key, off }.
export function nearest(hz) {
  const exact = semitone(hz);
  const notes = [0, -1, 1].map((step) => Math.round(exact) + step).map((key) => ({ key, off: 100 * (exact - key) - above(key) }));
  return notes.reduce((best, note) => (Math.abs(note.off) < Math.abs(best.off) ? note : best));
}

// "+12 ct" beside the nearest note.
export function cents(hz) {
  const off = Math.round(nearest(hz).off);
  return `${off < 0 ? "−" : "+"}${Math.abs(off)} ct`;
}

const INTERVALS = ["unison", "minor second", "major second", "minor third", "major third", "perfect fourth", "tritone", "perfect fifth", "minor sixth", "major sixth", "minor seventh", "major seventh"];

// "perfect fifth +2 ct": the interval of equal temperament nearest to so many cents; beyond an octave with how many there are.
export function interval(cents) {
  const steps = Math.round(cents / 100);
  const [octaves, rest] = [Math.floor(steps / 12), steps % 12];
  const whole = octaves > 1 ? `${octaves} octaves` : octaves ? "octave" : "";
  const named = [whole, rest || !octaves ? INTERVALS[rest] : ""].filter(Boolean).join(" and ");
  const off = Math.round(cents - 100 * steps);
  return `${named} ${off < 0 ? "−" : "+"}${Math.abs(off)} ct`;
}

// "1:02:03.45": as many digits as a step of so many seconds needs.
export function clockTime(timeS, stepS = 0.01) {
  const digits = Math.max(0, Math.ceil(-Math.log10(stepS) - 1e-9));
  const whole = +Math.abs(timeS).toFixed(digits);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const seconds = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return `${timeS < 0 ? "−" : ""}${hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes}:${seconds}`;
}
