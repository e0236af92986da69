import { Button, Skeleton } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useDecisions } from '../api/live'
import { decisionAfter } from '../api/merge'
import { decisionsQuery } from '../api/queries'
import type { Decision, DecisionEvent } from '../api/types'
import { count } from '../format/format'
import { useNames } from '../nodes/names'
import { symbol } from '../overview/throughput'
import { activityRoute } from '../router'
import { keep, useCluster } from '../shell/cluster'
import { Ago } from '../ui/Ago'
import { Chips } from '../ui/Chips'
import { Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import s from './activity.module.css'
import { fold, quiet, verb, why, type Entry } from './fold'

export function ActivityPage() {
  const cluster = useCluster()
  const { show } = activityRoute.useSearch()
  const navigate = activityRoute.useNavigate()
  const changes = show === 'changes'
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage, refetch } = useInfiniteQuery(decisionsQuery({ cluster, changes }))
  const read = useMemo(() => data?.pages.flatMap((p) => p.items) ?? [], [data])
  const { shown, held, release } = useHeld(read, cluster, changes)
  const entries = useMemo(() => fold(shown), [shown])
  const more = () => {
    release()
    // Many pages are not read again for a few rows that are here already.
    if ((data?.pages.length ?? 0) <= 1) void refetch()
  }
  return (
    <Page title="Activity" name="Activity" lead="What was decided and why, newest first. Looking and leaving things alone is a decision, too.">
      <Chips
        label="Show"
        options={[['changes', 'changes only']]}
        chosen={show}
        onToggle={() => void navigate({ search: (old) => ({ ...old, show: changes ? undefined : 'changes' }), replace: true })}
      />
      <Trouble error={error} what="The decisions cannot be read" healed={read.length > 0} />
      <Panel flush label="Decisions">
        {held.length ? (
          <button type="button" className={ui.fresh} onClick={more} aria-live="polite">
            {count(held.length)} new
          </button>
        ) : null}
        {isPending ? (
          <div style={{ padding: 16, display: 'grid', gap: 14 }}>
            {[0, 1, 2, 3].map((i) => (
              <Skeleton key={i} height={34} />
            ))}
          </div>
        ) : entries.length ? (
          <ol className={s.stream}>
            {entries.map((e) => (
              <Line key={e.kind === 'quiet' ? e.id : e.decision.id} entry={e} cluster={cluster} />
            ))}
          </ol>
        ) : (
          <Empty title={changes ? 'Nothing was changed yet' : 'No decision was made yet'}>
            <p>{changes ? 'Take the filter off to see what was looked at and left alone.' : 'Once there is a cluster, it is looked at every few seconds.'}</p>
          </Empty>
        )}
        {hasNextPage ? (
          <div className={ui.more}>
            <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              Older
            </Button>
          </div>
        ) : null}
      </Panel>
      <Same command={`godwit decision list${cluster ? ` --cluster ${cluster}` : ''}`} />
    </Page>
  )
}

const none: Decision[] = []

// useHeld keeps the list still: decisions that are made while one reads wait until they are asked for. Counts of those
// shown go on.
function useHeld(read: Decision[], cluster: string | undefined, changes: boolean) {
  const [state, setState] = useState({ shown: none, held: none })
  useEffect(() => setState((old) => ({ shown: read, held: old.held.filter((h) => !read.some((d) => d.id === h.id)) })), [read])
  const take = useCallback(
    ({ decision: d }: DecisionEvent) => {
      if (cluster && d.cluster.name !== cluster && d.cluster.id !== cluster) return
      if (changes && quiet(d)) return
      setState((old) => decisionAfter(old.shown, old.held, d))
    },
    [cluster, changes],
  )
  useDecisions(take)
  const release = () => setState((old) => ({ shown: [...old.held, ...old.shown], held: none }))
  return { ...state, release }
}

function Line({ entry: e, cluster }: { entry: Entry; cluster: string | undefined }) {
  const [open, setOpen] = useState(false)
  const name = useNames()
  if (e.kind === 'action') {
    const d = e.decision
    return (
      <li>
        <span className={s.sign} aria-hidden="true">
          {symbol(d.kind)}
        </span>
        <div className={s.line}>
          <Link to="/activity/$id" params={{ id: d.id }} search={keep(cluster)}>
            {d.cluster.name}: {verb(d)}
          </Link>
          <Ago at={d.at} />
        </div>
        <p className={s.why}>{name(why(d).join('; '))}</p>
      </li>
    )
  }
  const newest = e.decisions[0]!
  return (
    <li className={s.quiet}>
      <span className={s.sign} aria-hidden="true" />
      <div className={s.line}>
        <span>
          <Link to="/activity/$id" params={{ id: newest.id }} search={keep(cluster)} style={{ fontWeight: 500, color: 'inherit' }}>
            {newest.cluster.name}: no change × {count(e.count)}: {name(why(newest).join('; '))}
          </Link>{' '}
          {e.decisions.length > 1 ? (
            <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
              {open ? 'fold' : `${e.decisions.length} reasons`}
            </button>
          ) : null}
        </span>
        <Ago at={e.until} />
      </div>
      {open ? (
        <ul>
          {e.decisions.map((d) => (
            <li key={d.id}>
              <Link to="/activity/$id" params={{ id: d.id }} search={keep(cluster)}>
                × {count(d.count)}
              </Link>{' '}
              {name(why(d).join('; '))} <Ago at={d.until} />
            </li>
          ))}
        </ul>
      ) : null}
    </li>
  )
}
