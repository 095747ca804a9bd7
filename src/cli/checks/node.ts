/** Is this Node one that slurm-flame runs on? Must itself load on any Node, so it imports next to nothing. */
import type { Check } from "../check.ts"
import { OLDEST_NODE } from "../manifest.ts"

/** The newest major version that the tests run on. */
const NEWEST_TESTED = 24

/** @param version Default: that of this process, without its `v`. */
export function nodeCheck(version: string = process.versions.node): Check {
  return {
    name: "node",
    required: true,
    run() {
      const [major = 0, minor = 0] = version.split(".").map(Number)
      const [oldestMajor, oldestMinor] = OLDEST_NODE
      const fact = `${version} (${process.execPath})`
      if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
        return {
          ok: false,
          fact: `${fact} is older than ${OLDEST_NODE.join(".")}`,
          advice: "install a newer one (`nvm install 22`, or `module load nodejs` on many clusters)",
        }
      }
      const newer = major > NEWEST_TESTED ? `, newer than the newest tested one (${NEWEST_TESTED})` : ""
      return { ok: true, fact: `${fact}${newer}` }
    },
  }
}
