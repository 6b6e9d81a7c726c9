// The WebSocket: batches of columns, axes, gaps and status come; acknowledgements and presets go.

const HEADER_BYTES = 24;
const ACKNOWLEDGE_EVERY = 4;
const RETRY_MS = 1000;

export class Connection {
  // heard: { axes(message), status(message), gap(message), refused(message), address(message), columns(timeS, bytes, count), state(name), sheets(message), written(message) }
  constructor(heard) {
    this.heard = heard;
    this.connect();
  }

  connect() {
    this.epoch = -1;
    this.unacknowledged = 0;
    this.socket = new WebSocket(`ws://${location.host}${location.pathname}live`);
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.heard.state("connected");
    this.socket.onclose = () => {
      this.heard.state("offline");
      setTimeout(() => this.connect(), RETRY_MS);
    };
    this.socket.onmessage = ({ data }) => (typeof data === "string" ? this.text(JSON.parse(data)) : this.batch(data));
  }

  text(message) {
    if (message.type === "axes") this.epoch = message.epoch;
    this.heard[message.type]?.(message);
  }

  batch(buffer) {
    const header = new DataView(buffer, 0, HEADER_BYTES);
    if (header.getUint32(0, true) === this.epoch) {
      this.heard.columns(header.getFloat64(8, true), new Uint8Array(buffer, HEADER_BYTES), header.getUint32(16, true));
    }
    if (++this.unacknowledged >= ACKNOWLEDGE_EVERY) {
      this.send({ ack: this.unacknowledged });
      this.unacknowledged = 0;
    }
  }

  send(message) {
    const open = this.socket.readyState === WebSocket.OPEN;
    if (open) this.socket.send(JSON.stringify(message));
    return open;
  }
}
