/** The options of `slurm-flame bench`. Owns their names; what they may hold is for the suite to judge. */
import type { Command } from "commander"
import { addSlurmOptions } from "./slurm-options.ts"

const EXITS = `
Exit code: 0 fine; 1 something of ours could not be measured, or a file could not be written (all else is written all the same);
2 the command line makes no sense; 129, 130, 143 ended by SIGHUP, SIGINT, SIGTERM: what was measured until then is written.
A job may wait and boot for 600 s (the suite's own bootTimeout); what it waits for is told on stderr.`

/** Adds the options to a command. */
export function addBenchOptions(command: Command): Command {
  return addSlurmOptions(command)
    .option(
      "--slurm",
      "measure between this node and those of Slurm jobs, with sbatch's defaults; any of the three options above does so too. Without all four: this machine alone",
    )
    .option("--quick", "less of everything: a minute or so, for a look")
    .option("--only <groups>", "these groups of measurements alone: small,bandwidth")
    .option("--subjects <names>", 'these subjects alone: "slurm-flame,raw ws"')
    .option("--json <file>", "write the whole report to this file")
    .option("--html <file>", "write it as a page with plots")
    .option("--svg <directory>", "write each plot to a file in this directory")
    .option("--from <file>", "measure nothing: take the report that --json wrote, for --html, --svg and --compare")
    .option("--compare <file>", "compare with a report that --json wrote, and tell what is beyond the noise")
    .option("--no-tls", "measure our pools without TLS")
    .option("--max-runners <n>", "the most runners that are asked for at a time (default: 8, --quick: 4)")
    .option("--shaping <words>", "the delay or rate that you have put on the wire, for the report")
    .option(
      "--seconds-per-group <n>",
      "when a group's rounds end, though never before the sixth, --quick: third (default: 25, --quick: 5)",
    )
    .option("--list", "print the groups and the subjects, and which of them can be had here")
    .option(
      "--install-peers",
      "install what we are compared with (npm ci in the package's bench/peers), and do no more",
    )
    .addHelpText("after", EXITS)
}
