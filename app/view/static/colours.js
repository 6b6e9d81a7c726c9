// Colour maps that are even to the eye: lightness rises, or on paper falls, steadily with level.

const STOPS = {
  magma: "000004060518110c2f1e11492f1163420f7554137d651a807822818928819b2e7fad347cbf3a77d0416fe04c67ed5a5ff66e5cfb835ffd9869feac76fec185fed597fde9aafcfdbf",
  inferno: "000004060419120a32230c4c360961490b6a5a116e6c186e7f1e6c902568a22b62b3325ac33b4fd24644df5337ea632af3761bf8890cfb9d07fcb216f9c72ff4dd4ff1f179fcffa4",
  viridis: "440154471164482071472e7c443b843f48893a548c34608d2f6c8e2a768e26818e228b8d1f958b1fa08824aa832fb47c42be7158c76570cf578bd646a8db34c5e021e2e418fde725",
  cividis: "00224e002a610031711c396f2d416d3a486c45506c50576c5b606e6568706e6f73777777817f788c8878969077a19975ada272b9ab6dc4b468d0be62dcc859e8d24ff5dc41fee838",
  ink: "faf8f3e4e3e8c9cddbabb3cf8c97c06f7ab0545c9e3e428829296f1a17540f0b3b",
  grey: "000000ffffff",
};

// Grey, and lines of voices in the hue of their pitch class.
export const BY_VOICE = "voices";
export const SATURATION = 0.7; // how far hues are from grey
export const MAPS = Object.keys(STOPS);

// The hue of a pitch class, 0 to 11, C to B, as CSS says it.
export const hue = (pitchClass) => `hsl(${30 * pitchClass} 75% 62%)`;

// 256 RGBA colours, lowest level first.
export function table(map) {
  const stops = (STOPS[map] ?? STOPS.grey).match(/../g).map((pair) => parseInt(pair, 16));
  const last = stops.length / 3 - 1;
  const colours = new Uint8Array(256 * 4);
  for (let i = 0; i < 256; i++) {
    const place = (i / 255) * last;
    const below = Math.min(Math.floor(place), last - 1);
    for (let channel = 0; channel < 3; channel++) {
      const low = stops[3 * below + channel];
      const high = stops[3 * below + 3 + channel];
      colours[4 * i + channel] = Math.round(low + (place - below) * (high - low));
    }
    colours[4 * i + 3] = 255;
  }
  return colours;
}

const LEAST_CONTRAST = 3; // WCAG 1.4.11: of what is drawn, and is no text
const MIXED_STEP = 0.05;

// A colour, #rrggbb, with as much of the ink in it as it needs to be seen on a ground.
export function seenOn(ground, ink, colour) {
  const [from, to] = [channels(colour), channels(ink)];
  for (let step = 0; step * MIXED_STEP < 1; step++) {
    const mixed = from.map((value, n) => Math.floor(value + step * MIXED_STEP * (to[n] - value) + 0.5));
    if (contrast(mixed, channels(ground)) >= LEAST_CONTRAST) return hex(mixed);
  }
  return ink;
}

export const hex = (rgb) => `#${[...rgb].map((value) => value.toString(16).padStart(2, "0")).join("")}`;

const channels = (colour) => [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));

// As WCAG 2 defines it.
function contrast(a, b) {
  const luminance = (rgb) => rgb.map((value) => value / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)).reduce((sum, v, n) => sum + [0.2126, 0.7152, 0.0722][n] * v, 0);
  const [darker, lighter] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (lighter + 0.05) / (darker + 0.05);
}
