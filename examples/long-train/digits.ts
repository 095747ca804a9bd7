/** The digits of this training. Owns that they are read once in a process. */
import { type Digits, loadDigits, splitDigits } from "../train/data.ts"

// Reading them takes longer than an epoch.
let digits: Digits | undefined

/** The 6,000 digits that are trained with; the same everywhere. */
export function trainingDigits(): Digits {
  digits ??= splitDigits(loadDigits()).train
  return digits
}
