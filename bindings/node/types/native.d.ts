/**
 * The interface of the native addon for lib/. Not part of the package's interface.
 *
 * A function that fails throws an Error with `errno`, `code`, `message` and, for
 * a TLS failure, `alert`. `wait`, `turnNode` and `awaitSignals` block. `turnNode` and
 * `awaitSignals` call the callbacks of Node's own modules, `uncaught` the handlers of an
 * uncaughtException, and Node's loop the function given to `setNotify`; nothing else calls into
 * JavaScript.
 */

export interface Address {
  domain: number;
  addr: string;
  port: number;
  scope?: number;
}

export type Pem = string | Uint8Array;

export interface Identity {
  name?: string;
  ca?: Pem;
  cert: Pem;
  key?: Pem;
  passwd?: string;
}

/** Options of both servers and clients; an absent one has the library's default. */
export interface ProtocolOptions {
  /** 0: DTLS 1.2; 1: DTLS 1.3. */
  minVersion?: number;
  maxVersion?: number;
  alpn?: string[];
  psk?: Psk[];
  /** Whether a key is asked for by notices. */
  pskCallback?: Function;
  ccm?: boolean;
  /** IANA's numbers. */
  srtp?: number[];
  tickets?: boolean;
  /** 0: psk_dhe_ke; 1: either; 2: psk_ke. */
  pskKeyExchange?: number;
  recordSizeLimit?: number;
  mtu?: number;
  firstRetransmission?: number;
}

export interface Psk {
  identity: string | Uint8Array;
  key: Uint8Array;
}

/** The outcome of verifying the peer, and what the handshake negotiated. */
export interface ConnectionInfo {
  authorized: boolean;
  authorizationError?: string;
  /** PEM. */
  peerCertificate?: string;
  /** 0: DTLS 1.2; 1: DTLS 1.3. It and the others are undefined until the handshake is finished. */
  version?: number;
  cipher?: string;
  group?: string;
  alpn?: string;
  /** IANA's number. */
  srtp?: number;
  /** A Buffer where it is not UTF-8. */
  pskIdentity?: string | Buffer;
  resumed?: boolean;
  maxMessage?: number;
}

export interface ServerOptions extends Identity, ProtocolOptions {
  ipcert: boolean;
  renegotiate: boolean;
  handshakeTimeout: number;
  limits?: Record<string, number>;
  cookieSecret?: Uint8Array;
  keyLogFile?: string;
}

export interface ClientOptions extends ProtocolOptions {
  /** A ticket of `takeTicket`. */
  session?: unknown;
  rejectUnauthorized: boolean;
  loadDefaultCerts: boolean;
  ca?: Pem;
  cert?: Pem;
  key?: Pem;
  passwd?: string;
  server?: string;
  renegotiate: boolean;
  handshakeTimeout: number;
  keyLogFile?: string;
}

export interface NativeError extends Error {
  errno: number;
  code: string;
  alert?: number;
  peer?: Address;
}

export interface HandshakeFailure extends NativeError {
  peer: Address;
  pskIdentity?: string | Buffer;
  subject?: string;
}

export interface Endpoint {
  readonly fd: number;
  close(): void;
  sockName(): Address;
  watch(interest: number): number;
  /** The id of a watch that is ready when `send` would not wait; it replaces the previous one. */
  watchWritable(): number;
  socketError(): number;
  setTTL(timeToLive: number): void;
  setIPv6Only(enable: boolean): void;
  bindToDevice(name: string): void;
  bufferSize(which: number): number;
  setBufferSize(which: number, bytes: number): void;
}

export interface Server extends Endpoint {
  accept(): Connection | undefined;
  addIdentity(identity: Identity): void;
  /** Turns the notices of failed handshakes on or off. */
  notify(yes: boolean): void;
  takeFailure(): HandshakeFailure | undefined;
}

