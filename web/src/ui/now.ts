import { useSyncExternalStore } from 'react'

// One clock for all relative times: it ticks once a second while something shows the time, and never in the background.
let now = Date.now()
let timer: ReturnType<typeof setInterval> | undefined
const readers = new Set<() => void>()

function subscribe(f: () => void): () => void {
  readers.add(f)
  if (!timer) now = Date.now()
  timer ??= setInterval(() => {
    if (document.hidden) return
    now = Date.now()
    for (const r of readers) r()
  }, 1000)
  return () => {
    readers.delete(f)
    if (readers.size === 0) {
      clearInterval(timer)
      timer = undefined
    }
  }
}

export function useNow(): number {
  return useSyncExternalStore(subscribe, () => now)
}
