/** The smallest module that can be served. */
export const add = (a, b) => a + b
export const processes = () => ({ pid: process.pid, ppid: process.ppid })
