import { Button, Skeleton } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useMay } from '../account/may'
import { useDecisions } from '../api/live'
import { decisionAfter } from '../api/merge'
import { decisionsQuery, type DecisionFilter } from '../api/queries'
import { useReread } from '../api/reread'
import type { AuditEntry, Decision, DecisionEvent } from '../api/types'
import { count } from '../format/format'
import { activityRoute } from '../router'
import { auditQuery } from '../settings/queries'
import { keep, useCluster } from '../shell/cluster'
import { Chips, Filter } from '../ui/Chips'
import { Same } from '../ui/Copy'
import { Empty, Page, Panel } from '../ui/Page'
import { arrivals } from '../ui/still'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import s from './activity.module.css'
import { Line } from './Line'
import { behind, byPeople, chosen, complete, since, weave } from './timeline'

const auditRereadMs = 10_000
const actions = ['launch', 'drain', 'undrain', 'move', 'terminate'].map((v) => [v, v] as const)
const times = [
  ['1h', 'last hour'],
  ['24h', '24 hours'],
  ['7d', '7 days'],
] as const

export function ActivityPage() {
  const cluster = useCluster()
  const admin = useMay('admin')
  const { show, action, code, q, last } = activityRoute.useSearch()
  const navigate = activityRoute.useNavigate()
  const set = (change: Partial<ReturnType<typeof activityRoute.useSearch>>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  const [opened] = useState(() => Date.now())
  const deeds = show === 'people' && admin
  const filter: DecisionFilter = useMemo(
    () => ({ cluster, kind: show === 'changes' ? 'act' : show === 'inactions' ? 'noop' : undefined, action, code, q, from: since(last, opened) }),
    [cluster, show, action, code, q, last, opened],
  )
  const withPeople = admin && (deeds || !(action || code || q || show === 'inactions'))
  const decisions = useInfiniteQuery({ ...decisionsQuery(filter), enabled: !deeds })
  const audit = useInfiniteQuery({ ...auditQuery({}), enabled: withPeople })
  useReread(audit.refetch, auditRereadMs, withPeople && (audit.data?.pages.length ?? 0) <= 1)
  const read = useMemo(() => (deeds ? none : (decisions.data?.pages.flatMap((p) => p.items) ?? none)), [decisions.data, deeds])
  const { shown, held, release } = useHeld(read, filter)
  const people = usePeople(withPeople ? audit.data?.pages : undefined, filter.from)
  const items = useMemo(
    () =>
      complete(
        weave(shown, people.rows),
        { oldest: shown.at(-1)?.at, more: !deeds && decisions.hasNextPage },
        { oldest: audit.data?.pages.at(-1)?.items.at(-1)?.at, more: withPeople && audit.hasNextPage },
      ),
    [shown, people.rows, decisions.hasNextPage, audit.hasNextPage, audit.data, deeds, withPeople],
  )
  const next = behind({ oldest: shown.at(-1)?.at, more: !deeds && decisions.hasNextPage }, { oldest: audit.data?.pages.at(-1)?.items.at(-1)?.at, more: withPeople && audit.hasNextPage })
  const fresh = held.length + people.fresh
  const more = () => {
    release()
    people.release()
    // Many pages are not read again for a few rows that are here already.
    if ((decisions.data?.pages.length ?? 0) <= 1 && !deeds) void decisions.refetch()
  }
  const narrowed = !!(show || action || code || q || last)
  const pending = (!deeds && decisions.isPending) || (withPeople && audit.isPending)
  return (
    <Page
      title="Activity"
      name="Activity"
      lead="What was decided and why, and what people changed, newest first. Looking and leaving things alone is a decision, too."
      actions={
        <>
          <Link to="/activity/why-not" search={keep(cluster)}>
            Why not…?
          </Link>
          <Link to="/conditions" search={keep(cluster)}>
            Conditions
          </Link>
        </>
      }
    >
      <div className={s.filters}>
        <Chips
          label="Show"
          options={[['changes', 'what was done'], ['inactions', 'what was left alone'], ...(admin ? ([['people', 'what people changed']] as const) : [])]}
          chosen={show}
          onToggle={(v) => set({ show: show === v ? undefined : v })}
        />
        <span className="between">·</span>
        <Chips label="Action" options={actions} chosen={action} onToggle={(v) => set({ action: action === v ? undefined : v })} />
        <span className="between">·</span>
        <Chips label="Time" options={times} chosen={last} onToggle={(v) => set({ last: last === v ? undefined : v })} />
        {code ? <Filter text={`because of ${code.replaceAll('_', ' ')}`} onRemove={() => set({ code: undefined })} /> : null}
        {q ? <Filter text={`“${q}”`} onRemove={() => set({ q: undefined })} /> : null}
        <input
          type="search"
          className={ui.find}
          aria-label="Find in reasons"
          placeholder="Words of reasons"
          key={q ?? ''}
          defaultValue={q}
          onKeyDown={(e) => e.key === 'Enter' && set({ q: e.currentTarget.value.trim() || undefined })}
        />
      </div>
      <Trouble error={decisions.error} what="The decisions cannot be read" healed={read.length > 0} />
      <Trouble error={audit.error} what="The changes by people cannot be read" healed={people.rows.length > 0} />
      <Panel flush label="Decisions and changes">
        {fresh ? (
          <button type="button" className={ui.fresh} onClick={more} aria-live="polite">
            {count(fresh)} new
          </button>
        ) : null}
        {pending ? (
          <div style={{ padding: 16, display: 'grid', gap: 14 }}>
            {[0, 1, 2, 3].map((i) => (
              <Skeleton key={i} height={34} />
            ))}
          </div>
        ) : items.length ? (
          <ol className={s.stream}>
            {items.map((i) => (
              <Line key={i.kind === 'change' ? i.entry.id : i.kind === 'quiet' ? i.id : i.decision.id} item={i} cluster={cluster} />
            ))}
          </ol>
        ) : next ? null : (
          <Empty title={narrowed ? 'Nothing like that happened yet' : 'No decision was made yet'}>
            <p>{narrowed ? 'Take the filter off to see everything.' : 'Once there is a cluster, it is looked at every few seconds.'}</p>
          </Empty>
        )}
        {next && !pending ? (
          <div className={ui.more}>
            <Button size="xs" variant="default" loading={decisions.isFetchingNextPage || audit.isFetchingNextPage} onClick={() => void (next === 'a' ? decisions : audit).fetchNextPage()}>
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
function useHeld(read: Decision[], filter: DecisionFilter) {
  const [state, setState] = useState({ shown: none, held: none })
  useEffect(() => setState((old) => ({ shown: read, held: old.held.filter((h) => !read.some((d) => d.id === h.id)) })), [read])
  const take = useCallback(
    ({ decision: d }: DecisionEvent) => {
      if (!chosen(filter, d)) return
      setState((old) => decisionAfter(old.shown, old.held, d))
    },
    [filter],
  )
  useDecisions(take)
  const release = () => setState((old) => ({ shown: [...old.held, ...old.shown], held: none }))
  return { ...state, release }
}

// usePeople is what people changed; what they change while one reads waits, too.
function usePeople(pages: { items: AuditEntry[] }[] | undefined, from: string | undefined) {
  const [known, setKnown] = useState<ReadonlySet<string>>()
  const all = useMemo(() => pages?.flatMap((p) => p.items).filter((e) => byPeople(e) && (!from || e.at >= from)) ?? [], [pages, from])
  useEffect(() => {
    if (all.length) setKnown((k) => k ?? new Set(all.map((e) => e.id)))
  }, [all])
  return useMemo(() => {
    const { fresh, old } = known ? arrivals(all, known) : { fresh: [], old: all }
    return { rows: old, fresh: fresh.length, release: () => setKnown(new Set(all.map((e) => e.id))) }
  }, [all, known])
}
