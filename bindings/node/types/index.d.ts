/// <reference types="node" />
import { promisify } from "node:util";

/**
 * Datagram TLS (DTLS 1.2, RFC 6347; 1.3, RFC 9147). A wrong argument type throws a TypeError;
 * any other failure is reported by the documented value, with errno set and the
 * reason in `Dtls.lastError()`. Objects belong to the thread
 * that made them. All times are in milliseconds.
 */
declare class Dtls {
  private constructor();

  /** IPv4: 2 */
  static readonly AF_INET: 2;
  /** IPv6: 10 */
  static readonly AF_INET6: 10;
  static readonly INADDR_NONE: "255.255.255.255";
  static readonly INADDR_LOOPBACK: "127.0.0.1";
  static readonly INADDR_ANY: "0.0.0.0";
  static readonly INADDR_BROADCAST: "255.255.255.255";
  static readonly IN6ADDR_ANY: "::";
  static readonly IN6ADDR_LOOPBACK: "::1";
  static readonly IN6ADDR_NODELOCAL_ALLNODES: "ff01::1";
  static readonly IN6ADDR_LINKLOCAL_ALLNODES: "ff02::1";
  static readonly IN6ADDR_LINKLOCAL_ALLROUTERS: "ff01::2";

  /** Makes an IPv4 address; default: any address, a port that the system chooses. */
  static sockaddr(addr?: string, port?: number): Dtls.SockAddr;
  /** Makes an IPv6 address. `scope` is the interface index of a link-local one. */
  static sockaddr6(addr?: string, port?: number, scope?: number): Dtls.SockAddr;

  /** Makes a server bound to an address; undefined with errno set on failure. */
  static createServer(
    opt: Dtls.ServerOptions,
    sockaddr: Dtls.SockAddrInit,
  ): Dtls.Server | undefined;

  /** Connects to a server. */
  static readonly createClient: Dtls.CreateClient;

  /** Takes up a connection of another task or process. */
  static readonly createByFd: Dtls.CreateByFd;

  /** The failure behind errno. An extension of JSRE's module. */
  static lastError(): Dtls.DtlsError | undefined;

  /** The UDP descriptor; -1 after close(). */
  readonly sockFd: number;

  /** The socket's SO_ERROR, which is cleared by this. */
  error(): number;
  /**
   * Releases the descriptor and wipes keys and secrets; a connection sends
   * close_notify before. Twice is harmless.
   */
  close(): void;
  /** The local address, also after close(). */
  sockName(): Dtls.SockAddr;
  /** Lets datagrams pass only through one interface; default: all. */
  bindToDevice(ifname?: string): boolean;
  /** Sets the time to live of outgoing packets: 0 to 255. */
  setTTL(timeToLive: number): boolean;
  /** Restricts the socket to IPv6. */
  setIPv6Only(enable: boolean): boolean;
  /** Bytes, negative on error. */
  getRecvBufferSize(): number;
  /** Bytes, negative on error. */
  getSendBufferSize(): number;
  /** 1024 bytes to 16 MiB. */
  setRecvBufferSize(size: number): boolean;
  /** 1024 bytes to 16 MiB. */
  setSendBufferSize(size: number): boolean;
}

declare namespace Dtls {
  interface CreateClient {
    /**
     * Connects to a server and waits for the handshake; undefined with errno set
     * on failure. `timeout` defaults to `opt.handshakeTimeout`.
     */
    (
      opt: ClientOptions | null | undefined,
      sockaddr: SockAddrInit,
      timeout?: number,
    ): Connection | undefined;
    /**
     * Begins to connect and returns the object, which the callback gets when the
     * handshake is finished. If that fails the callback gets undefined, with errno set.
     */
    (
      opt: ClientOptions | null | undefined,
      sockaddr: SockAddrInit,
      callback: (dtls: Connection | undefined, remote: SockAddr) => void,
    ): Connection | undefined;
    /** `util.promisify(createClient)`: rejected with the error of lastError(). */
    readonly [promisify.custom]: (
      opt: ClientOptions | null | undefined,
      sockaddr: SockAddrInit,
    ) => Promise<Connection>;
  }

