/**
 * Why a job waits, in Slurm's words, and what that means for whoever waits for it: will its turn come, or must somebody do something?
 * Owns the table; knows no job. The words are those of Slurm 22.05 to 25.11.
 */
import type { Outlook } from "../shared/backend.ts"

/** What a reason means, and what can be done about it. */
export interface Waiting {
  readonly outlook: Outlook
  readonly hint: string
}

const LIMITS = "`sacctmgr show assoc user=$USER` and `sacctmgr show qos` list the limits"
const NODES = "`sinfo -R` says which nodes are down or drained, and why; `scontrol show reservation` what is reserved"

/**
 * Most special first. `never` only where the request and the site's configuration alone decide: whatever else ends, starts or is repaired,
 * the job stays where it is. A limit on what a user or account may have *together* clears when other jobs end, so it is `limited`, although
 * a single job may be over it all by itself: Slurm does not say which.
 */
const REASONS: readonly (readonly [reason: RegExp, outlook: Outlook, hint: string])[] = [
  [
    /^PartitionTimeLimit/,
    "never",
    "the time limit asked for is over the partition's: `sinfo -o '%P %l'` lists them; ask for less time or for another partition",
  ],
  [
    /^PartitionConfig/,
    "never",
    "the request is over a limit of the partition: `sinfo -o '%P %D %c %m %l'` lists nodes, CPUs, memory (MB) and time limits; ask for less or for another partition",
  ],
  [
    /^BadConstraints/,
    "never",
    "no node has what is asked for: `sinfo -o '%P %D %c %m %G %f'` lists nodes, CPUs, memory (MB), GPUs and features",
  ],
  [
    /^(InvalidAccount|AccountNotAllowed)/,
    "never",
    "this account may not be used, or not in this partition: `sacctmgr show assoc user=$USER format=account,partition` lists yours; name one with sbatch: { account: … }",
  ],
  [
    /^(InvalidQOS|QOSNotAllowed)/,
    "never",
    "this QOS may not be used, or not in this partition: `sacctmgr show assoc user=$USER format=account,qos` lists yours; name one with sbatch: { qos: … }",
  ],
  [
    /^(Assoc|QOS)Max\w*WallDurationPerJob/,
    "never",
    `a single job may not run for so long: ask for less time; ${LIMITS}`,
  ],
  [
    /^((Assoc|QOS)Max\w*Per(Job|Node)|MaxMemPerLimit)/,
    "never",
    `a single job may not have so much: ask for less; ${LIMITS}`,
  ],
  [/^QOSMin/, "never", "this QOS is for larger jobs: ask for more or for another QOS (`sacctmgr show qos`)"],
  [/^DeadLine/i, "never", "the job cannot be through before its --deadline: ask for less time or for a later deadline"],
  [
    /^DependencyNeverSatisfied/,
    "never",
    "the job that this one depends on has ended in another way than --dependency asks for",
  ],
  [
    /^ReservationDeleted/,
    "never",
    "the reservation asked for is gone: `scontrol show reservation` lists those there are",
  ],

  [
    /^JobHeldUser/,
    "blocked",
    "the job is held by its user or account coordinator (`#SBATCH --hold`?): `scontrol release <job>` lets it go",
  ],
  [
    /^(JobHeldAdmin|JobHoldMaxRequeue|launch failed)/,
    "blocked",
    "the job is held: ask the site's administrators to release it",
  ],
  [
    /^PartitionDown/,
    "blocked",
    "the partition is down: `sinfo -s` lists those that are up; ask for another or wait until it is back",
  ],
  [
    /^PartitionInactive/,
    "blocked",
    "the partition is inactive, it starts no jobs: `scontrol show partition` lists the states",
  ],
  [
    /^PartitionNodeLimit/,
    "blocked",
    `more nodes are asked for than the partition allows, or has in order at present: ${NODES}`,
  ],
  [/^ReqNodeNotAvail/, "blocked", `a node that the job needs is not to be had: ${NODES}; ask for no particular node`],
  [/^(NodeDown|FrontEndDown|Constraints)/, "blocked", `what the job needs is out of order at present: ${NODES}`],
  [/^(BurstBufferOperation|SystemFailure)/, "blocked", "something of the site's is broken: ask its administrators"],
  [
    /^(Assoc|QOS)Grp\w*Minutes(Limit)?$/,
    "blocked",
    "the account's share of computing time is used up: ask for more of it, or use another account; `sshare` shows what is left",
  ],

  [/^(Assoc|QOS)Grp|^(Assoc|QOS)Max|^Max\w+PerAccount|^QOSUsageThreshold/, "limited", limitHint()],
  [/^(Association(Job|Resource|Time)Limit|QOS(Job|Resource|Time)Limit|AccountingPolicy)/, "limited", limitHint()],

  [/^Licenses/, "queued", "it waits for a license: `scontrol show licenses` lists them"],
  [/^Dependency/, "queued", "it waits for the jobs named with --dependency"],
  [/^BeginTime/, "queued", "it was told to begin later (--begin), or it was requeued a moment ago"],
  [/^JobArrayTaskLimit/, "queued", "as many tasks of its array run as the site allows at a time"],
  [/^Reservation/, "queued", "its reservation has not begun: `scontrol show reservation`"],
  [/^Nodes required for job are/, "queued", `others go first, or nodes are out of order: ${NODES}`],
  [
    /^(Resources|Priority|None|Prolog|Cleaning|FedJobLock|SchedDefer|BurstBuffer(Resources|StageIn))/,
    "queued",
    "ask for less (time, CPUs, GPUs), try another partition, or raise `bootTimeout`: the queue is longer than that",
  ],
]

function limitHint(): string {
  return `a limit of your account, its QOS or its group is reached; it starts when other jobs end. ${LIMITS}; or lower \`max\``
}

/** RunMinutes are of what runs now, and so clear by themselves; other minutes are a budget that is spent. */
const RUN_MINUTES = /RunMinutes/

/**
 * What Slurm's reason means; undefined for one that is not in the table (a plugin's own words, a newer release).
 * @param partitions In how many it waits. A job that waits in several has the reason of the one that was tried last, and may start in
 * another: of such a one it is never said that it cannot.
 */
export function waitingFor(reason: string, partitions = 1): Waiting | undefined {
  const entry = REASONS.find(
    ([pattern, outlook]) => pattern.test(reason) && !(outlook === "blocked" && RUN_MINUTES.test(reason)),
  )
  if (!entry) return undefined
  const [, outlook, hint] = entry
  return { outlook: outlook === "never" && partitions > 1 ? "queued" : outlook, hint }
}
