/**
 * The shell lines that start what a job is for: the supervisor in the shell's place, the supervisor with lines of the user's
 * behind it, or several through srun. POSIX shell, whatever options (`set -e`, `set -u`) the lines before have set. Owns which
 * process hears Slurm's SIGTERM; knows no options and no script around it.
 */

/** How the runners of one job are started. */
export interface StartForm {
  /** Runners of the job. More than one: tasks of a step. */
  readonly tasks: number
  /** Lines for after the runners' end. */
  readonly epilogue: string | undefined
}

/** The form without anything special: one runner, nothing behind it. */
export const PLAIN: StartForm = { tasks: 1, epilogue: undefined }

/** What `--signal` has to begin with so that SIGTERM gets where the runners are: to the batch shell, or to the steps. */
export function signalTarget({ tasks }: StartForm): "B:" | "" {
  return tasks > 1 ? "" : "B:"
}

/** The lines, without a newline at the end. `start` is the supervisor's command, quoted. */
export function startLines(start: string, { tasks, epilogue }: StartForm): string[] {
  if (tasks > 1) return [...stepLines(start, tasks), ...endLines(epilogue)]
  // Slurm signals the batch shell only: as the shell's child the supervisor would never hear SIGTERM, and be killed with it.
  if (epilogue === undefined) return [`exec ${start}`]
  return [...waitLines(start), ...endLines(epilogue)]
}

/**
 * Starts the supervisor as a child that is told of every SIGTERM, and waits for its end. A trap runs at once only while the shell
 * waits with `wait`, and ends that: so it is waited again, also when a second SIGTERM comes. One that comes before there is a
 * child to tell is told to it when there is. Should a shell have forgotten the child whose code it has just given (127), the
 * code stands.
 */
function waitLines(start: string): string[] {
  return [
    "flame_runner= flame_asked= flame_code=",
    `trap 'flame_asked=1; [ -z "$flame_runner" ] || kill -TERM "$flame_runner" 2>/dev/null || :' TERM`,
    `${start} &`,
    "flame_runner=$!",
    '[ -z "$flame_asked" ] || kill -TERM "$flame_runner" 2>/dev/null || :',
    'while flame_asked=; wait "$flame_runner"; flame_now=$?',
    '  [ "$flame_now" = 127 ] && [ -n "$flame_code" ] || flame_code=$flame_now',
    '  [ -n "$flame_asked" ]; do :; done',
  ]
}

/**
 * One step with a task for each runner. Slurm signals its tasks itself; the shell only has to outlive SIGTERM, or the step would
 * be ended with it. A runner that ends or crashes leaves its neighbours alone, whatever the site's defaults for that are
 * (KillOnBadExit, WaitTime); since 22.05 srun takes over no `--cpus-per-task` of sbatch's.
 */
function stepLines(start: string, tasks: number): string[] {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's, not ours
  const cpus = "${SLURM_CPUS_PER_TASK:+--cpus-per-task=$SLURM_CPUS_PER_TASK}"
  const options = `--ntasks=${tasks} --kill-on-bad-exit=0 --wait=0 --export=ALL --mpi=none --label ${cpus}`
  return ["trap : TERM", `srun ${options} ${start} && flame_code=0 || flame_code=$?`]
}

/** Ends the script with the runner's exit code. A SIGTERM while the user's lines run is left to them: Slurm kills in the end. */
function endLines(epilogue: string | undefined): string[] {
  const exit = 'exit "$flame_code"'
  if (epilogue === undefined) return [exit]
  return ["trap : TERM", "set +e", '(exit "$flame_code")', epilogue.replace(/\n+$/, ""), exit]
}