  interface CreateByFd {
    /**
     * Takes up a connection of the server `name` by its descriptor, a connected
     * UDP socket, and waits for the handshake. Undefined with errno set on failure.
     */
    (name: string, sockFd: number, timeout?: number): Connection | undefined;
    /** Takes up a connection; the callback is called as createClient()'s. */
    (
      name: string,
      sockFd: number,
      callback: (dtls: Connection | undefined) => void,
    ): Connection | undefined;
    /** `util.promisify(createByFd)`: rejected with the error of lastError(). */
    readonly [promisify.custom]: (
      name: string,
      sockFd: number,
    ) => Promise<Connection>;
  }

  /** The object that createServer() makes. */
  interface Server extends Dtls {
    /** Adds the identity of one more host name, chosen by SNI (RFC 6066 §3). */
    addcert(opt: IdentityOptions): boolean;

    /**
     * Waits for the next peer and fills `remoteAddr`; undefined when
     * `timeout` (default: for ever) has passed.
     */
    accept(
      remoteAddr?: Partial<SockAddr> | null,
      timeout?: number,
    ): Connection | undefined;
    /** Calls `callback` for every peer from now on. */
    accept(
      unused: undefined | null,
      callback: (dtls: Connection, remoteAddr: SockAddr) => void,
    ): undefined;
    /**
     * Called for every connection of this server whose handshake has failed,
     * whether the program has looked at it or not. An extension.
     */
    get onhandshakefailed():
      ((failure: HandshakeFailure, server: Server) => void) | undefined;
    set onhandshakefailed(
      callback:
        | ((failure: HandshakeFailure, server: Server) => void)
        | null
        | undefined,
    );
  }

  interface HandshakeFailure extends DtlsError {
    peer: SockAddr;
    /**
     * Of the pre-shared key that the client named; a Buffer where it is not
     * UTF-8. Nothing is proven of it.
     */
    pskIdentity?: string | Buffer;
    /** Of the certificate that the client showed, which need not be trusted. */
    subject?: string;
  }

  /** An association with a peer, made by accept(), createClient() or createByFd(). */
  interface Connection extends Dtls {
    /**
     * Sends one message of at most 16384 bytes, after the handshake. Returns the
     * number of bytes, or -errno. `timeout` defaults to for ever.
     */
    send(string: string, timeout?: number): number;
    send(
      buffer: NodeJS.ArrayBufferView,
      offset?: number,
      length?: number,
      timeout?: number,
    ): number;

    /**
     * Sends messages in their order, up to the first one that cannot be sent: then
     * `lastError()` has its place in `index`. Returns how many were sent; -errno if the
     * first one was not. An extension.
     */
    sendMany(
      list: readonly (string | NodeJS.ArrayBufferView)[],
      timeout?: number,
    ): number;

    /**
     * Receives the next message or the part of it that fits. Returns the number
     * of bytes, 0 when `timeout` (default: for ever) has passed, or -errno when
     * the association has ended.
     */
    recv(
      buffer: NodeJS.ArrayBufferView,
      offset?: number,
      length?: number,
      timeout?: number,
    ): number;

    /** Bytes that can be read without waiting; negative on error. */
    pending(): number;
    /** Forgets the descriptor without closing it, for createByFd() elsewhere. */
    flyAway(): void;
    /** Closes without a word to the peer, whose association lives on until it notices. An extension. */
    abort(): void;
    /** The peer's address, also after close(). */
    peerName(): SockAddr;
    /**
     * Begins a new handshake within the association (RFC 5746), as `renegotiate`
     * of both sides must allow. An extension.
     */
    renegotiate(): boolean;
    /**
     * Called once when the handshake has finished, also where that was before. An
     * extension.
     */
    onestablished?: ((dtls: Connection) => void) | null;

