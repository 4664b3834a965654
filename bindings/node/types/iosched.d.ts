/** JSRE's event scheduler, usable from plain Node programs too. */
declare namespace iosched {
  /** An event of event(). */
  interface IoEvent<T = any> {
    method: number;
    fd: number;
    callback: Callback<T>;
    errback?: Callback<T>;
    arg: T;
  }
  /** `[[to read], [to write], [exceptions]]` */
  type FdSets = [read: number[], write: number[], except: number[]];
  /** Returning exactly `false` ends the event. */
  type Callback<T> = (arg: T, ioevent: IoEvent<T>) => unknown;

  const READ: 0;
  /** The same as READ. */
  const ACCEPT: 0;
  const WRITE: 1;
  /** The same as WRITE. */
  const CONNECT: 1;
  const EXCEPT: 2;

  /** Makes an event for add() or once(). `errback` is called when the callback has returned false. */
  function event<T = undefined>(
    method: number,
    fd: number,
    callback: Callback<T>,
    errback?: Callback<T> | null,
    arg?: T,
  ): IoEvent<T>;
  /** Makes an event; `arg` is no function. */
  function event<T>(
    method: number,
    fd: number,
    callback: Callback<T>,
    arg: T,
  ): IoEvent<T>;

  /** Adds an event until its callback returns false. False with errno EBADF or EPERM on failure. */
  function add(ioevent: IoEvent): boolean;
  /** Adds an event that is called one time. False with errno EBADF or EPERM on failure. */
  function once(ioevent: IoEvent): boolean;
  /** Removes an event, or all of them. */
  function remove(ioevent?: IoEvent): void;
  /** Whether an event is added. */
  function listening(ioevent: IoEvent): boolean;
  /** The descriptors of all events, merged with `user`. */
  function fds(user?: FdSets): FdSets;
  /**
   * Waits until one of `user` is ready or an event was delivered. Three empty
   * arrays when `timeout` (milliseconds, default: for ever) has passed. A wait
   * for ever also ends, with empty arrays, when a timer or a callback of Node's
   * was called or a message delivered.
   */
  function select(user?: FdSets, timeout?: number): FdSets;
  /** `select(undefined, timeout)` */
  function poll(timeout?: number): FdSets;
  /** Delivers events until `check.quit` is true, or `check()` returns true. */
  function forever(
    check?: { quit?: unknown } | (() => unknown) | null,
    timeout?: number,
  ): void;
}

export = iosched;