export interface Connection extends Endpoint {
  readonly state: number;
  info(): ConnectionInfo;
  failure(): NativeError | undefined;
  send(buffer: Uint8Array, offset: number, length: number): number;
  recv(buffer: Uint8Array, offset: number, length: number): number;
  /** Sends the messages of a list from an index on: how many, or -errno if not the first. */
  sendMany(list: Uint8Array[], first: number): number;
  /**
   * Copies messages that were received into the slab from the offset on, and writes where each ends:
   * how many, or -errno if there is none. It stops where the largest message would not fit.
   */
  recvMany(slab: Uint8Array, offset: number, ends: Uint32Array): number;
  pending(): number;
  renegotiate(): void;
  updateKeys(askPeer: boolean): void;
  exportKeyingMaterial(
    out: Uint8Array,
    label: string,
    context: Uint8Array | undefined,
  ): void;
  /** Turns on notices: of a key that is wanted, of a ticket, of the finished handshake. */
  notify(): void;
  /** Once true, after the handshake has finished. */
  takeEstablished(): boolean;
  /** Gives another notice, for callbacks that have to wait for it. */
  repeatNotice(): void;
  wantedPsk(): string | Buffer | undefined;
  /** Harmless when none is wanted. */
  providePsk(psk: Psk | undefined): void;
  takeTicket(): unknown;
  flyAway(): void;
  /** Closes without a word to the peer. */
  abort(): void;
  peerName(): Address;
}

export interface Native {
  hasNotices(): boolean;
  takeNotice(): Connection | Server | undefined;
  wait(timeoutMs: number, all: boolean): number[];
  watch(fd: number, interest: number): number;
  unwatch(id: number): void;
  /** `drain` runs ticks and promise jobs: `turnNode` calls it where Node itself would run them. */
  setNotify(notify: () => void, drain: () => void): void;
  /**
   * Waits until either loop has work, and runs the work of Node's. Forbidden while
   * Node's loop runs. Returns whether that may have called into JavaScript.
   */
  turnNode(timeoutMs: number, all: boolean): boolean;
  /** Waits in the same way while Node's loop runs, and delivers signals only. */
  awaitSignals(timeoutMs: number, all: boolean): boolean;
  /** For every signal that the program begins to listen to. */
  adoptSignals(): void;
  /** Handles an error as an uncaught exception. */
  uncaught(error: unknown): void;
  /** Ends the next `wait`, or has Node's loop notify. */
  wake(): void;
  ref(): void;
  unref(): void;
  /** Makes the mailbox of a task that is about to start; its number is that of the task. */
  openMailbox(parent: number): number;
  /** Makes a mailbox this thread's, to be closed when the thread ends. */
  adoptMailbox(id: number): void;
  /** For a task that could not start. Harmless when the mailbox is closed. */
  closeMailbox(id: number): void;
  hasMailbox(id: number): boolean;
  /** Throws ESRCH, ENOBUFS or EMSGSIZE. */
  postMessage(to: number, bytes: Uint8Array): void;
  takeMessage(): { from: number; bytes: Buffer } | undefined;
  /** Readable while a message waits for this thread. */
  mailboxFd(): number;
  /** A set of bits: 1 a message waits, 2 cancelled, 4 the parent ends. */
  mailboxState(): number;
  /** Makes Node's loop notify while a message waits, and keeps it alive for that. */
  listen(yes: boolean): void;
  /** Throws ESRCH. */
  cancelTask(id: number): void;
  /** Asks the tasks that this one has started, and theirs, to end. */
  endChildren(): void;
  errnoName(errno: number): string;
  errnoMessage(errno: number): string;
  parseAddress(addr: string, port: number, scope?: number): Address;
  openssl(): { version: string; file: string; addon: string };
  Server: new (options: ServerOptions, address: Address) => Server;
  Connection: {
    connect(options: ClientOptions, address: Address): Connection;
    fromFd(name: string, fd: number, handshakeTimeoutMs: number): Connection;
  };
}