    /** Whether the peer's certificate was verified. An extension. */
    readonly authorized: boolean;
    /** Why it could not be verified. An extension. */
    readonly authorizationError?: string;
    /** The peer's certificate in PEM. An extension. */
    readonly peerCertificate?: string;
    /**
     * The negotiated version. It and the properties below are undefined until the
     * handshake is finished. Extensions.
     */
    readonly protocol?: Version;
    /** The cipher suite, as IANA names it. */
    readonly cipher?: string;
    /** The group of the key agreement, as IANA names it; undefined: none. */
    readonly group?: string;
    /** Whether an earlier session was resumed. */
    readonly sessionReused?: boolean;
    /** The application protocol (RFC 7301); undefined: none. */
    readonly alpnProtocol?: string;
    /** The SRTP profile (RFC 5764); undefined: none. */
    readonly srtpProfile?: SrtpProfile;
    /**
     * The identity of the pre-shared key that took the place of certificates; a
     * Buffer where it is not UTF-8.
     */
    readonly pskIdentity?: string | Buffer;
    /** A client's: the newest ticket that has come, for `opt.session`. */
    readonly session?: Session;
    /** A client's: called with every ticket that comes. */
    onsession?: ((session: Session, dtls: Connection) => void) | null;
    /**
     * 1 to 8160 bytes that only both sides can have (RFC 5705, RFC
     * 8446 §7.5); undefined with errno set on failure.
     */
    exportKeyingMaterial(
      length: number,
      label: string,
      context?: NodeJS.ArrayBufferView,
    ): Buffer | undefined;
    /** New keys for sending (DTLS 1.3). */
    updateKeys(askPeer?: boolean): boolean;
    /** The most bytes that send() takes. */
    readonly maxMessageSize?: number;
    /**
     * Called with each message: all that a turn of the loop has received, in
     * their order. It keeps Node's loop alive. An extension for programs driven by that
     * loop.
     */
    onmessage?: ((message: Buffer, dtls: Connection) => void) | null;
    /**
     * Called while data waits, and when the association has ended; it
     * keeps Node's loop alive. An extension for programs driven by that loop.
     */
    onreadable?: ((dtls: Connection) => void) | null;
    /**
     * Called once when send() would not have to wait, or the association has
     * ended: for programs that got -EAGAIN of it. An extension.
     */
    onwritable?: ((dtls: Connection) => void) | null;
  }

  interface SockAddr {
    /** Dtls.AF_INET or Dtls.AF_INET6 */
    domain: number;
    addr: string;
    port: number;
    /** Interface index of a link-local IPv6 address. */
    scope?: number;
  }

  /** An address as it is given: `domain` follows from `addr`. */
  type SockAddrInit = Omit<SockAddr, "domain"> & { domain?: number };

  /** PEM text; Buffers are an extension. */
  type Pem = string | Uint8Array;

  type Version = "DTLSv1.2" | "DTLSv1.3";

  /** Of servers and clients. Extensions. */
  interface ProtocolOptions {
    /** The oldest version to speak. Default: 'DTLSv1.2'. */
    minVersion?: Version;
    /** The newest. Default: 'DTLSv1.3'; with `renegotiate`, 'DTLSv1.2'. */
    maxVersion?: Version;
    /** Application protocols (RFC 7301), the best first. */
    alpn?: string[];
    /** Whether AES-CCM and AES-CCM-8 are spoken too. Default: false. */
    ccm?: boolean;
    /** Profiles of SRTP (RFC 5764), the best first. */
    srtp?: SrtpProfile[];
    /**
     * How the keys of DTLS 1.3 follow from a pre-shared key or a ticket (RFC 8446 §4.2.9).
     * Default: 'psk_dhe_ke'. 'psk_ke' has no forward secrecy.
     */
    pskKeyExchange?: "psk_dhe_ke" | "either" | "psk_ke";
    /** The most bytes of a record that the peer may send (RFC 8449): 64 to 16384. */
    recordSizeLimit?: number;
    /** UDP payload of the largest datagram of a handshake: 64 to 65507; default: 1232. */
    mtu?: number;
    /** ms until a flight is repeated for the first time: 1 to 60000; default: 1000. */
    firstRetransmission?: number;
  }

  type SrtpProfile =
    | "SRTP_AES128_CM_SHA1_80"
    | "SRTP_AES128_CM_SHA1_32"
    | "SRTP_AEAD_AES_128_GCM"
    | "SRTP_AEAD_AES_256_GCM";

  /** A pre-shared key and its identity, which is sent in the clear. */
  interface Psk {
    /** 1 to 256 bytes: those of a Buffer, or a string's in UTF-8. */
    identity: string | Uint8Array;
    /** 1 to 64 bytes; 16 random ones or more are wise. */
    key: NodeJS.ArrayBufferView;
  }

  /** A ticket of a server, of use in the same thread. */
  interface Session {
    readonly [ticket: symbol]: never;
  }

