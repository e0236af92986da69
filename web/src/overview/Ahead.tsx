import { useQueries } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { client } from '../api/client'
import { answer } from '../api/refusal'
import type { Cluster } from '../api/types'
import { Ago } from '../ui/Ago'
import { useNow } from '../ui/now'
import { nextChange } from './next'
import s from './overview.module.css'

// Of more clusters than this the schedules are not asked for: each has its page.
const most = 8

// Ahead says what the schedules do next, soonest first.
export function Ahead({ clusters }: { clusters: Cluster[] }) {
  const minute = Math.floor(useNow() / 60_000) * 60_000
  const read = useQueries({
    queries: clusters.slice(0, most).map((c) => ({
      queryKey: ['schedule', c.id, c.policy_version, 7],
      queryFn: ({ signal }: { signal: AbortSignal }) => answer(client.GET('/api/v1/clusters/{cluster}/schedule', { params: { path: { cluster: c.id }, query: { days: 7 } }, signal })),
      staleTime: 600_000,
    })),
  })
  const ahead = clusters
    .slice(0, most)
    .flatMap((c, i) => {
      const next = read[i]?.data ? nextChange(read[i].data.intervals ?? [], minute) : undefined
      return next ? [{ c, next }] : []
    })
    .sort((a, b) => Date.parse(a.next.at) - Date.parse(b.next.at))
  const first = ahead[0]
  if (!first) return null
  return (
    <p className={s.ahead}>
      Next by schedule, <Ago at={first.next.at} />:{' '}
      <Link to="/clusters/$name" params={{ name: first.c.name }}>
        {first.c.name}
      </Link>{' '}
      {first.next.text}
    </p>
  )
}
