/**
 * The end of a job's time, on real limits of a minute or two: they cost real time, so all of it runs side by side, each test with a parent
 * and a job of its own. The tests are in walltime/.
 */
import { afterAll, describe, test } from "vitest"
import { endEverything, onCluster } from "./harness.ts"
import { nothingLeft } from "./parent.ts"
import { cancelledNearTheEnd, cutInTime, earlyWarning, lengthened, secondSignal } from "./walltime/bodies.ts"

onCluster("the end of a job's time", () => {
  // Not after each: the others are still at it.
  afterAll(async () => {
    await endEverything()
    await nothingLeft()
  })

  describe.concurrent("side by side", () => {
    test("a call that ignores its signal is cut off in time, and says walltime", () => cutInTime("ignore"))
    test("a call that blocks the event loop is cut off in time, and says walltime", () => cutInTime("block"))
    test("a call that is stuck outside of JavaScript goes in time, with its own processes", () => cutInTime("stuck"))
    test("a warning a second after the start takes no time away", () => earlyWarning())
    test("a cancel when the warning is to be expected is none: what runs is told at once", () => cancelledNearTheEnd())
    test("a job that is given more time while it serves lives on past its first end", () => lengthened())
    test("a second SIGTERM means now", () => secondSignal())
  })
})
