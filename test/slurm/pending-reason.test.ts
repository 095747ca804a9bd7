import { describe, expect, it } from "vitest"
import { waitingFor } from "../../src/slurm/pending-reason.ts"

/** From Slurm's list of reasons (22.05 to 25.11) and from a real one's squeue, by hand: the table must not check itself. */
const EXPECTED = {
  queued: [
    "Resources",
    "Priority",
    "Dependency",
    "BeginTime",
    "JobArrayTaskLimit",
    "Licenses",
    "Reservation",
    "Prolog",
    "Cleaning",
    "BurstBufferResources",
    "BurstBufferStageIn",
    "FedJobLock",
    "SchedDefer",
    "Nodes required for job are DOWN, DRAINED or reserved for jobs in higher priority partitions",
  ],
  limited: [
    "AccountingPolicy",
    "AssocGrpCpuLimit",
    "AssocGrpCPURunMinutesLimit",
    "AssocGrpGRESRunMinutes",
    "AssocGrpJobsLimit",
    "AssocGrpSubmitJobsLimit",
    "AssocMaxJobsLimit",
    "AssocMaxSubmitJobLimit",
    "AssociationJobLimit",
    "AssociationResourceLimit",
    "MaxCpuPerAccount",
    "MaxJobsPerAccount",
    "MaxSubmitJobsPerAccount",
    "QOSGrpGRES",
    "QOSGrpMemoryRunMinutes",
    "QOSGrpNodeLimit",
    "QOSJobLimit",
    "QOSMaxCpuPerUserLimit",
    "QOSMaxGRESPerUser",
    "QOSMaxJobsPerUserLimit",
    "QOSMaxNodePerUserLimit",
    "QOSMaxSubmitJobPerUserLimit",
    "QOSResourceLimit",
    "QOSUsageThreshold",
  ],
  blocked: [
    "AssocGrpCPUMinutesLimit",
    "AssocGrpGRESMinutes",
    "BurstBufferOperation",
    "Constraints",
    "JobHeldAdmin",
    "JobHeldUser",
    "JobHoldMaxRequeue",
    "NodeDown",
    "PartitionDown",
    "PartitionInactive",
    "PartitionNodeLimit",
    "QOSGrpMemoryMinutes",
    "ReqNodeNotAvail, UnavailableNodes:n3",
    "ReqNodeNotAvail, Reserved for maintenance",
    "SystemFailure",
    "launch failed requeued held",
  ],
  never: [
    "AccountNotAllowed",
    "AssocMaxBBPerNode",
    "AssocMaxCpuMinutesPerJobLimit",
    "AssocMaxCpuPerJobLimit",
    "AssocMaxGRESPerJob",
    "AssocMaxMemPerNode",
    "AssocMaxWallDurationPerJobLimit",
    "BadConstraints",
    "DeadLine",
    "DependencyNeverSatisfied",
    "InvalidAccount",
    "InvalidQOS",
    "MaxMemPerLimit",
    "PartitionConfig",
    "PartitionTimeLimit",
    "QOSMaxCpuPerJobLimit",
    "QOSMaxMemoryMinutesPerJob",
    "QOSMaxNodePerJobLimit",
    "QOSMaxWallDurationPerJobLimit",
    "QOSMinCpuNotSatisfied",
    "QOSMinGRES",
    "QOSNotAllowed",
    "ReservationDeleted",
  ],
}

describe("a job that waits for", () => {
  it.each(Object.entries(EXPECTED).flatMap(([outlook, reasons]) => reasons.map(reason => [reason, outlook])))(
    "%s is %s",
    (reason, outlook) => {
      const waiting = waitingFor(reason)
      expect(waiting?.outlook).toBe(outlook)
      expect(waiting?.hint).toMatch(/\w/)
    },
  )

  it.each(["", "Wibble", "resources", "burst_buffer/lua: something"])("%j: nothing is said of it", reason => {
    expect(waitingFor(reason)).toBeUndefined()
  })

  it.each(EXPECTED.never)("%s, in one of several partitions, may start in another", reason => {
    expect(waitingFor(reason, 2)?.outlook).toBe("queued")
  })
})
