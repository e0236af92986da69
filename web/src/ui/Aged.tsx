import type { ReactNode } from 'react'
import { useLive } from '../api/live'
import { Ago } from './Ago'
import { useNow } from './now'

// Figures older than this are no longer "now".
const staleMs = 15_000

// useStale tells of what was read at a time that it may be so no longer: no events come that would say it.
export function useStale(at: number): boolean {
  const { up } = useLive()
  return useNow() - at > staleMs && !up
}

// Aged greys what is no longer now, and says when it was; at is 0 as long as nothing was read.
export function Aged({ at, children }: { at: number; children: ReactNode }) {
  const stale = useStale(at) && at > 0
  return (
    <div className={stale ? 'stale' : undefined}>
      {stale ? (
        <p className="dim" style={{ margin: '0 0 8px' }}>
          As of <Ago at={new Date(at).toISOString()} />
        </p>
      ) : null}
      {children}
    </div>
  )
}
