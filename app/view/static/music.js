// Pitch as musicians write it.

const NAMES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const BLACK = new Set([1, 3, 6, 8, 10]);

export const semitone = (hz, a4 = 440) => 69 + 12 * Math.log2(hz / a4);
export const hertz = (semitone, a4 = 440) => a4 * 2 ** ((semitone - 69) / 12);
export const name = (semitone) => NAMES[((semitone % 12) + 12) % 12] + (Math.floor(semitone / 12) - 1);
export const pitchClass = (voice) => NAMES[voice - 1];
export const isBlack = (semitone) => BLACK.has(semitone % 12);

// "+12 ct" beside the nearest note.
export function cents(hz, a4 = 440) {
  const exact = semitone(hz, a4);
  const off = Math.round(100 * (exact - Math.round(exact)));
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
