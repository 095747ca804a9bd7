/** A module whose import does not come to an end: its runner boots for as long as it lives. */
await new Promise(resolve => setTimeout(resolve, 3_600_000))

export function never(): void {}
