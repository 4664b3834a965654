/**
 * JSRE's tasks: threads that run a script each, share nothing but the process,
 * and send each other messages.
 */
declare class Task {
  /**
   * Starts a task. `file` is looked for in the folder of the calling script,
   * then in the current directory. Messages may be sent to it at once. It ends
   * when its script has ended and nothing is left to do, by Task.exit(), by an
   * exception (which is told on stderr; the other tasks live on), by cancel(),
   * and with the task that started it. Throws ENOENT when there is no script, and
   * EINVAL when it is an ES module.
   */
  constructor(file: string, arg?: unknown, opt?: Task.Options);
  /** The same; undefined with errno ENOENT or EINVAL. */
  static create(
    file: string,
    arg?: unknown,
    opt?: Task.Options,
  ): Task | undefined;

  /** The task's number, which no other task of the program ever has. */
  id(): number;
  /** `Task.send(task.id(), msg)` */
  send(msg: Task.Message): boolean;
  isAlive(): boolean;
  /**
   * Asks the task to end. It does so in its next wait (iosched.poll(), recv(),
   * sys.sleep(), …) or when Node's loop has control, but not inside
   * unbreakable(). 0, or -ESRCH with errno set when it has ended.
   */
  cancel(): number;

  /**
   * Sends a copy of `msg` to any task of the program. Messages of one sender
   * arrive in their order, each by itself. False with errno ESRCH when there is
   * no such task any more, ENOBUFS when 64 MiB wait for it already, EMSGSIZE
   * when the message is larger than that. Throws a TypeError for what cannot be
   * copied, as functions.
   */
  static send(id: number, msg: Task.Message): boolean;
  /**
   * Waits for a message, which is then not delivered to listeners. `timeout` in
   * milliseconds, default: for ever. Undefined with errno ETIMEDOUT when it has
   * passed.
   */
  static recv(from?: Task.Sender | null, timeout?: number): any;
  /**
   * Has `listener` called with each message in every wait of this task, except
   * inside unbreakable(). A task that listens lives on after its script's end.
   */
  static on(event: "message", listener: Task.Listener): typeof Task;
  /** Removes a listener. */
  static off(event: "message", listener: Task.Listener): typeof Task;

  /** This task's number. */
  static me(): number;
  /** The number of the task that started this one; 0 in the main task. */
  static parent(): number;
  static isMain(): boolean;
  /** A descriptor for iosched, readable while a message waits. */
  static fd(): number;
  /**
   * Ends this task and those it has started; in the main task the program, with
   * `value` as its exit code (default: 0).
   */
  static exit(value?: number): never;
  /** Whether this task was cancelled. Does not wait: for tasks that compute. */
  static testCancel(): boolean;
  /** Node's process.nextTick(). */
  static nextTick<A extends unknown[]>(
    callback: (...args: A) => void,
    ...args: A
  ): void;
}

declare namespace Task {
  interface Options {
    /** The only folder to look for the script in; relative to that of the calling script. */
    directory?: string;
  }
  /** A value that can be copied: strings, numbers, plain objects, arrays, Buffers, … */
  type Message = NonNullable<unknown> | null;
  /** Where recv() leaves the sender's number. */
  interface Sender {
    id?: number;
  }
  type Listener = (msg: any, from: { id: number }) => void;
}

type TaskClass = typeof Task;
type TaskObject = Task;

/** Programs that jsre runs have these without a require(). */
declare global {
  var Task: TaskClass;
  type Task = TaskObject;
  /** The argument of new Task(); '' by default, and in the main task. */
  var ARGUMENT: any;
}

export = Task;
