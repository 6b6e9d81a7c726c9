// Sound: one recording is heard at a time, through Web Audio; a partial or a stretch can be heard alone.

const FADE_S = 0.01;
const ALONE_GAIN = 0.8;

export class Player {
  constructor() {
    this.element = new Audio();
    this.element.preload = "auto";
    this.element.preservesPitch = true;
    this.loop = null; // [from, until] s
    this.speed = 1;
    this.url = null;
  }

  get ready() {
    return this.url !== null;
  }

  get playing() {
    return this.ready && !this.element.paused;
  }

  // Hear this file from where the other was.
  choose(url) {
    if (url === this.url) return;
    const [atS, playing] = [this.positionS, this.playing];
    this.url = url;
    this.element.src = url;
    this.element.playbackRate = this.speed;
    this.seek(atS);
    if (playing) this.play();
  }

  get context() {
    if (!this.audio) {
      this.audio = new AudioContext({ latencyHint: "interactive" });
      this.node = this.audio.createMediaElementSource(this.element);
      this.node.connect(this.audio.destination);
    }
    return this.audio;
  }

  // What is heard now: what the element has handed on, less what still waits in the system.
  get positionS() {
    const late = this.playing ? (this.audio?.outputLatency || this.audio?.baseLatency || 0) * this.speed : 0;
    return Math.max(0, (this.wantedS ?? this.element.currentTime) - late);
  }

  seek(timeS) {
    this.wantedS = Math.max(0, timeS);
    if (!this.ready) return;
    this.element.currentTime = this.wantedS;
    this.element.addEventListener("seeked", () => (this.wantedS = null), { once: true });
  }

  async play() {
    if (!this.ready) return;
    this.quiet();
    await this.context.resume();
    if (this.loop && (this.positionS < this.loop[0] || this.positionS >= this.loop[1])) this.seek(this.loop[0]);
    if (this.element.ended) this.seek(0);
    await this.element.play();
    this.wantedS = null;
  }

  pause() {
    this.element.pause();
  }

  setSpeed(speed) {
    this.speed = speed;
    this.element.playbackRate = speed;
  }

  // Called with every picture: a loop goes back at its end.
  tick() {
    if (this.playing && this.loop && this.element.currentTime >= this.loop[1]) this.seek(this.loop[0]);
  }

  // Play samples that were made here, alone.
  async alone(samples, rate, ended) {
    this.pause();
    this.quiet();
    const { context } = this;
    await context.resume();
    const buffer = context.createBuffer(1, samples.length, rate);
    buffer.copyToChannel(samples, 0);
    const gain = context.createGain();
    const source = context.createBufferSource();
    gain.gain.value = ALONE_GAIN;
    source.buffer = buffer;
    source.playbackRate.value = 1;
    source.connect(gain).connect(context.destination);
    source.onended = ended;
    source.start();
    this.source = source;
    this.sourceEndsAt = context.currentTime + samples.length / rate;
  }

  quiet() {
    this.source?.stop();
    this.source = null;
  }
}

// A line's sound: a cosine that follows its points { t, hz, amplitude }, scaled to be heard.
export function sung(points, rate) {
  const fromS = points[0].t;
  const lengthS = points.at(-1).t - fromS;
  const samples = new Float32Array(Math.max(1, Math.round((lengthS + 2 * FADE_S) * rate)));
  const loudest = Math.max(...points.map(({ amplitude }) => amplitude));
  let phase = 0;
  let next = 1;
  for (let n = 0; n < samples.length; n++) {
    const t = fromS + n / rate;
    while (next < points.length - 1 && points[next].t < t) next += 1;
    const [a, b] = [points[Math.max(0, next - 1)], points[Math.min(next, points.length - 1)]];
    const share = b.t > a.t ? Math.min(1, Math.max(0, (t - a.t) / (b.t - a.t))) : 0;
    phase += (2 * Math.PI * (a.hz + share * (b.hz - a.hz))) / rate;
    const edge = Math.min(1, n / (FADE_S * rate), (samples.length - n) / (FADE_S * rate));
    samples[n] = (0.5 * edge * Math.cos(phase) * (a.amplitude + share * (b.amplitude - a.amplitude))) / loudest;
  }
  return samples;
}
