/**
 * sbatch's command line options as far as they must be known to read a script's head and to catch a misspelt name. Owns
 * the table; what is allowed to a user is decided where the options come together (submission.ts).
 */

/** Whether an option takes a value. `optional`: only as `--name=value`. */
export type OptionKind = "value" | "flag" | "optional"

const VALUE = `account array batch bb bbf begin chdir cluster-constraint clusters comment constraint container container-id
  core-spec cores-per-socket cpu-freq cpus-per-gpu cpus-per-task deadline delay-boot dependency distribution error exclude
  export export-file extra extra-node-info gid gpu-bind gpu-freq gpus gpus-per-node gpus-per-socket gpus-per-task gres
  gres-flags hint input job-name kill-on-invalid-dep licenses mail-type mail-user mcs-label mem mem-bind mem-per-cpu
  mem-per-gpu mincpus network nodefile nodelist nodes ntasks ntasks-per-core ntasks-per-gpu ntasks-per-node
  ntasks-per-socket open-mode output partition power prefer priority profile qos reservation segment signal
  sockets-per-node switches thread-spec threads-per-core time time-min tmp tres-bind tres-per-task uid wait-all-nodes
  wckey wrap`
const FLAG = `consolidate-segments contiguous help hold ignore-pbs no-requeue overcommit oversubscribe parsable quiet
  reboot requeue spread-job stepmgr test-only usage use-min-nodes verbose version wait`
const OPTIONAL = "exclusive get-user-env nice no-kill oom-kill-step propagate resv-ports"

/** Long option names and their kinds. */
export const LONG_OPTIONS: ReadonlyMap<string, OptionKind> = new Map([
  ...VALUE.split(/\s+/).map(name => [name, "value"] as const),
  ...FLAG.split(/\s+/).map(name => [name, "flag"] as const),
  ...OPTIONAL.split(/\s+/).map(name => [name, "optional"] as const),
])

/** One-letter options and the long names they stand for. */
export const SHORT_OPTIONS: Readonly<Record<string, string>> = {
  A: "account",
  a: "array",
  B: "extra-node-info",
  b: "begin",
  C: "constraint",
  c: "cpus-per-task",
  D: "chdir",
  d: "dependency",
  e: "error",
  F: "nodefile",
  G: "gpus",
  H: "hold",
  h: "help",
  i: "input",
  J: "job-name",
  k: "no-kill",
  L: "licenses",
  M: "clusters",
  m: "distribution",
  N: "nodes",
  n: "ntasks",
  O: "overcommit",
  o: "output",
  p: "partition",
  Q: "quiet",
  q: "qos",
  S: "core-spec",
  s: "oversubscribe",
  t: "time",
  V: "version",
  v: "verbose",
  W: "wait",
  w: "nodelist",
  x: "exclude",
}

/** The full name of a long option; sbatch, like every getopt program, takes any beginning that fits only one name. */
export function resolveLong(name: string): string {
  if (LONG_OPTIONS.has(name)) return name
  const fitting = [...LONG_OPTIONS.keys()].filter(known => known.startsWith(name))
  return fitting.length === 1 ? fitting[0]! : name
}

/** `cpusPerTask` as `cpus-per-task`. A name with dashes stays as it is. */
export function kebab(camel: string): string {
  return camel.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
}

/** `cpus-per-task` as `cpusPerTask`. */
export function camel(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}