  interface ServerOptions extends ProtocolOptions {
    /** Registers the server for createByFd(), process-wide. */
    name?: string;
    /** Clients must present a certificate that one of these vouches for. */
    ca?: Pem;
    /**
     * Certificate, then its intermediates. It may contain the key too. Required,
     * unless there is a pre-shared key.
     */
    cert?: Pem;
    key?: Pem;
    /** Password of the key. */
    passwd?: string;
    /** Without SNI, choose the certificate by the local IP address. Default: false. */
    ipcert?: boolean;
    /** Default: false. */
    renegotiate?: boolean;
    /** 2000 to 120000 ms; default: 60000. */
    handshakeTimeout?: number;
    /** Limits for the state that peers can make the server hold. An extension. */
    limits?: Limits;
    /**
     * 32 random bytes, the same in all processes of a machine that hand
     * descriptors to each other. Default: random. An extension.
     */
    cookieSecret?: Uint8Array;
    /**
     * File to which the keys are appended for Wireshark. Whoever can read it can
     * read the traffic. Default: SSLKEYLOGFILE of the environment. An extension.
     */
    keyLogFile?: string;
    /** Pre-shared keys of clients. An extension. */
    psk?: Psk | Psk[];
    /**
     * Gives the key of an identity that is not in `psk`; undefined: none. An
     * identity that is not UTF-8 is a Buffer. An extension.
     */
    pskCallback?: (
      identity: string | Buffer,
    ) => MaybePromise<NodeJS.ArrayBufferView | null | undefined>;
    /** Whether clients get tickets to resume with. Default: true. An extension. */
    tickets?: boolean;
  }

  type MaybePromise<T> = T | Promise<T>;

  /** At a limit an older association makes room for a newcomer; else the newcomer's hello is dropped. */
  interface Limits {
    /** Peers that wait for accept(). Default: 1024. */
    acceptQueue?: number;
    /** Default: 65536. */
    associations?: number;
    /** By IPv4 address or the first 64 bits of an IPv6 one. Default: 16384. */
    associationsPerAddress?: number;
    /** Associations whose handshake is not finished. Default: 8192. */
    halfOpen?: number;
    /** Bytes from their peers that those hold, 10 KiB each at least. Default: 128 MiB. */
    halfOpenBytes?: number;
    /** Default: 2048. */
    halfOpenPerAddress?: number;
  }

  interface IdentityOptions extends Pick<
    ServerOptions,
    "ca" | "key" | "passwd"
  > {
    cert: Pem;
    /** Host name, possibly with a wildcard. */
    name: string;
  }

  interface ClientOptions extends ProtocolOptions {
    /** Whether an unverified server is refused. Default: false! */
    rejectUnauthorized?: boolean;
    /** As EdgerOS's declarations spell it. */
    rejectUnauthorinzed?: boolean;
    /** Whether the system's trusted certificates count. Default: false. */
    loadDefaultCerts?: boolean;
    /** Certificates that are trusted. */
    ca?: Pem;
    /** Name or IP address that the server's certificate must be for; a name is sent as SNI. */
    server?: string;
    cert?: Pem;
    key?: Pem;
    /** Password of the key. */
    passwd?: string;
    /** Default: false. */
    renegotiate?: boolean;
    /** 2000 to 120000 ms; default: 60000. */
    handshakeTimeout?: number;
    /**
     * File to which the keys are appended for Wireshark. Whoever can read it can
     * read the traffic. Default: SSLKEYLOGFILE of the environment. An extension.
     */
    keyLogFile?: string;
    /**
     * A pre-shared key, which the server must use, unless `rejectUnauthorized`
     * has it verified by its certificate. An extension.
     */
    psk?: Psk;
    /** Gives the key; `hint` is the server's, of DTLS 1.2. An extension. */
    pskCallback?: (
      hint: string | Buffer | null,
    ) => MaybePromise<Psk | null | undefined>;
    /** Whether to ask for a ticket. Default: only with `session`. An extension. */
    tickets?: boolean;
    /** The session to resume, if the server still can. An extension. */
    session?: Session;
  }

  interface DtlsError extends Error {
    /** Linux errno, positive. */
    errno: number;
    code: string;
    /** TLS alert number (RFC 5246 §7.2), if the failure was one. */
    alert?: number;
    /** The peer that it was about. */
    peer?: SockAddr;
    /** sendMany(): the place in its list of the message that was not sent. */
    index?: number;
  }
}

export = Dtls;
