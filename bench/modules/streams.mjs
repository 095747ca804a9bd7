/** Streams of small and of large items, as fast as they are asked for; and their consumers. */
export async function* numbers(count) {
  for (let i = 0; i < count; i++) yield i
}
export async function* rows(count) {
  for (let i = 0; i < count; i++) yield { i, loss: 1 / (i + 1) }
}
export async function* arrays(count, length) {
  const array = new Float64Array(length).fill(1 / 3)
  for (let i = 0; i < count; i++) yield array
}
export async function consume(stream) {
  let items = 0
  for await (const _ of stream) items += 1
  return items
}
