import iosched = require("./iosched");

export default iosched;
export declare const ACCEPT: typeof iosched.ACCEPT;
export declare const CONNECT: typeof iosched.CONNECT;
export declare const EXCEPT: typeof iosched.EXCEPT;
export declare const READ: typeof iosched.READ;
export declare const WRITE: typeof iosched.WRITE;
export declare const add: typeof iosched.add;
export declare const event: typeof iosched.event;
export declare const fds: typeof iosched.fds;
export declare const forever: typeof iosched.forever;
export declare const listening: typeof iosched.listening;
export declare const once: typeof iosched.once;
export declare const poll: typeof iosched.poll;
export declare const remove: typeof iosched.remove;
export declare const select: typeof iosched.select;

export type Callback<T> = iosched.Callback<T>;
export type FdSets = iosched.FdSets;
export type IoEvent<T = any> = iosched.IoEvent<T>;
