import { Button, Skeleton } from '@mantine/core'
import { useInfiniteQuery } from '@tanstack/react-query'
import { useMemo, useState } from 'react'
import { deed, nounOf } from '../activity/deed'
import { since } from '../activity/timeline'
import type { AuditEntry } from '../api/types'
import { auditRoute } from '../router'
import { Ago } from '../ui/Ago'
import { Chips, Filter } from '../ui/Chips'
import { Same } from '../ui/Copy'
import { Diff } from '../ui/Diff'
import { Empty, Facts, Panel } from '../ui/Page'
import { useStill } from '../ui/still'
import { Trouble } from '../ui/Trouble'
import ui from '../ui/ui.module.css'
import { auditQuery } from './queries'
import s from './settings.module.css'

const objects = ['cluster', 'policy', 'template', 'node', 'access_key', 'user', 'api_token', 'transfer', 'settings'].map((o) => [o, nounOf(o).replace(/ of$/, '')] as const)

const times = [
  ['24h', '24 hours'],
  ['7d', '7 days'],
] as const

export function AuditPage() {
  const search = auditRoute.useSearch()
  const navigate = auditRoute.useNavigate()
  const set = (change: Partial<typeof search>) => void navigate({ search: (old) => ({ ...old, ...change }), replace: true })
  const [opened] = useState(() => Date.now())
  const from = useMemo(() => since(search.last, opened), [search.last, opened])
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } = useInfiniteQuery(auditQuery({ actor: search.actor, object: search.object, object_id: search.object_id, q: search.q, from }))
  const rows = useMemo(() => data?.pages.flatMap((p) => p.items) ?? [], [data])
  const still = useStill(rows)
  return (
    <>
      <p className={s.lead}>Who changed what, newest first, with what it was before and after. Entries cannot be altered.</p>
      <div className="row">
        <Chips label="Thing" options={objects} chosen={search.object} onToggle={(v) => set({ object: search.object === v ? undefined : v })} />
        <span className="between">·</span>
        <Chips label="Time" options={times} chosen={search.last} onToggle={(v) => set({ last: search.last === v ? undefined : v })} />
        {search.actor ? <Filter text={`by ${search.actor.replace(/^user:/, '')}`} onRemove={() => set({ actor: undefined })} /> : null}
        {search.object_id ? <Filter text={`of ${search.object_id}`} onRemove={() => set({ object_id: undefined })} /> : null}
        {search.q ? <Filter text={`“${search.q}”`} onRemove={() => set({ q: undefined })} /> : null}
        <input
          type="search"
          className={ui.find}
          aria-label="Find in the audit"
          placeholder="Who, what, before, after"
          key={search.q ?? ''}
          defaultValue={search.q}
          onKeyDown={(e) => e.key === 'Enter' && set({ q: e.currentTarget.value.trim() || undefined })}
        />
      </div>
      <Trouble error={error} what="The audit cannot be read" healed={rows.length > 0} />
      <Panel flush label="Audit">
        {isPending ? (
          <div style={{ padding: 14, display: 'grid', gap: 10 }}>
            <Skeleton height={40} />
            <Skeleton height={40} />
          </div>
        ) : rows.length ? (
          <ol className={s.entries} {...still.handlers}>
            {still.rows.map((e) => (
              <Entry key={e.id} entry={e} onFilter={set} />
            ))}
          </ol>
        ) : (
          <Empty title="Nothing like that was changed" />
        )}
        {hasNextPage ? (
          <div className={ui.more}>
            <Button size="xs" variant="default" loading={isFetchingNextPage} onClick={() => void fetchNextPage()}>
              Older
            </Button>
          </div>
        ) : null}
      </Panel>
      <Same command={`godwit audit list${search.object ? ` --object ${search.object}` : ''}${search.actor ? ` --actor ${search.actor}` : ''}`} />
    </>
  )
}

interface EntryProps {
  entry: AuditEntry
  onFilter: (f: { actor?: string; object_id?: string }) => void
}

function Entry({ entry: e, onFilter }: EntryProps) {
  const [open, setOpen] = useState(false)
  const d = deed(e)
  return (
    <li>
      <div className={s.line}>
        <span>
          <b>{d.who}</b> {d.did} {d.noun} <b>{d.name}</b>
          {d.how ? <span className="dim"> {d.how}</span> : null}
          <button type="button" aria-expanded={open} onClick={() => setOpen(!open)}>
            {open ? 'less' : 'details'}
          </button>
        </span>
        <Ago at={e.at} />
      </div>
      {open ? (
        <div className={s.more}>
          <Diff before={e.before} after={e.after} empty="It holds no fields that changed." />
          <Facts
            rows={[
              ['From', e.address ? <code key="a">{e.address}</code> : null],
              ['Request', e.request_id ? <code key="r">{e.request_id}</code> : null],
            ]}
          />
          <div className="row">
            <Button size="compact-xs" variant="default" onClick={() => onFilter({ actor: e.actor })}>
              All by {d.who}
            </Button>
            {d.thing ? (
              <Button size="compact-xs" variant="default" onClick={() => onFilter({ object_id: d.thing })}>
                All about {d.name || 'it'}
              </Button>
            ) : null}
          </div>
        </div>
      ) : null}
    </li>
  )
}
