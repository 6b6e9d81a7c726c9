// What the session says of itself, and what the cursor reads.

import { cents, name, nearest } from "./music.js";
import { tell } from "./tell.js";

const $ = (id) => document.getElementById(id);
const METER_FLOOR_DB = -60;
const STATES = { starting: "preparing", listening: "listening", silent: "only zeros", lost: "device lost", ended: "ended", offline: "disconnected", connected: "preparing" };

const figure = (value, digits = 1) => value.toFixed(digits).replace("-", "−");

export function showState(state) {
  if ($("state").dataset.state === state) return;
  $("state").dataset.state = state;
  $("state").textContent = STATES[state] ?? state;
  document.title = state === "listening" ? "sharpear" : `sharpear: ${STATES[state] ?? state}`;
}

export function showStatus(status) {
  showState(status.state);
  $("device").textContent = `${status.device} · ${status.sample_rate} Hz · ${status.channels} ch · block ${status.block}`;
  $("message").textContent = status.message;
  showLevel(status.rms_db, status.peak_db);
  const device = status.latency_device_ms === null ? "unknown" : figure(status.latency_device_ms);
  $("latency").textContent = `device ${device} + queue ${figure(status.latency_queue_ms)} + algorithm ${figure(status.latency_algorithm_ms)} ms`;
  $("load").textContent = `${Math.round(100 * status.load)} % (p99 ${figure(status.compute_p99_ms, 2)} of ${figure(status.hop_ms, 2)} ms)`;
  fault("xruns", status.xruns, `${status.xruns}`);
  fault("drops", status.drops, status.drops ? `${status.drops} (${figure(status.dropped_s, 2)} s)` : "0");
  fault("gaps", status.gaps, status.gaps ? `${status.gaps} (${figure(status.gap_s, 2)} s)` : "0");
  fault("skipped", 0, `${status.skipped}`);
  $("recording").hidden = !status.recording;
  if (status.recording) $("recorded").textContent = `${status.recording} ${figure(status.recorded_s)} s`;
  $("time").textContent = `${figure(status.time_s)} s`;
}

function fault(id, count, text) {
  $(id).textContent = text;
  $(id).className = count ? "bad" : "";
}

function showLevel(rmsDb, peakDb) {
  const share = (db) => Math.min(1, Math.max(0, 1 - (db ?? METER_FLOOR_DB) / METER_FLOOR_DB));
  $("meter-rms").style.width = `${100 - 100 * share(rmsDb)}%`;
  $("meter-peak").style.left = `calc(${100 * share(peakDb)}% - 3px)`;
  $("meter").setAttribute("aria-valuenow", Math.round(Math.max(METER_FLOOR_DB, rmsDb ?? METER_FLOOR_DB)));
  $("level").textContent = rmsDb === null ? "silence" : `${figure(rmsDb)} dB, peak ${figure(peakDb)}`;
}

// The address that another screen opens. A page from elsewhere looks on: the preset is not its to choose.
export function showAddress({ url, shared, here }) {
  $("share-url").textContent = url;
  $("share-open").hidden = !shared;
  $("share-closed").hidden = shared;
  $("preset").disabled = $("keep").disabled = !here;
}

// found: the line under the cursor, or null; then the cursor's own frequency is read.
export function showReading(reading) {
  const { hz, sharpDb, plainDb, timeS, agoS } = reading ?? {};
  tell("read-note", reading ? name(nearest(hz).key) : "–");
  tell("read-cents", reading ? cents(hz) : "");
  tell("read-hz", reading ? `${figure(hz, hz < 1000 ? 2 : 1)} Hz` : "move the pointer over the picture, or press an arrow key");
  tell("read-sharp", sharpDb === undefined ? "" : `sharp ${sharpDb === null ? "–" : `${figure(sharpDb)} dB`}`);
  tell("read-plain", plainDb === undefined ? "" : `plain ${plainDb === null ? "–" : `${figure(plainDb)} dB`}`);
  tell("read-time", reading ? `${figure(timeS, 2)} s (−${figure(agoS, 2)} s)` : "");
}
